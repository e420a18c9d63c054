"""Planted studies of benchmarks/simulation: drawn as their settings say, and judged rightly."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy
import pytest
import simulate
import yaml
from lanes import draw as drawn
from pydantic import ValidationError
from simulation.draw import draw
from simulation.growth import grow_by_rule
from simulation.judge import judge, judge_board
from simulation.results import make_frame
from simulation.settings import FILE, Noise, Noises, Pair, Setting, read_settings, read_sizes
from simulation.tables import write_into, write_tables
from simulation.truths import EFFECTS, Gaps, denies, gaps_of, is_wrong_side, promises, ranks_falsely

import medcot_bench
from medcot_bench.analysis.build import build
from medcot_bench.stats.verdict import Finding, GapSummary

SETTINGS = {setting.name: setting for setting in read_settings()}
QUICK = SETTINGS["quick by gold_nll, 3 seeds, 2 adapters"]
SILENT = Noise(group=0, item=0, seed=0, seed_group=0, rest=0)


def test_sizes_are_read_as_written() -> None:
    assert read_sizes("60 + 3x2") == (60, 2, 2, 2)
    sizes = SETTINGS["Zipf groups, 3 seeds"].sizes.in_domain
    assert sizes == tuple(max(1, round(30 / rank)) for rank in range(1, 31))


def test_every_fault_of_the_settings_is_said_at_once(tmp_path: Path) -> None:
    read = yaml.safe_load(FILE.read_text())
    for fields in ({"margin": 0}, {"missing": {3: 1}}, {"tails": "heavy", "seeds": [3]}, {"twist": 1}):
        read["settings"].append({"name": f"odd {len(read['settings'])}", "reason": "none", **fields})
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(read))
    with pytest.raises(ValidationError) as raised:
        read_settings(path)
    said = str(raised.value)
    assert all(part in said for part in ("margin", "adapter 3 of 2 can't miss 1 of 3 seeds", "tails", "twist"))


def test_two_settings_of_one_name_are_refused(tmp_path: Path) -> None:
    read = yaml.safe_load(FILE.read_text())
    read["settings"].append(copy.deepcopy(read["settings"][0]))
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(read))
    with pytest.raises(ValueError, match="several settings are called quick by gold_nll, 3 seeds, 2 adapters"):
        read_settings(path)


@pytest.mark.parametrize(
    "name",
    [
        "quick by gold_nll, 3 seeds, 2 adapters",
        "seeds anticorrelated between tasks, 3 seeds",
        "a seed in ten collapses, 3 seeds",
        "geometric groups, 3 seeds",
        "lognormal, 3 seeds",
        "a noisy adapter beside a calm full, 3 seeds",
    ],
)
def test_mean_gaps_vary_as_the_variances_of_the_setting_say(name: str) -> None:
    setting = SETTINGS[name]
    rng = numpy.random.default_rng(1)
    gaps = []
    for _ in range(600):
        same, shift = (values[0, :, -1].mean() - values[1, :, -1].mean() for values in draw(setting, rng).trained)
        gaps.append((same, shift, shift - same))
    found = numpy.std(gaps, axis=0)
    promised = [promise.stderr for promise in promises(setting, 1).values()]
    assert found == pytest.approx(promised, rel=0.1)
    assert numpy.mean(gaps, axis=0) == pytest.approx(gaps_of(setting, 1).effects, abs=4 * max(found) / 600**0.5)


def test_binary_answers_are_right_as_often_as_the_setting_says() -> None:
    setting = SETTINGS["binary, 3 seeds"].model_copy(update={"first": (0.4, 0.2)})
    rng = numpy.random.default_rng(1)
    studies = [draw(setting, rng) for _ in range(300)]
    for task in (0, 1):
        right = numpy.mean([study.trained[task].mean(axis=(1, 2, 3)) for study in studies], axis=0)
        base = numpy.mean([study.base[task].mean() for study in studies])
        assert [base, *right] == pytest.approx([mean[task] for mean in setting.means], abs=0.02)


def _silent(name: str) -> Setting:
    setting = SETTINGS[name]
    return setting.model_copy(update={"noise": Noises(reason="none", in_domain=SILENT, out_of_domain=SILENT)})


def test_methods_on_one_straight_path_differ_in_nothing_but_their_ends() -> None:
    (found, _) = _board(_silent("one curve, straight")).matched
    assert found.gap_at_end.value == pytest.approx(0.75 * (0.85 - 0.66))
    assert found.gap_at_level.value == pytest.approx(0)


def test_a_chord_of_a_bent_path_makes_a_gap_that_is_none() -> None:
    setting = _silent("one curve, u^3")
    curve = setting.curve.model_copy(update={"adapter_end": 0.8}) if setting.curve else None
    (found, _) = _board(setting.model_copy(update={"curve": curve})).matched
    before, after = (0.85 * (1 - left**4) for left in (2 / 3, 1 / 3))  # full fine-tuning at 1/3 and 2/3
    weight = (0.8 - before) / (after - before)
    on_the_chord = 0.75 * ((1 - weight) * before**3 + weight * after**3)
    assert found.gap_at_level.value == pytest.approx(on_the_chord - 0.75 * 0.8**3)


def _board(setting: Setting, number: int = 0) -> Any:
    return build(make_frame(setting).fill(draw(setting, numpy.random.default_rng(number))))


@pytest.mark.parametrize(
    "name",
    [
        "quick by gold_nll, 3 seeds, 2 adapters",
        "seeds missing",
        "seeds missing from the plan",
        "binary, 3 seeds",
        "one curve, u^2, 3 seeds",
        pytest.param("seeds dominate, 5 seeds, 8 adapters", marks=pytest.mark.slow),
        pytest.param("one huge group, 3 seeds", marks=pytest.mark.slow),
    ],
)
def test_a_result_folder_gives_the_leaderboard_of_the_results_in_memory(name: str, tmp_path: Path) -> None:
    frame = make_frame(SETTINGS[name])
    study = draw(frame.setting, numpy.random.default_rng(7))
    frame.write(study, tmp_path)
    board = build(medcot_bench.load(tmp_path))
    assert board == build(frame.fill(study))
    assert board.matched if frame.setting.curve else board.persistence


def _shares(counts: dict[str, list[int]]) -> dict[str, float]:
    return {check: held / of for check, (held, of) in counts.items()}


def _slack(count: int) -> float:
    """Four standard errors of a share of 0.95."""
    return float(4 * (0.05 * 0.95 / count) ** 0.5)


@drawn(quick=8, slow=40)
def test_intervals_hold_the_truth_and_false_claims_are_rare(count: int) -> None:
    for name in ("persists", "widens", "binary that persists"):
        shares = _shares(judge(SETTINGS[name], range(count)))
        covered = [shares[f"covered {effect}"] for effect in (*EFFECTS, "ratio")]
        false = [shares[check] for check in (*(f"false word {effect}" for effect in EFFECTS), "false summary")]
        assert min(covered) >= 0.95 - _slack(count)
        assert max(false) <= 0.05 + _slack(count)


@drawn(quick=8, slow=60)
def test_scores_at_the_floor_are_not_called_level(count: int) -> None:
    """One in 33 items is right with one method and one in 2,000 with the other: a gap above the margin."""
    shares = _shares(judge(SETTINGS["binary at the floor"], range(count)))
    assert shares["false word in domain"] == 0
    assert shares["no interval in domain"] > 0.5


@drawn(quick=12, slow=120)
def test_gaps_at_matched_score_hold_the_truth_where_levels_are_noisy(count: int) -> None:
    shares = _shares(judge(SETTINGS["steep and groups differ a lot"], range(count)))
    assert shares["covered matched"] >= 0.95 - _slack(count)
    assert shares["covered matched, level known"] < shares["covered matched"]


def test_one_seed_says_nothing() -> None:
    shares = _shares(judge(SETTINGS["one seed"], range(3)))
    assert max(shares[f"false word {effect}"] for effect in EFFECTS) == 0
    assert shares["false summary"] == 0


def test_a_study_judged_by_another_truth_is_wrong_in_every_check() -> None:
    """What was drawn has methods that differ by far; judged as equal, all that is found of them is an error."""
    setting = _silent_but_answers().model_copy(update={"full": (5, 9), "adapter": (1, 1), "margin": 0.5})
    equal = setting.model_copy(update={"base": (9, 9), "full": (1, 1), "adapter": (1, 1)})
    results = make_frame(setting).fill(draw(setting, numpy.random.default_rng(1)))
    checks = dict(judge_board(make_frame(equal), results, build(results), {}))
    wrong = [f"{kind} {effect}" for kind in ("family", "false word") for effect in EFFECTS]
    assert all(checks[check] for check in (*wrong, "false ranks in domain", "recommends no gain", "false worth"))
    assert not any(checks[f"covered {effect}"] for effect in EFFECTS)


def _silent_but_answers() -> Setting:
    noise = SILENT.model_copy(update={"rest": 0.01})
    return QUICK.model_copy(update={"noise": Noises(reason="none", in_domain=noise, out_of_domain=noise)})


@pytest.mark.parametrize(
    ("word", "true_of"),
    [
        ("behind", {0.01, 0.05, 1.0}),
        ("grows", {0.01, 0.05, 1.0}),
        ("ahead", {-0.05, -0.01}),
        ("shrinks", {-0.05, -0.01}),
        ("level", {-0.01, 0.0, 0.01}),
        ("steady", {-0.01, 0.0, 0.01}),
        ("inconclusive", {-0.05, -0.01, 0.0, 0.01, 0.05, 1.0}),
    ],
)
def test_a_word_is_false_where_the_truth_denies_it(word: str, true_of: set[float]) -> None:
    """A gap of exactly the margin is not level."""
    gaps = (-0.05, -0.01, 0.0, 0.01, 0.05, 1.0)
    assert {gap for gap in gaps if not denies(word, gap, margin=0.05)} == true_of


@pytest.mark.parametrize(
    ("gaps", "summaries"),
    [
        ((0.2, 0.2), {"persists", "behind throughout"}),
        ((0.1, 0.3), {"widens", "behind throughout"}),
        ((0.3, 0.1), {"shrinks", "behind throughout"}),
        ((0.04, 0.3), {"emerges", "widens", "behind throughout"}),
        ((0.3, 0.0), {"vanishes"}),
        ((0.3, -0.3), {"reverses"}),
        ((-0.3, 0.3), {"reverses"}),
        ((0.0, 0.0), {"level throughout"}),
        ((-0.3, -0.1), {"ahead throughout"}),
    ],
)
def test_a_summary_is_false_where_the_truth_denies_a_part(gaps: Pair, summaries: set[str]) -> None:
    truth = Gaps(*gaps, margin=0.05)
    assert {str(summary) for summary in GapSummary if not truth.denies(summary)} == summaries
    assert not truth.denies(None)


def test_a_significant_effect_of_none_is_on_the_wrong_side() -> None:
    above, below, neither = Finding("> 0", False), Finding("< 0", False), Finding("n.s.", False)
    assert [is_wrong_side(found, 0.0) for found in (above, below, neither)] == [True, True, False]
    assert [is_wrong_side(found, 0.1) for found in (above, below, neither)] == [False, True, False]


def test_effects_of_twice_what_is_detected_get_the_right_summary() -> None:
    shares = _shares(judge(SETTINGS["null effect"], range(10)))
    right = {check: share for check, share in shares.items() if check.startswith("right summary")}
    assert len(right) == len(GapSummary) - 1  # behind throughout is what is left where the change is not known
    assert min(right.values()) >= 0.8


def test_ranks_are_false_where_the_best_are_split_or_the_worse_lead() -> None:
    means = {"a": 1.0, "b": 1.0, "c": 0.5, "d": 0.0}
    assert not ranks_falsely({"a": 1, "b": 1, "c": 1, "d": 4}, means)
    assert ranks_falsely({"a": 1, "b": 2, "c": 2, "d": 4}, means)
    assert ranks_falsely({"a": 1, "b": 1, "c": 4, "d": 3}, means)


@drawn(quick=3, slow=60)
def test_a_study_that_grows_by_its_rule_is_judged_where_it_stops(count: int) -> None:
    setting = SETTINGS["narrowed by rule, one gap, seeds dominate"]
    counts = judge(setting, range(count))
    assert counts["covered at the stop"] == counts["covered in domain"]
    assert counts["covered at the stop"][0] / count >= 0.93 - _slack(count)
    assert counts["stopped: narrow"] == [count, count]
    assert 6 * count <= counts["seeds at the stop"][0] < 20 * count


def test_a_study_stops_early_where_items_do_not_allow_what_is_asked() -> None:
    counts = judge(SETTINGS["narrowed by rule, less than items allow"], range(6))
    assert counts["stopped: items"][0] >= 5  # by a lower bound of what items allow, which is rarely missed
    assert counts["seeds at the stop"][0] <= 6 * 10


def test_results_that_grow_are_those_of_a_study_with_fewer_seeds() -> None:
    setting = SETTINGS["narrowed by rule, one gap, seeds dominate"]
    results = make_frame(setting).fill(draw(setting, numpy.random.default_rng(3)))
    rule = results.analysis.precision
    assert rule
    grown, look = grow_by_rule(results, rule)
    assert {cell.cell.seed for cell in grown.cells} == {None, *range(look.seeds)}
    [found] = build(grown).persistence
    low, high = found.in_domain.gap.found.interval() or (0.0, 9.0)
    assert look.half_width == pytest.approx((high - low) / 2)
    assert look.half_width <= rule.half_width


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "BLOCK", 2)
    monkeypatch.setattr(simulate, "ProcessPoolExecutor", _InThisProcess)
    setting = SETTINGS["null effect"]
    simulate.run([setting], 2, 0, 1, tmp_path)
    (file,) = tmp_path.iterdir()
    first = file.read_text()
    file.write_text(first + '{"stamp": "cut o\n')
    simulate.run([setting], 4, 0, 1, tmp_path)
    assert file.read_text().startswith(first)
    assert [json.loads(line)["first"] for line in file.read_text().splitlines() if line.endswith("}")] == [0, 2]
    assert simulate.read_counts(setting, 4, 0, tmp_path) == (4, judge(setting, range(4)))
    assert simulate.read_counts(setting, 2, 0, tmp_path) == (2, judge(setting, range(2)))
    simulate.pack(setting, 0, tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.read_text().count("\n") == 1
    assert simulate.read_counts(setting, 4, 0, tmp_path) == (4, judge(setting, range(4)))
    assert [*simulate._blocks_left(setting, 6, 0, tmp_path)] == [range(4, 6)]
    assert simulate.read_counts(setting, 4, 1, tmp_path) == (0, {})  # another seed, another setting: none of these
    assert simulate.read_counts(setting.model_copy(update={"margin": 0.3}), 4, 0, tmp_path) == (0, {})


class _InThisProcess:
    """A pool of one process, which is this one."""

    def __init__(self, processes: int):
        self.started = processes

    def __enter__(self) -> _InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*arguments))
        return future


def test_tables_name_the_worst_and_go_between_their_marks() -> None:
    counts = {"covered in domain": [9, 10], "no interval in domain": [2, 12], "family in domain": [1, 10]}
    worse = {"covered in domain": [8, 10]}
    two_seeds = {"covered in domain": [1, 10]}
    counted = [(QUICK, 10, counts), (SETTINGS["four groups"], 10, worse), (SETTINGS["two seeds"], 10, two_seeds)]
    tables = write_tables(counted)
    assert [*tables] == ["studies", "coverage", "errors"]
    assert "A first look, no final figures:" in tables["studies"]
    assert "0.0689 at 0.95" in tables["studies"]  # sqrt(.95 * .05 / 10)
    assert tables["coverage"].startswith("The lowest share with three seeds or more: 0.800 (four groups).")
    cells = [cell.strip() for cell in tables["coverage"].splitlines()[4].split("|")[1:-1]]
    assert cells == [QUICK.name, "0.900", "", "", "0.167", "", ""]
    page = "# Page\n\n<!-- simulation: errors -->\nold\n<!-- end of simulation -->\nend\n"
    assert write_into(page, {"errors": "new"}) == page.replace("old", "new")
    with pytest.raises(ValueError, match="no place for the table studies"):
        write_into(page, tables)
