"""Tables beside the answer: what one seed only describes is marked in each that has p-values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from medcot_bench.report import effect_tables as effects
from medcot_bench.report.blocks import Table
from medcot_bench.results.comparisons import Factor, Reading
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.testing.example_leaderboards import whole

TABLES: dict[str, Callable[[Leaderboard], Table]] = {
    "factors": lambda board: effects.factor_table(board.factors),
    "prompts": lambda board: effects.factor_table(board.prompts),
    "sizes": effects.size_table,
}


def with_seeds(board: Leaderboard, seeds: int) -> Leaderboard:
    def of(kind: str) -> tuple[object, ...]:
        return tuple(replace(one, found=replace(one.found, seeds=seeds)) for one in getattr(board, kind))

    sizes = tuple(replace(one, slope=replace(one.slope, seeds=seeds)) for one in board.sizes)
    return replace(board, factors=of("factors"), prompts=of("prompts"), sizes=sizes)


@pytest.mark.parametrize(
    ("table", "several", "one"),
    [
        ("factors", "0.04", "0.04, descriptive: one seed"),
        ("prompts", "", "descriptive: one seed"),
        ("sizes", "0.2", "0.2, descriptive: one seed"),
    ],
)
def test_p_values_of_one_seed_are_marked_as_descriptive(table: str, several: str, one: str) -> None:
    for seeds, expected in ((2, several), (1, one)):
        made = TABLES[table](with_seeds(whole(), seeds))
        assert made.rows[0][made.headers.index("p")] == expected


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (Reading.FULL_GENERALISES, "full fine-tuning generalises better"),
        (Reading.ADAPTER_GENERALISES, "lora generalises better"),
        (Reading.UNDER_TRAINED, "lora is under-trained"),
        (Reading.FURTHER_TRAINED, "lora is trained further"),
        (Reading.INCONCLUSIVE, "inconclusive"),
        (Reading.DESCRIPTIVE, "descriptive: one seed"),
        (Reading.EARLY, "matched before the first checkpoint"),
    ],
)
def test_readings_of_matched_gaps_name_the_adapter(reading: Reading, said: str) -> None:
    board = whole()
    assert effects.matched_table(replace(board, matched=(replace(board.matched[0], reading=reading),))).rows[0][
        -1
    ] == (said)


@pytest.mark.parametrize(
    ("kept", "left_out", "said"),
    [
        (5, 0, "+0.100 (+0.002 to +0.198)"),
        (3, 2, "+0.100 (+0.002 to +0.198), 3 of 5 seeds"),
        (0, 1, "0 of 1 seed"),
    ],
)
def test_a_matched_gap_says_how_many_seeds_it_rests_on(kept: int, left_out: int, said: str) -> None:
    board = whole()
    gap = Contrast(0.1, 0.05, 1e9, 40, 20, 5, 20) if kept else None
    found = replace(board.matched[0], seeds=kept, left_out=left_out, gap_at_level=gap)
    table = effects.matched_table(replace(board, matched=(found,)))
    assert table.rows[0][table.headers.index("matched gap")] == said


def test_every_factor_has_a_label() -> None:
    assert set(effects.LABELS) == set(Factor)
