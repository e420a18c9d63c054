"""Leaderboards of planted studies against the truth: how often each check holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy

from medcot_bench.analysis.build import build
from medcot_bench.analysis.matched import Point, at_equal_level
from medcot_bench.analysis.per_item import groups_of
from medcot_bench.results.comparisons import Effect, Persistence, Reading
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.precision_looks import PrecisionStop
from medcot_bench.results.recommendations import Worth
from medcot_bench.stats.contrasts import contrast
from medcot_bench.stats.p_values import difference, equivalence
from medcot_bench.stats.verdict import ALPHA, LEAST_SEEDS, GapSummary, decide, finding
from medcot_bench.study.precision import Aim
from simulation.draw import draw
from simulation.growth import grow_by_rule
from simulation.results import FULL, IN_DOMAIN, TASKS, Frame, adapter_name, make_frame, row_names
from simulation.settings import Setting
from simulation.truths import (
    EFFECTS,
    TINY,
    Gaps,
    Promise,
    denies,
    gaps_of,
    is_wrong_side,
    means_of,
    promises,
    ranks_falsely,
)

Counts = dict[str, list[int]]
"""Check -> how often it held, of how many."""
Held = Iterator[tuple[str, int]]
NO_SUMMARY = "without a summary"


def judge(setting: Setting, studies: Sequence[int], seed: int = 0) -> Counts:
    """Draw studies by their numbers, build each one's leaderboard, and count what holds."""
    frame = make_frame(setting)
    promised = promises(setting, 1)
    counts: Counts = {}
    for number in studies:
        rng = numpy.random.default_rng([seed, number, *setting.name.encode()])
        results = frame.fill(draw(setting, rng))
        for check, held in judge_results(frame, results, promised):
            count = counts.setdefault(check, [0, 0])
            count[0] += held
            count[1] += 1
    return counts


def judge_results(frame: Frame, results: Results, promised: Mapping[str, Promise]) -> Held:
    """Yield the checks that one study allows, where its precision rule stops if it has one."""
    rule = results.analysis.precision
    if rule is None:
        yield from judge_board(frame, results, build(results), promised)
        return
    grown, look = grow_by_rule(results, rule)
    board = build(grown)
    yield from judge_board(frame, grown, board, {})
    yield "seeds at the stop", look.seeds
    for stop in PrecisionStop:
        yield f"stopped: {stop}", look.stop is stop
    place = [Aim.IN_DOMAIN, Aim.OUT_OF_DOMAIN, Aim.CHANGE].index(rule.effect)
    for found in board.persistence:
        truth = gaps_of(frame.setting, int(found.adapter.partition("=")[2])).effects[place]
        if interval := [*effects_of(found).values()][place].found.interval():
            yield "covered at the stop", interval[0] <= truth <= interval[1]


def judge_board(frame: Frame, results: Results, board: Leaderboard, promised: Mapping[str, Promise]) -> Held:
    """Yield the checks that one leaderboard allows."""
    setting = frame.setting
    if setting.curve:
        yield from _judge_matched(setting, board)
        yield from _judge_known_levels(frame, results)
        return
    yield from _judge_effects(setting, board.persistence)
    yield from _judge_shares_kept(setting, board.persistence)
    yield from _judge_ranks(setting, board)
    yield from _judge_recommendations(setting, board)
    first = next((found for found in board.persistence if found.adapter == adapter_name(1)), None)
    if first:
        yield from _judge_promises(setting, first, promised)
        if setting.adapters == 1:
            yield from _judge_summaries(setting, first, promised)


def effects_of(found: Persistence) -> dict[str, Effect]:
    """Return effect -> what was found of it, the DiD where there is one."""
    effects = zip(EFFECTS, (found.in_domain.gap, found.out_of_domain.gap, found.did), strict=True)
    return {name: effect for name, effect in effects if effect}


