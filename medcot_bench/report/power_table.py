"""What a planned study can tell, as a table for the terminal, and which verdicts are in its reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeGuard

from tabulate import tabulate

from medcot_bench.planning.estimates.power import Expectation
from medcot_bench.report.format import span
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.power import CHANGE, GAP, largest

OUT_OF_REACH = "-"


def power(
    expected: Sequence[Expectation], unknown: Sequence[str], count: int, pilot: Path | None, wanted: float | None
) -> str:
    """Say what so many seeds can tell, and what it takes to tell more.

    `pilot` is where the variances are from, `unknown` are the scores that it, or what is assumed, has none of.
    """
    where = f"the variances in {pilot}" if pilot else "assumed variances; plan --from DIR takes a pilot's"
    seeds = "seed" if count == 1 else "seeds"
    lines = [f"what {count} {seeds} can tell in 80 % of studies, by {where}"]
    for score in dict.fromkeys(e.score for e in expected):
        lines += ["", _table([e for e in expected if e.score == score], wanted)]
    if expected:
        lines += [
            "",
            "differs from: the smallest effect that is told from zero; equal within: the smallest margin within",
            "which none is shown to lie; groups needed: to tell an effect of that size; "
            f"{OUT_OF_REACH}: out of reach; each",
            "effect by itself: where several are tested together, adjusting for that (Holm) takes more",
        ]
    if expected and count == 1:
        lines.append("one seed describes its models: no verdict on their methods will be given")
    elif expected:
        if count == 2:
            lines.append("two seeds tell little of how much seeds differ: these 80 % may be as few as 73 %")
        lines += _reach(expected)
    lacking = f"none in {pilot}" if pilot else "none assumed; plan --from DIR takes a pilot's"
    lines += [f"{score}: nothing can be said without variances: {lacking}" for score in unknown]
    return "\n".join(lines)


def _table(expected: Sequence[Expectation], wanted: float | None) -> str:
    """Return what can be told by one score, a row an effect."""
    score, margin = expected[0].score, expected[0].margin
    seeds = [*expected[0].needed]
    title = score if margin is None else f"{score}, margin {margin:g}"
    headers = [title, "groups", "differs from", "equal within"]
    if seeds:
        effect = margin if wanted is None else wanted
        headers.append(f"groups needed for {effect:g}, {' / '.join(map(str, seeds))} seeds")
    rows = [
        [
            _name(e),
            e.groups,
            _possible(e, e.detectable),
            "" if e.margin is None else _possible(e, e.showable),
            *([" / ".join(str(e.needed[n] or OUT_OF_REACH) for n in seeds)] if seeds else []),
        ]
        for e in expected
    ]
    return tabulate(rows, headers, disable_numparse=True)


def _name(expectation: Expectation) -> str:
    trained, task = expectation.trained, expectation.task
    if expectation.effect == CHANGE:
        return f"change from {trained} to {task}"
    return f"gap on {task}" + (f" after {trained}" if task != trained else "")


def _possible(expectation: Expectation, size: float | None) -> str:
    return f"{size:.3f}" if _is_possible(size, expectation) else OUT_OF_REACH


def _is_possible(size: float | None, expectation: Expectation) -> TypeGuard[float]:
    """Whether an effect can be that large: it is not more than shares of one can differ by."""
    most = largest(expectation.score != ON_ANY_FORM, change=expectation.effect == CHANGE)
    return size is not None and size <= most


def _reach(expected: Sequence[Expectation]) -> Iterator[str]:
    """Say which verdicts are out of reach, for each score, each by the effects that it rests on."""
    for score in dict.fromkeys(e.score for e in expected):
        of_score = [e for e in expected if e.score == score]
        margin = of_score[0].margin
        kinds = {
            "no gap": [e for e in of_score if e.effect == GAP and e.task == e.trained],
            "persists": [e for e in of_score if e.effect == CHANGE],
            "vanishes": [e for e in of_score if e.effect == GAP and e.task != e.trained],
        }
        out = []
        for verdict, effects in kinds.items():
            if blocked := [e for e in effects if margin is None or e.showable is None or e.showable > margin]:
                where = "" if len(blocked) == len(effects) else f" ({', '.join(map(_name, blocked))})"
                out.append(f"'{verdict}'{where}")
        untold = [e for e in of_score if not _is_possible(e.detectable, e)]
        sizes = [e.detectable for e in of_score if _is_possible(e.detectable, e)]
        told = f"effects of {span(sizes)} and more can be told" if sizes else ""
        if untold:
            where = f" in {', '.join(map(_name, untold))}" if sizes else ""
            told = f"no difference can be told{where}{'; other ' if told else ''}{told}"
        at = "without a margin" if margin is None else f"at a margin of {margin:g}"
        if out:
            yield f"{score}: out of reach {at}: {', '.join(out)}; {told}"
        else:
            yield f"{score}: {told}" if untold else f"{score}: every verdict is in reach; {told}"
