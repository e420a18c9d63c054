"""A fast slice of benchmarks/simulation.py: intervals that cover, verdicts that are seldom wrong."""

from __future__ import annotations

import simulation
from simulation import Verdict

REPETITIONS = 60
BY_NAME = {setting.name: setting for setting in simulation.settings()}


def test_intervals_hold_the_truth_and_wrong_verdicts_are_rare() -> None:
    for name in ("null effect", "widens", "binary that persists"):
        setting = BY_NAME[name]
        tally = simulation.judge(setting, REPETITIONS, seed=1)
        assert min(tally.covered[effect] for effect in ("same", "shift", "change")) >= 0.88 * REPETITIONS
        assert sum(tally.verdicts[verdict] for verdict in simulation.denied(setting)) <= 0.1 * REPETITIONS


def test_twice_the_detectable_effect_gets_the_right_verdict() -> None:
    cases = simulation.powered(BY_NAME["null effect"], seed=1)
    assert {right for right, _ in cases} == set(Verdict) - {
        *(Verdict.DESCRIPTIVE, Verdict.NOT_COMPARABLE, Verdict.INCONCLUSIVE)
    }
    for case in cases:
        rate = simulation.rightly(case, 20, seed=1)
        assert rate is not None
        assert rate >= 0.8, case[0]


def test_one_seed_gets_no_verdict() -> None:
    tally = simulation.judge(BY_NAME["one seed"], 5, seed=1)
    assert tally.verdicts == {Verdict.DESCRIPTIVE: 5}


def test_scores_at_the_floor_are_not_called_equal() -> None:
    """One in 33 items is right with one method and one in 2,000 with the other: a gap above the margin."""
    setting = BY_NAME["binary at the floor"]
    tally = simulation.judge(setting, REPETITIONS, seed=1)
    assert tally.verdicts[Verdict.NO_GAP] == 0
    assert tally.covered["same"] >= 0.94 * REPETITIONS


def test_gaps_at_equal_value_hold_the_truth_where_levels_are_noisy() -> None:
    (line,) = [line for line in simulation.lines() if line.name == "steep and groups differ a lot"]
    given, levels_known = simulation.held(line, 2 * REPETITIONS, seed=1)
    assert given >= 0.93
    assert levels_known < given
