"""The published studies computed a second time: from the files themselves, with numpy and scipy alone."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy
import pytest
from lanes import slow
from recomputed import (
    FOLDERS,
    Stored,
    Table,
    agrees,
    board_of,
    expected,
    holm,
    less,
    same_p,
    sparse,
    stored_in,
    two_tests,
)

LESS_IS_BETTER = {"gold_nll", "truncated", "repetition"}


class Gap:
    """Full fine-tuning, an adapter and the base on one task of a comparison, on the seeds of both its tasks."""

    def __init__(self, stored: Stored, found: Any, task: str):
        sides = [
            (a, found.task, t, found.score)
            for a in ("full", found.adapter)
            for t in (found.task, found.out_of_domain.task)
        ]
        seeds, base = stored.seeds(*sides), ("none", None, task, found.score)
        sign = -1.0 if found.score == "gold_nll" else 1.0
        self.full, self.own = stored.tables(*(key for key in sides if key[2] == task), seeds=seeds)
        self.gap = less(self.full, self.own, sign)
        self.gains: list[Table] = []
        if base in stored.rows:
            full, own, untouched = stored.tables(*(key for key in sides if key[2] == task), base, seeds=seeds)
            self.gains = [less(one, untouched, sign) for one in (own, full)]


def gaps_of(stored: Stored, found: Any) -> tuple[Gap, Gap]:
    """On the training task and under shift."""
    return Gap(stored, found, found.task), Gap(stored, found, found.out_of_domain.task)


def apart(table: Table) -> float | None:
    values = table[0]
    pairs = [abs(values[a] - values[b]).mean() for a, b in combinations(range(values.shape[0]), 2)]
    return float(numpy.mean(pairs)) if pairs else None


def like(shown: float | None, mine: float | None) -> bool:
    return shown == (None if mine is None else pytest.approx(mine, rel=1e-9, abs=1e-12))


def same_mean(shown: Any, table: Table) -> bool:
    """Compare a mean; return whether it has a standard error: one group gives none."""
    values, groups = table
    if len(set(groups)) > 1:
        assert agrees(shown, (1.0, table))
        return True
    assert (shown.value, shown.stderr) == (pytest.approx(values.mean(), rel=1e-9), None)
    return False


@pytest.mark.parametrize(
    "folder",
    [slow(folder) if folder.name != "quick" else folder for folder in FOLDERS],
    ids=lambda folder: folder.name,
)
def test_every_mean_and_gap_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, board = stored_in(folder), board_of(folder)
    compared = 0
    for row in board.rows:
        for task, part in row.tasks.items():
            for name, mean in part.scores.items():
                key = (row.adapter, row.task, task, name)
                table, groups = stored.tables(key)[0] if key in stored.rows else ([], [])
                compared += bool(groups) and same_mean(mean, (table, groups))
    for found in board.persistence:
        both = gaps_of(stored, found)
        for side, mine in zip((found.in_domain, found.out_of_domain), both, strict=True):
            assert agrees(side.full, (1.0, mine.full))
            assert agrees(side.adapter, (1.0, mine.own))
            assert agrees(side.gap.found, (1.0, mine.gap))
            for gain, table in zip((side.adapter_gain, side.full_gain), mine.gains, strict=bool(mine.gains)):
                assert agrees(gain, (1.0, table))
            assert like(side.full_seed_difference, apart(mine.full))
            assert like(side.adapter_seed_difference, apart(mine.own))
        if found.did:
            assert agrees(found.did.found, (1.0, both[1].gap), (-1.0, both[0].gap))
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_lead_over_full_and_base_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, board = stored_in(folder), board_of(folder)
    compared = 0
    for row in board.rows:
        for task, part in row.tasks.items():
            for shown, (adapter, trained), weight in (
                (part.gaps, ("full", row.task), 1.0),
                (part.gains, ("none", None), -1.0),
            ):
                for name, found in shown.items():
                    own, other = stored.tables((row.adapter, row.task, task, name), (adapter, trained, task, name))
                    lead = less(other, own, -weight if name in LESS_IS_BETTER else weight)
                    compared += same_mean(found, lead)
    assert compared > 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_p_value_and_verdict_of_a_published_study_is_found_again(folder: Path) -> None:
    asked = json.loads((folder / "plan.json").read_text())["analysis"]
    stored, board = stored_in(folder), board_of(folder)
    families: defaultdict[tuple[str, bool], list[Any]] = defaultdict(list)
    for found in board.persistence:
        named = [(asked["adapters"], found.adapter), (asked["shifts"], found.out_of_domain.task)]
        hypothesis = found.score == asked["primary"] and all(not names or one in names for names, one in named)
        assert found.declared == hypothesis
        families[found.score, hypothesis].append(found)
    for (score, _), family in families.items():
        read_off: dict[tuple[str, int], tuple[int, bool]] = {}
        for kind in ("same", "shift", "change"):
            effects: dict[Any, tuple[Any, list[tuple[float, Table]]]] = {}
            gains: list[Table | None] = []
            for number, found in enumerate(family):
                same, shift = gaps_of(stored, found)
                of_full = [gap.gains[1] if gap.gains else None for gap in (same, shift)]
                before = len(effects)
                # A gap in domain is one whatever the shift, where it is of the same seeds.
                if kind == "same":
                    effects[found.task, found.adapter, same.gap[0].shape[0]] = (
                        found.in_domain.gap,
                        [(1.0, same.gap)],
                    )
                elif kind == "shift":
                    effects[number] = (found.out_of_domain.gap, [(1.0, shift.gap)])
                elif found.did:
                    effects[number] = (found.did, [(1.0, shift.gap), (-1.0, same.gap)])
                gains += [of_full[kind == "shift"]] * (len(effects) - before)
            tests = [
                two_tests(asked["margins"][score], *parts, gain=gain)
                for (_, parts), gain in zip(effects.values(), gains, strict=True)
            ]
            zero, beyond = (holm([test[place] for test in tests]) for place in (0, 1))
            assert same_p([effect.difference for effect, _ in effects.values()], zero)
            assert same_p([effect.equivalence for effect, _ in effects.values()], beyond)
            found_again = {
                key: told(expected(*parts)[0] > 0, *ps)
                for (key, (_, parts)), *ps in zip(effects.items(), zero, beyond, strict=True)
            }
            for number, found in enumerate(family):
                seeds = found.in_domain.gap.found.seeds
                key = (found.task, found.adapter, seeds) if kind == "same" else number
                if key in found_again:
                    read_off[kind, number] = found_again[key]
        for number, found in enumerate(family):
            if found.did and found.did.found.seeds > 2:
                assert str(found.verdict) == verdict(
                    *(read_off[kind, number] for kind in ("same", "shift", "change"))
                )


def told(above: bool, zero: float | None, beyond: float | None) -> tuple[int, bool]:
    """1, -1, or 0 for what is not significant; and whether it lies within the margin."""
    sign = (1 if above else -1) if zero is not None and zero <= 0.05 else 0
    return sign, beyond is not None and beyond <= 0.05


def verdict(same: tuple[int, bool], shift: tuple[int, bool], change: tuple[int, bool]) -> str:
    """The definitions of docs/persistence.md."""
    standing = [
        ("level" if within else {1: "behind", -1: "ahead"}.get(sign, "")) for sign, within in (same, shift)
    ]
    moved = "steady" if change[1] else {1: "grows", -1: "shrinks"}.get(change[0], "")
    by_change = {"steady": "persists", "grows": "widens", "shrinks": "shrinks", "": "behind throughout"}
    if standing == ["behind", "behind"]:
        return by_change[moved]
    if standing[0] == standing[1] != "":
        return f"{standing[0]} throughout"
    if {*standing} == {"behind", "ahead"}:
        return "reverses"
    if [*standing, moved] in (["level", "behind", "grows"], ["behind", "level", "shrinks"]):
        return "emerges" if moved == "grows" else "vanishes"
    parts = [f"{one} {where}" for one, where in zip(standing, ("in domain", "out of domain"), strict=True) if one]
    return ", ".join([*parts, *([f"gap {moved}"] if moved else [])]) or "inconclusive"


def quantile(*tables: tuple[float, Table]) -> float:
    _, stderr, half = expected(*tables)
    return half / stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_ratio_and_count_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, compared = stored_in(folder), 0
    for found in board_of(folder).persistence:
        both = gaps_of(stored, found)
        for side, mine in zip((found.in_domain, found.out_of_domain), both, strict=True):
            for place, p in enumerate(side.mcnemar.values()):
                sides = ((mine.full[0], mine.own[0]), (mine.own[0], mine.full[0]))
                only = [int((one[place] > other[place]).sum()) for one, other in sides]
                tail = sum(math.comb(sum(only), k) for k in range(min(only) + 1)) / 2 ** sum(only)
                assert p == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
            if side.recovered:
                own, full = mine.gains
                compared += ratio_agrees(side.recovered, own, full)
        if found.ratio:
            same, shift = both
            compared += ratio_agrees(found.ratio, shift.gap, same.gap)
    assert compared or not stored.whole


def ratio_agrees(shown: Any, over: Table, under: Table) -> bool:
    """Compare a ratio and its set; return whether it has ends: a denominator that may be zero leaves none."""
    (a, _, _), (b, of_under, _) = expected((1.0, over)), expected((1.0, under))
    assert like(shown.value, a / b if b else None)
    q = max((quantile((1.0, table)) for table in (over, under) if expected((1.0, table))[1]), default=0.0)
    bounded = not (sparse(over) or sparse(under)) and abs(b) > q * of_under
    assert (shown.low is not None) == (shown.high is not None) == bounded
    for end in (shown.low, shown.high) if bounded else ():
        value, stderr, _ = expected((1.0, over), (-end, under))
        assert abs(value) == pytest.approx(q * stderr, rel=1e-9)
    return bounded


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_factor_and_prompt_effect_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, board = stored_in(folder), board_of(folder)
    families: defaultdict[Any, list[tuple[float | None, Table]]] = defaultdict(list)
    weights = {
        "scope": (0.5, 0.5, -0.5, -0.5),
        "rank": (0.5, 0.5, -0.5, -0.5),
        "scope x rank": (1.0, -1.0, -1.0, 1.0),
        "bits": (1.0, -1.0),
    }
    for effect in board.factors:
        rows = stored.tables(
            *((adapter, effect.trained, effect.task, effect.score) for adapter in effect.adapters)
        )
        sign = -1.0 if effect.score == "gold_nll" else 1.0
        combined = sum(sign * w * row[0] for w, row in zip(weights[effect.effect], rows, strict=True))
        assert agrees(effect.found, (1.0, (combined, rows[0][1])))
        families[effect.score].append((effect.p_value, (combined, rows[0][1])))
    for effect in board.prompts:
        keys = ((effect.adapters[0], effect.trained, t, effect.score) for t in (effect.trained, effect.task))
        own, other = stored.tables(*keys)
        lost = less(own, other, -1.0 if effect.score == "gold_nll" else 1.0)
        assert agrees(effect.found, (1.0, lost))
        families[effect.task, effect.score].append((effect.p_value, lost))
    for family in families.values():
        mine = holm([two_tests(1.0, (1.0, table))[0] for _, table in family])
        assert same_p([p_value for p_value, _ in family], mine)
    assert board.factors or folder.name != "study"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_share_kept_of_a_published_study_is_found_again(folder: Path) -> None:
    """The adapter's gain less nine tenths of full fine-tuning's, where that is significant."""
    stored, board, compared = stored_in(folder), board_of(folder), 0
    families: defaultdict[tuple[str, bool, str], dict[Any, tuple[Any, float | None]]] = defaultdict(dict)
    for number, found in enumerate(board.persistence):
        for kind, side, mine in zip(
            "io", (found.in_domain, found.out_of_domain), gaps_of(stored, found), strict=True
        ):
            own, full = mine.gains
            p_of_full = two_tests(1.0, (1.0, full))[0]
            learnt = full[0].mean() > 0 and p_of_full is not None and p_of_full <= 0.05
            over = (own[0] - 0.9 * full[0], own[1])
            assert (side.kept is not None) == learnt
            if side.kept:
                assert agrees(side.kept.found, (1.0, over))
                compared += 1
            # A row's share in domain is one whatever the shift, where it is of the same seeds.
            key = (found.task, found.adapter, own[0].shape[0]) if kind == "i" else number
            p_value = two_tests(1.0, (1.0, over))[0] if learnt else None
            families[found.score, found.declared, kind][key] = (side.kept, p_value)
    for family in families.values():
        shown = [kept.difference if kept else None for kept, _ in family.values()]
        assert same_p(shown, holm([p_value for _, p_value in family.values()]))
    assert compared


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_p_value_of_a_gain_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, board = stored_in(folder), board_of(folder)
    families: defaultdict[tuple[str | None, str, str], list[tuple[float | None, float | None]]] = defaultdict(list)
    for row in board.rows:
        for task, part in row.tasks.items():
            for name in part.gains:
                own, base = stored.tables((row.adapter, row.task, task, name), ("none", None, task, name))
                alone = len(set(own[1])) < 2  # one group has no error
                mine = None if alone else two_tests(1.0, (1.0, less(own, base)))[0]
                families[row.task, task, name].append((part.gain_p_values[name], mine))
    assert None not in {trained for trained, _, _ in families}  # no rows but the base model's are untrained
    for family in families.values():
        assert same_p([shown for shown, _ in family], holm([mine for _, mine in family]))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_rank_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, board = stored_in(folder), board_of(folder)
    compared = 0
    for task, trained in product(board.tasks, {row.task for row in board.rows if row.task}):
        ranks = {
            (row.adapter, row.task): row.tasks[task].ranks[trained]
            for row in board.rows
            if task in row.tasks and trained in row.tasks[task].ranks
        }
        if not ranks:
            continue
        score = next(iter(ranks.values())).score
        sign = -1.0 if score == "gold_nll" else 1.0
        mine = dict(zip(ranks, stored.tables(*((*key, task, score) for key in ranks)), strict=True))
        left = sorted(mine, key=lambda key: -sign * mine[key][0].mean())
        pairs = math.comb(len(left), 2)
        place = 1
        while left:
            leader, *others = left
            tests = [two_tests(1.0, (1.0, less(mine[leader], mine[other])))[0] for other in others]
            adjusted = holm([*tests, *[1.0] * (pairs - len(tests))])
            tied = [leader, *(o for o, p in zip(others, adjusted, strict=False) if p is None or p > 0.05)]
            for key in tied:
                assert (ranks[key].place, ranks[key].shared) == (place, len(tied) > 1)
                compared += 1
            place += len(tied)
            left = [key for key in left if key not in tied]
    assert compared or not stored.whole
