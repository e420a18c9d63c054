"""The power analysis of a planned study for the terminal: what it can detect, and which verdicts it can reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeGuard

from medcot_bench.planning.estimates.power import Expectation
from medcot_bench.report.blocks import Table
from medcot_bench.report.format import span
from medcot_bench.report.terminal import draw_table, wrap
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.power import DID, GAP, largest
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.study.margin import Margin
from medcot_bench.text import counted

OUT_OF_REACH = "-"
COLUMNS = (
    "Detectable: the smallest effect that is significant in 80% of studies, by the variance between seeds as "
    "estimated and by its upper bound (80%). Margin: the smallest equivalence margin within which no effect is "
    "shown to lie. What is needed is counted by the upper bound, with items of the groups that the tasks have. "
    f"{OUT_OF_REACH}: out of reach. Each effect by itself; Holm correction for several takes more."
)


def write_power(
    expected: Sequence[Expectation], unknown: Sequence[str], count: int, pilot: Path | None, wanted: float | None
) -> str:
    """Say what so many seeds can detect, and what it takes to detect more.

    `pilot` is where the variances are from, `unknown` are the scores that it, or what is assumed, has none of.
    """
    where = (
        f"variances of {pilot}"
        if pilot
        else "assumed variances (the published studies'); --from DIR uses a pilot's"
    )
    lines = [wrap(f"Power analysis (80%, {counted(count, 'seed')}), by {where}:")]
    for score in dict.fromkeys(e.score for e in expected):
        lines += ["", *_table([e for e in expected if e.score == score], wanted)]
    if expected:
        lines += ["", wrap(COLUMNS)]
    if expected and count == 1:
        lines.append("One seed compares trained models, not methods: no verdict will be given.")
    elif expected:
        if count < LEAST_SEEDS:
            lines.append(f"No verdict is given below {LEAST_SEEDS} seeds.")
        lines += map(wrap, _reach(expected))
    missing = f"none in {pilot}" if pilot else "none assumed; --from DIR uses a pilot run's"
    lines += [wrap(f"{score}: no power analysis without variances ({missing}).") for score in unknown]
    return "\n".join(lines)


def _table(expected: Sequence[Expectation], wanted: float | None) -> Iterator[str]:
    """Yield what can be detected by one score, a row per effect, under a title."""
    score, margin = expected[0].score, expected[0].margin
    yield score if margin is None else f"{score}, margin {margin}"
    seeds = [*expected[0].items_needed]
    headers = ["effect", "items (groups)", "detectable", "margin"]
    if seeds:
        size = str(margin) if wanted is None else f"{wanted:g}"
        headers += [f"items for {size} with {' / '.join(map(str, seeds))} seeds", f"seeds for {size}"]
    rows = [
        [
            _name(e),
            f"{e.items} ({e.groups})",
            _write_range(e),
            "" if e.margin is None else _possible(e, e.showable),
            *(_write_needed(e) if seeds else []),
        ]
        for e in expected
    ]
    yield draw_table(Table(headers, rows))


def _write_range(expectation: Expectation) -> str:
    """Write the detectable effect by the estimate and by the upper bound of the seed variance."""
    ends = [_possible(expectation, e) for e in (expectation.detectable_at_best, expectation.detectable)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _write_needed(expectation: Expectation) -> list[str]:
    items = " / ".join(map(_write_count, expectation.items_needed.values()))
    return [items, _write_count(expectation.seeds_needed)]


def _write_count(count: int | None) -> str:
    return OUT_OF_REACH if count is None else str(count)


def _name(expectation: Expectation) -> str:
    trained, task = expectation.trained, expectation.task
    if expectation.effect == DID:
        return f"DiD {trained} to {task}"
    return f"gap on {task}" + (f" after {trained}" if task != trained else "")


def _possible(expectation: Expectation, size: float | None) -> str:
    return f"{size:.3f}" if _is_possible(size, expectation) else OUT_OF_REACH


def _is_possible(size: float | None, expectation: Expectation) -> TypeGuard[float]:
    """Whether an effect can be that large: it is not more than shares of one can differ by."""
    most = largest(expectation.score != ON_ANY_FORM, did=expectation.effect == DID)
    return size is not None and size <= most


def _reach(expected: Sequence[Expectation]) -> Iterator[str]:
    """Say which verdicts are out of reach, for each score, each by the effects that it rests on."""
    for score in dict.fromkeys(e.score for e in expected):
        of_score = [e for e in expected if e.score == score]
        margin = of_score[0].margin
        kinds = {
            "level in domain": [e for e in of_score if e.effect == GAP and e.task == e.trained],
            "level out of domain": [e for e in of_score if e.effect == GAP and e.task != e.trained],
            "steady": [e for e in of_score if e.effect == DID],
        }
        out = []
        for verdict, effects in kinds.items():
            if blocked := [e for e in effects if not _is_in_reach(e.showable, margin)]:
                where = "" if len(blocked) == len(effects) else f" ({', '.join(map(_name, blocked))})"
                out.append(f"'{verdict}'{where}")
        undetectable = [e for e in of_score if not _is_possible(e.detectable, e)]
        sizes = [e.detectable for e in of_score if _is_possible(e.detectable, e)]
        said = f"detectable effects {span(sizes)}" if sizes else ""
        if undetectable:
            where = f" in {', '.join(map(_name, undetectable))}" if sizes else ""
            said = f"no difference is detectable{where}{'; other ' if said else ''}{said}"
        at = "without a margin" if margin is None else f"at a margin of {margin}"
        if out:
            yield f"{score}: verdicts out of reach {at}: {', '.join(out)}; {said}."
        else:
            sure = not undetectable and margin is not None and margin.share is None
            yield f"{score}: every verdict is in reach; {said}." if sure else f"{score}: {said}."


def _is_in_reach(showable: float | None, margin: Margin | None) -> bool:
    """Whether equivalence can be shown; of a margin that is a share of a gain only the run can tell."""
    if margin is None or showable is None:
        return False
    return margin.size is None or showable <= margin.size