def _judge_effects(setting: Setting, persistence: Sequence[Persistence]) -> Held:
    """Judge intervals one by one; claims by study, whether any of its adapters has a false one."""
    truths = {adapter_name(number): gaps_of(setting, number) for number in range(1, setting.adapters + 1)}
    errors = {
        f"family {name}": False
        for place, name in enumerate(EFFECTS)
        if any(abs(truth.effects[place]) < TINY for truth in truths.values())
    }
    errors |= {f"false word {name}": False for name in EFFECTS} | {"false summary": False}
    for found in persistence:
        truth, verdict = truths[found.adapter], found.verdict
        words = (verdict.in_domain, verdict.out_of_domain, verdict.change)
        enough = found.in_domain.gap.found.seeds >= min(LEAST_SEEDS, setting.seeds)
        for (name, effect), true, word in zip(effects_of(found).items(), truth.effects, words, strict=True):
            if enough:
                interval = effect.found.interval()
                yield f"no interval {name}", interval is None
                if interval:
                    yield f"covered {name}", interval[0] <= true <= interval[1]
            if abs(true) < TINY and not verdict.descriptive:
                errors[f"family {name}"] |= effect.finding.sign != "n.s."
            errors[f"false word {name}"] |= denies(str(word), true, setting.margin)
            yield f"inconclusive {name}", word == "inconclusive"
        yield f"summary {verdict.summary or NO_SUMMARY}", True
        errors["false summary"] |= truth.denies(verdict.summary)
        if truth.in_domain and (ratio := found.ratio):
            yield "ratio unbounded", ratio.low is None
            low, high = (
                (-math.inf, math.inf) if ratio.low is None or ratio.high is None else (ratio.low, ratio.high)
            )
            yield "covered ratio", low <= truth.out_of_domain / truth.in_domain <= high
    yield from errors.items()


def _judge_shares_kept(setting: Setting, persistence: Sequence[Persistence]) -> Held:
    """Judge by study whether any adapter is falsely said to keep more, or less, than the share of full's gain."""
    base, full, *own = means_of(setting)
    for place, name in enumerate(EFFECTS[:2]):
        wrong = said = False
        for found in persistence:
            kept = (found.in_domain, found.out_of_domain)[place].kept
            if kept:
                mean = own[int(found.adapter.partition("=")[2]) - 1]
                truth = mean[place] - base[place] - found.share * (full[place] - base[place])
                said = True
                wrong |= is_wrong_side(kept.finding, truth)
        yield f"share said {name}", said
        yield f"false share {name}", wrong


def _judge_ranks(setting: Setting, board: Leaderboard) -> Held:
    for place, (task, name) in enumerate(zip(TASKS, EFFECTS, strict=False)):
        means = {row: mean[place] for row, mean in zip(row_names(setting), means_of(setting), strict=True)}
        places = {
            row.adapter: row.tasks[task].ranks[IN_DOMAIN].place
            for row in board.rows
            if task in row.tasks and IN_DOMAIN in row.tasks[task].ranks
        }
        yield f"no ranks {name}", len(places) < 2
        if len(places) > 1:
            yield f"false ranks {name}", ranks_falsely(places, means)


def _judge_recommendations(setting: Setting, board: Leaderboard) -> Held:
    means = dict(zip(row_names(setting), (mean[0] for mean in means_of(setting)), strict=True))
    chosen = [one.recommended for one in board.recommendations if one.recommended]
    yield "recommends", bool(chosen)
    yield "recommends no gain", any(means[name] < means["none"] + TINY for name in chosen)
    false_worth = False
    for full in (one.full for one in board.recommendations if one.full):
        gap = means[full.full] - means[full.other]
        false_worth |= (full.worth is Worth.YES and gap < TINY) or (
            full.worth is Worth.NO and abs(gap) >= setting.margin - TINY
        )
    yield "false worth", false_worth


