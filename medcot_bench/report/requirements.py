"""Whether a requirement holds, in one line for each row."""

from __future__ import annotations

from medcot_bench.analysis.requirements import Judged, Lacking
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.text import counted


def write_judged(found: Judged) -> str:
    """Say whether a requirement holds for a row: score, level, difference with its 95% CI, items and seeds.

    A difference is written as the score is: below 0 the score is below the level, be that better or worse.
    """
    trained = f", trained on {found.trained}" if found.trained else ""
    said = [f"{'holds' if found.holds else 'does not hold'}: {found.requirement.text} ({found.row}{trained})"]
    if found.score and found.difference:
        level = found.score.value - found.difference.value
        said += [f"{found.score.value:.4g}, level {level:.4g}, difference {_between(found.difference)}"]
        seeds = counted(found.difference.seeds, "seed")
        if found.difference.seeds < found.planned_seeds:
            seeds = f"{found.difference.seeds} of {counted(found.planned_seeds, 'seed')}"
        said += [f"{counted(found.difference.items, 'item')}{f', {seeds}' if found.trained else ''}"]
    said += [_REASONS[found.lacking].format(row=found.requirement.level.row)] if found.lacking else []
    return "; ".join(said)


def _between(found: Contrast) -> str:
    ends = found.interval()
    return f"{found.value:+.4g}" + (f" (95% CI {ends[0]:+.4g} to {ends[1]:+.4g})" if ends else "")


_REASONS = {
    Lacking.SCORE: "it has no such score yet",
    Lacking.LEVEL: "{row} has no such score, or was not trained on that task",
    Lacking.SHARED: "the two share no seed and item",
    Lacking.GAIN: "the gain of {row} over the base model is not significant: a share of it says nothing",
    Lacking.ONE_SEED: "one seed shows no difference between methods for sure",
    Lacking.FEW_GROUPS: "too few groups of items differ for an interval",
}
