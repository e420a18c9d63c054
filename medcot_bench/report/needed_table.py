"""What would settle each inconclusive effect, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medcot_bench.report.blocks import Table
from medcot_bench.report.format import duration
from medcot_bench.results.comparisons import Effect, Needed, Persistence, Sizes
from medcot_bench.text import counted

NEEDED = "What would settle each inconclusive effect, with 80% power after Holm correction:"
"""Over the table."""
NAMES = ("gap in domain", "gap on {task}", "DiD to {task}")
OUT_OF_REACH = "out of reach"
UNKNOWN = "unknown: too few groups of items differ"


def needed_table(found: Sequence[Persistence]) -> Table:
    """Return a row for each effect that leaves a verdict inconclusive; a gap in domain has one for all shifts."""
    rows = dict.fromkeys(
        (
            one.task,
            one.adapter,
            NAMES[place].format(task=one.out_of_domain.task),
            f"{effect.needed.showing} ({effect.needed.size:.3f})" if effect.needed else "",
            write_needed(effect.needed),
        )
        for one in found
        for place, effect in inconclusive_effects(one)
    )
    return Table(["trained on", "adapter", "inconclusive", "to show", "would be settled by"], [*map(list, rows)])


def inconclusive_effects(found: Persistence) -> Iterator[tuple[int, Effect]]:
    """Yield the effects that leave a verdict inconclusive, and their places: gap in domain, out of domain, DiD."""
    effects = (found.in_domain.gap, found.out_of_domain.gap, found.did)
    for place, effect in enumerate(effects):
        if effect and not effect.finding.conclusive and not found.verdict.descriptive:
            yield place, effect


def write_needed(needed: Needed | None) -> str:
    """Write every way to settle an effect, with its time."""
    if needed is None:
        return UNKNOWN
    ways = (f"{write_way(way, needed.now)}{_write_time(way)}" for way in needed.ways)
    return " or ".join(ways) or OUT_OF_REACH


def write_way(way: Sizes, now: Sizes) -> str:
    """Write what more a study takes than it has.

    >>> write_way(Sizes(5, 36, 18), Sizes(3, 36, 18))
    '2 more seeds'
    >>> write_way(Sizes(5, 72, 36), Sizes(3, 36, 18))
    '2 more seeds with 36 groups of items instead of 18'
    >>> write_way(Sizes(3, 72, 18), Sizes(3, 36, 18))
    '72 items per task instead of 36'
    """
    seeds = [counted(way.seeds - now.seeds, "more seed")] if way.seeds > now.seeds else []
    items = [f"{way.items} items per task instead of {now.items}"] if way.items > now.items else []
    if way.groups > now.groups and now.groups < now.items:
        items = [f"{way.groups} groups of items instead of {now.groups}"]
    return " with ".join([*seeds, *items])


def _write_time(way: Sizes) -> str:
    return f" ({duration(way.seconds)})" if way.seconds else ""