def _judge_promises(setting: Setting, found: Persistence, promised: Mapping[str, Promise]) -> Held:
    """Move what was found to the effect that `plan` calls detectable, and to none: the noise stays the same."""
    for (name, effect), true in zip(effects_of(found).items(), gaps_of(setting, 1).effects, strict=True):
        if promise := promised.get(name):
            none = replace(effect.found, value=effect.found.value - true)
            one = replace(none, value=none.value + promise.detectable)
            yield f"detected {name}", one.value > 0 and _significant(difference(one))
            yield f"shown level {name}", _significant(equivalence(none, promise.showable))


def _judge_summaries(setting: Setting, found: Persistence, promised: Mapping[str, Promise]) -> Held:
    """Move what was found to effects of twice what can be detected: the right summary should follow.

    For what is level or steady, the margin is twice the one that can be shown.
    """
    if not promised or setting.seeds < LEAST_SEEDS:
        return
    margin = 2 * max(promise.showable for promise in promised.values())
    gap, did = (
        2 * max(margin, *(promised[name].detectable for name in names)) for names in (EFFECTS[:2], EFFECTS[2:])
    )
    twice = {
        GapSummary.PERSISTS: (gap, gap),
        GapSummary.EMERGES: (0.0, max(gap, did)),
        GapSummary.WIDENS: (gap, gap + did),
        GapSummary.SHRINKS: (gap + did, gap),
        GapSummary.VANISHES: (max(gap, did), 0.0),
        GapSummary.REVERSES: (gap, -gap),
        GapSummary.LEVEL: (0.0, 0.0),
        GapSummary.AHEAD: (-gap, -gap),
    }
    truth = gaps_of(setting, 1)
    for summary, (in_domain, out_of_domain) in twice.items():
        wanted = Gaps(in_domain, out_of_domain, margin)
        findings = []
        for effect, true, moved in zip(effects_of(found).values(), truth.effects, wanted.effects, strict=True):
            there = replace(effect.found, value=effect.found.value - true + moved)
            findings.append(finding(there.value, difference(there), equivalence(there, margin)))
        yield f"right summary {summary}", decide(*findings, setting.seeds).summary is summary


def _significant(p_value: float | None) -> bool:
    return p_value is not None and p_value <= ALPHA


def _judge_matched(setting: Setting, board: Leaderboard) -> Held:
    """All methods are on one curve: none generalises better, and no gap is left at one level."""
    generalise = (Reading.FULL_GENERALISES, Reading.ADAPTER_GENERALISES)
    yield "false generalises", any(found.reading in generalise for found in board.matched)
    for found in board.matched:
        enough = found.seeds >= min(LEAST_SEEDS, setting.seeds)
        interval = found.gap_at_level.interval() if found.gap_at_level and enough else None
        yield "no interval matched", interval is None
        if interval:
            yield "covered matched", interval[0] <= 0 <= interval[1]


def _judge_known_levels(frame: Frame, results: Results) -> Held:
    """Judge the first adapter's gap at one level as if it were known where each path is to be cut."""
    base, *trained = frame.cells
    paths = {}
    for seed in range(frame.setting.seeds):
        of_seed = {cell.cell.adapter: cell for cell in trained if cell.cell.seed == seed and cell.record}
        if adapter_name(1) in of_seed:
            full, own = of_seed[FULL], of_seed[adapter_name(1)]
            start = [*_points(results, base)]
            paths[seed] = ([*start, *_points(results, full)], [*start, *_points(results, own)])
    groups = [groups_of(of_items, task) for task, of_items in zip(TASKS, frame.groups, strict=True)]
    found = at_equal_level(paths, *groups)
    if found and found.matched:
        low, high = contrast(found.matched[:1]).interval() or (-math.inf, math.inf)
        yield "covered matched, level known", low <= 0 <= high


def _points(results: Results, cell: CellResult) -> Iterator[Point]:
    for step in dict.fromkeys(step for step, _ in cell.keys):
        same, shift = (results.items(cell, task, step).scores["gold_nll"] for task in TASKS)
        yield Point(same, shift, (dict.fromkeys(same, 1.0), dict.fromkeys(shift, 1.0)))
