"""What a planned study can tell, as a table for the terminal, and which verdicts are in its reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from medcot_bench.analysis.persistence import ON_ANY_FORM
from medcot_bench.analysis.planning import GAP, Expectation

OUT_OF_REACH = "-"


def power(expected: Sequence[Expectation], count: int, pilot: Path | None, wanted: float | None) -> str:
    """Say what so many seeds can tell, and what it takes to tell more; `pilot` is where the variances are from."""
    where = f"the variances in {pilot}" if pilot else "assumed variances; plan --from DIR takes a pilot's"
    seeds = "seed" if count == 1 else "seeds"
    lines = [f"what {count} {seeds} can tell in 80 % of studies, by {where}"]
    for score in dict.fromkeys(e.score for e in expected):
        lines += ["", _table([e for e in expected if e.score == score], wanted)]
    lines += [
        "",
        "differs from: the smallest effect that is told from zero; equal within: the smallest margin within which",
        f"none is shown to lie; groups needed: to tell an effect of that size; {OUT_OF_REACH}: out of reach",
    ]
    if count == 1:
        lines.append("one seed describes its models: no verdict on their methods will be given")
    else:
        lines += _reach(expected)
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
            f"gap on {e.task}" + (f" after {e.trained}" if e.task != e.trained else "")
            if e.effect == GAP
            else f"change from {e.trained} to {e.task}",
            e.groups,
            _possible(e, e.detectable),
            "" if e.margin is None else _possible(e, e.showable),
            *([" / ".join(str(e.needed[n] or OUT_OF_REACH) for n in seeds)] if seeds else []),
        ]
        for e in expected
    ]
    return tabulate(rows, headers, disable_numparse=True)


def _possible(expectation: Expectation, size: float) -> str:
    """Write an effect, unless it is more than shares of one can differ by."""
    most = 1 if expectation.effect == GAP else 2
    return OUT_OF_REACH if expectation.score != ON_ANY_FORM and size > most else f"{size:.3f}"


def _reach(expected: Sequence[Expectation]) -> Iterator[str]:
    """Say which verdicts are out of reach, for each score."""
    for score in dict.fromkeys(e.score for e in expected):
        of_score = [e for e in expected if e.score == score]
        margin = of_score[0].margin
        blocked = [e for e in of_score if margin is None or e.showable > margin]
        if margin is None or len(blocked) == len(of_score):
            at = "without a margin" if margin is None else f"at a margin of {margin:g}"
            yield f"{score}: 'no gap', 'persists' and 'vanishes' are out of reach {at}; differences can be told"
        elif blocked:
            names = dict.fromkeys(e.task for e in blocked)
            yield f"{score}: at a margin of {margin:g} equality can't be shown on {', '.join(names)}"
        else:
            yield f"{score}: every verdict is in reach"
