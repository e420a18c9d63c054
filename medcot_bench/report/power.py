"""What a planned study can tell, as a table for the terminal, and which verdicts are in its reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from medcot_bench.analysis.planning import GAP, Expectation


def power(expected: Sequence[Expectation], count: int, pilot: Path | None, wanted: float | None) -> str:
    """Say what so many seeds can tell, and what it takes to tell more; `pilot` is where the variances are from."""
    seeds = [*dict.fromkeys(count for e in expected for count in e.needed)]
    rows = [
        [
            f"gap on {e.task}" + (f" after {e.trained}" if e.task != e.trained else "")
            if e.effect == GAP
            else f"change from {e.trained} to {e.task}",
            e.score,
            e.groups,
            f"{e.detectable:.3f}",
            ""
            if e.margin is None
            else f"{e.showable:.3f}" + (" (beyond the margin)" if e.showable > e.margin else ""),
            *("none" if (n := e.needed.get(s)) is None else n for s in seeds),
        ]
        for e in expected
    ]
    target = "margin" if wanted is None else f"{wanted:g}"
    headers = ["effect", "score", "groups", "told from zero from", "shown to be none within"]
    headers += [f"groups for {target}, {n} seeds" for n in seeds]
    where = f"the variances in {pilot}" if pilot else "assumed variances; plan --from DIR takes a pilot's"
    lines = [
        f"what {count} {'seed' if count == 1 else 'seeds'} can tell in 80 % of studies, by {where}:",
        tabulate(rows, headers, disable_numparse=True),
    ]
    if count == 1:
        lines.append("one seed describes its models: no verdict on their methods will be given")
    else:
        lines += _reach(expected)
    return "\n".join(lines)


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
