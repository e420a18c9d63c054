"""What a plan says it can tell, by assumed variances and by a pilot's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from planted import Made, write

from medcot_bench.analysis.pilot import estimate_spreads
from medcot_bench.cli import main
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.power import ASSUMED, Expectation, expectations, without_variances
from medcot_bench.report.power_table import write_power
from medcot_bench.results.folder import Results, load
from medcot_bench.stats.contrasts import Part
from medcot_bench.stats.power import DID, GAP, Spread, Varying, detectable, mean_spread, spread_of
from medcot_bench.study.schema import Study

SIZES = {"k8s_qa": 36, "manuals_qa": 120}
SAME = Varying(GAP, "answer", "k8s_qa", "k8s_qa")


def planned(fields: dict[str, Any], pilot: Results | None = None, **changes: Any) -> list[Expectation]:
    study = {
        "adapters": "full,lora",
        "data": {},
        "eval_tasks": "manuals_qa,medqa_cot",
        "limit": 36,
        "seeds": (0, 1, 2),
        "training": {"train_items": 40},
    }
    known = estimate_spreads(pilot) if pilot else None
    return [*expectations(make_plan(Study.model_validate(fields | study | changes)), known, None)]


def pilot(root: Path, score: str = "answer") -> Results:
    made = []
    for adapter in ("full", "lora", "qlora"):
        for seed in range(3):
            rng = random.Random(f"{adapter} {seed}")
            noise = 0.4 if adapter == "qlora" else 0.1
            scores = {
                t: {score: {f"{t}{n}": rng.gauss(0, noise) for n in range(20)}} for t in ("k8s_qa", "manuals_qa")
            }
            made.append(Made(adapter=adapter, seed=seed, scores=scores))
    return load(write(root, *made))


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_gaps_and_comparable_differences_are_expected_by_assumed_variances(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields)
    assert [(e.effect, e.task, e.score) for e in found] == [
        (GAP, "k8s_qa", "answer"),
        (GAP, "manuals_qa", "answer"),
        (DID, "manuals_qa", "answer"),  # not medqa_cot: a letter is no text
        (GAP, "k8s_qa", "gold_nll"),
        (GAP, "manuals_qa", "gold_nll"),
        (DID, "manuals_qa", "gold_nll"),
        (GAP, "medqa_cot", "gold_nll"),
        (DID, "medqa_cot", "gold_nll"),
    ]
    gap = found[0]
    assert (gap.groups, gap.seeds, gap.margin) == (18, 3, 0.02)
    assumed = ASSUMED[GAP, "answer"]
    assert gap.detectable == detectable(assumed.stderr(18, 3), assumed.df(18, 3))
    assert [e.detectable for e in found[:3]] == sorted(e.detectable or 0 for e in found[:3])
    changed, assumed = found[2], ASSUMED[DID, "answer"]
    both = 1 / (1 / 18 + 1 / changed.groups)  # groups of two tasks are others: their variances add
    assert changed.detectable == pytest.approx(
        detectable(
            assumed.stderr(both, 3),
            Spread(assumed.groups * changed.groups / both, assumed.seeds, assumed.rest * changed.groups / both).df(
                changed.groups, 3
            ),
        )
    )


def test_groups_that_tasks_share_are_counted_once(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, tasks="k8s_qa", eval_tasks="k8s_qa@other_prompt")
    change = next(e for e in found if e.effect == DID and e.score == "gold_nll")
    assumed = ASSUMED[DID, "gold_nll"]
    assert change.detectable == detectable(assumed.stderr(change.groups, 3), assumed.df(change.groups, 3))


def test_one_group_and_no_gap_are_nothing_to_plan_by(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, limit=1)
    assert {e.groups for e in found} == {1}
    assert {(e.detectable, e.showable) for e in found} == {(None, None)}
    said = unwrapped(write_power(found, [], 3, None, None))
    assert "answer: verdicts out of reach at a margin of 0.02" in said
    assert "no difference is detectable" in said
    for adapters in ("none,lora", "none,full", "full:select=top,lora", "full,full:train_items=50"):
        assert planned(study_fields, adapters=adapters) == []


def test_fewer_answers_written_make_fewer_groups(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, scoring={"generate_items": 5})
    answer, nll = (e for e in found if e.effect == GAP and e.task == "k8s_qa")
    assert (answer.groups, nll.groups) == (5, 18)


def test_a_pilot_gives_the_mean_variances_of_its_adapters(tmp_path: Path, study_fields: dict[str, Any]) -> None:
    results = pilot(tmp_path)
    found = estimate_spreads(results)
    assert {(e.kind, e.score, e.task) for e in found} == {
        (GAP, "answer", "k8s_qa"),
        (GAP, "answer", "manuals_qa"),
        (DID, "answer", "manuals_qa"),
    }
    by_adapter = []
    for adapter in ("lora", "qlora"):
        values = {a: {} for a in ("full", adapter)}  # type: ignore[var-annotated]
        for cell in results.cells:
            if cell.cell.adapter in values:
                samples = results.samples(cell, "k8s_qa")
                values[cell.cell.adapter][cell.cell.seed] = {s["id"]: s["scores"]["answer"] for s in samples}
        gap = {s: {i: values["full"][s][i] - values[adapter][s][i] for i in values["full"][s]} for s in range(3)}
        spread = spread_of([Part(gap, {item: item for item in gap[0]})])
        assert spread
        by_adapter.append(spread)
    known = found[SAME]
    assert (known.groups, known.seeds) == (
        pytest.approx(sum(s.groups for s in by_adapter) / 2),
        pytest.approx(sum(s.seeds for s in by_adapter) / 2),
    )
    expected = planned(study_fields, results)
    assert {e.score for e in expected} == {"answer"}  # the pilot has no likelihoods
    for one in expected:
        its = found[Varying(one.effect, "answer", "k8s_qa", one.task)]
        if one.effect == GAP:
            assert one.detectable == detectable(its.stderr(one.groups, 3), its.df(one.groups, 3))


def test_a_difference_of_gaps_has_the_error_of_the_groups_of_both_tasks(tmp_path: Path) -> None:
    made, true = [], 0.04
    for adapter in ("full", "lora"):
        rng = random.Random(adapter)
        of_group = {
            t: {f"{t}{n}": rng.gauss(0, (true / 2) ** 0.5) for n in range(count)} for t, count in SIZES.items()
        }
        for seed in range(3):
            scores = {
                t: {"answer": {i: v + rng.gauss(0, 0.01) for i, v in of.items()}} for t, of in of_group.items()
            }
            made.append(Made(adapter=adapter, seed=seed, scores=scores))
    found = estimate_spreads(load(write(tmp_path, *made)))
    assert found[SAME].groups == pytest.approx(true, rel=0.3)
    change = found[Varying(DID, "answer", "k8s_qa", "manuals_qa")]
    assert change.groups == pytest.approx(true, rel=0.3)  # by 36 and 120 groups, not by the smaller number


def test_a_change_that_a_pilot_lacks_has_the_variances_of_its_gaps(
    tmp_path: Path, study_fields: dict[str, Any]
) -> None:
    found = estimate_spreads(pilot(tmp_path))
    known = {effect: spread for effect, spread in found.items() if effect.kind == GAP}
    plan = make_plan(
        Study.model_validate(
            study_fields
            | {"adapters": "full,lora", "data": {}, "limit": 36, "eval_tasks": "manuals_qa", "seeds": (0, 1, 2)}
        )
    )
    (change,) = (e for e in expectations(plan, known, None) if e.effect == DID)
    gap = mean_spread([*known.values()])
    assert change.detectable is not None
    assert change.detectable > detectable(gap.stderr(change.groups, 3), gap.df(change.groups, 3))


def test_models_that_hardly_differ_give_no_variances(tmp_path: Path) -> None:
    scores = {"k8s_qa": {"answer": {f"{n}": float(n < 2) for n in range(40)}}}
    none = {"k8s_qa": {"answer": {f"{n}": 0.0 for n in range(40)}}}
    made = [
        Made(adapter=a, seed=seed, scores=s) for a, s in (("full", scores), ("lora", none)) for seed in range(3)
    ]
    assert estimate_spreads(load(write(tmp_path, *made))) == {}


def test_an_effect_that_a_pilot_lacks_has_the_mean_of_the_like(
    tmp_path: Path, study_fields: dict[str, Any]
) -> None:
    results = pilot(tmp_path)
    found = estimate_spreads(results)
    mean = mean_spread([spread for effect, spread in found.items() if effect.kind == GAP])
    (kubectl,) = (e for e in planned(study_fields, results, tasks="kubectl", eval_tasks=()) if e.score == "answer")
    assert kubectl.detectable == detectable(mean.stderr(kubectl.groups, 3), mean.df(kubectl.groups, 3))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            ["--seeds", "0,1,2"],
            "answer: verdicts out of reach at a margin of 0.02: 'no gap', 'persists', 'vanishes'; detectable "
            "effects 0.1",
        ),
        (
            ["--seeds", "0,1,2", "--set", "analysis.primary=rouge_l"],
            "rouge_l: no power analysis without variances (none assumed; --from DIR uses a pilot run's).",
        ),
        (["--seeds", "0,1,2", "--set", "analysis.margins.answer=0.9"], "answer: every verdict is in reach"),
        (["--seeds", "0"], "One seed compares trained models, not methods: no verdict will be given."),
        (
            ["--set", "scoring.scores=rouge_l"],
            "no power analysis: the study makes none of the scores that verdicts are given by",
        ),
        (
            ["--adapters", "none,lora"],
            "no power analysis: it needs full fine-tuning and another adapter on the same items",
        ),
        (["--seeds", "0,1", "--detect", "0.5"], "groups for 0.5 with"),
        (["--seeds", "0,1", "--tune-lr", "3"], "DiD k8s_qa to"),
        (["--seeds", "0,1"], "Two seeds say little about the variance between seeds: the power may be only 73%."),
    ],
)
def test_the_plan_says_which_verdicts_are_in_reach(
    changes: list[str], line: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--tasks", "k8s_qa", "--eval-tasks", "manuals_qa", "--adapters", "full,lora", "--limit", "36"]
    arguments += ["--model", str(tiny_model), "-o", str(tmp_path / "out")]
    assert main(["plan", *arguments, *changes]) == 0
    assert line in unwrapped(capsys.readouterr().out)


def test_the_scores_are_those_that_verdicts_are_given_by(study_fields: dict[str, Any]) -> None:
    def of(**changes: Any) -> tuple[list[str], list[str]]:
        fields = {"adapters": "full,lora", "data": {}, "eval_tasks": "manuals_qa,medqa_cot", "seeds": (0, 1, 2)}
        plan = make_plan(Study.model_validate(study_fields | fields | changes))
        expected = dict.fromkeys(e.score for e in expectations(plan, None, None))
        return [*expected], without_variances(plan, None)

    assert of(analysis={"primary": "gold_nll"}) == (["gold_nll", "answer"], [])
    assert of(analysis={"margins": {"rouge_l": 0.05}}) == (["answer", "gold_nll"], ["rouge_l"])
    assert of(analysis={"primary": "choice"}) == (["answer", "gold_nll"], [])  # a text has no options
    letters = {"tasks": "medqa_cot", "analysis": {"primary": "choice"}}
    assert of(**letters) == (["answer", "gold_nll"], ["choice"])
    assert of(scoring={"scores": ["gold_nll"]}, analysis={"primary": "gold_nll"}) == (["gold_nll"], [])


def test_a_pilot_gives_variances_of_a_score_that_has_no_assumed_ones(
    tmp_path: Path, study_fields: dict[str, Any]
) -> None:
    results = pilot(tmp_path, "rouge_l")
    changes = {"analysis": {"primary": "rouge_l"}}
    assert {e.score for e in planned(study_fields, results, **changes)} == {"rouge_l"}
    assert planned(study_fields, None, **changes)[0].score == "answer"


def effect(kind: str, task: str, detectable: float, showable: float, score: str = "answer") -> Expectation:
    return Expectation(kind, "k8s_qa", task, score, 20, 3, detectable, 0.1, showable, {3: 40})


@pytest.mark.parametrize(
    ("same", "shift", "change", "line"),
    [
        (
            (0.1, 0.05),
            (0.1, 0.05),
            (0.2, 0.05),
            "answer: every verdict is in reach; detectable effects 0.100 to 0.200.",
        ),
        ((0.1, 0.05), (0.1, 0.5), (0.2, 0.5), "'persists', 'vanishes'; detectable effects 0.100 to 0.200."),
        ((0.1, 0.5), (0.1, 0.05), (0.2, 0.5), "'no gap', 'persists'; detectable effects 0.100 to 0.200."),
        ((0.1, 0.5), (0.1, 0.5), (0.2, 0.05), "'no gap', 'vanishes'; detectable effects 0.100 to 0.200."),
        ((1.5, 0.5), (1.5, 0.5), (2.5, 0.5), "'no gap', 'persists', 'vanishes'; no difference is detectable."),
        (
            (0.1, 0.05),
            (0.1, 0.05),
            (2.5, 0.05),
            "answer: no difference is detectable in DiD k8s_qa to manuals_qa; other detectable effects 0.100.",
        ),
    ],
)
def test_each_verdict_is_in_reach_by_its_own_effects(
    same: tuple[float, float], shift: tuple[float, float], change: tuple[float, float], line: str
) -> None:
    expected = [
        effect(GAP, "k8s_qa", *same),
        effect(GAP, "manuals_qa", *shift),
        effect(DID, "manuals_qa", *change),
    ]
    assert line in unwrapped(write_power(expected, [], 3, None, None))


def test_what_is_out_of_reach_under_one_of_several_shifts_is_named() -> None:
    expected = [
        effect(GAP, "k8s_qa", 0.1, 0.05),
        effect(GAP, "manuals_qa", 0.1, 0.05),
        effect(DID, "manuals_qa", 0.1, 0.5),
        effect(GAP, "kubectl", 0.1, 0.05),
        effect(DID, "kubectl", 0.1, 0.05),
    ]
    assert unwrapped(write_power(expected, [], 3, None, None)).endswith(
        "answer: verdicts out of reach at a margin of 0.1: 'persists' (DiD k8s_qa to manuals_qa); detectable "
        "effects 0.100."
    )


def test_plan_takes_variances_from_a_pilot(
    study_fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pilot"
    results = pilot(folder)
    arguments = ["plan", "--model", study_fields["model"], "--preset", "quick", "-o", str(tmp_path / "out")]
    assert main([*arguments, "--from", str(folder)]) == 0
    out = capsys.readouterr().out
    assert f"Power analysis (80%, 3 seeds), by variances of {folder}:" in unwrapped(out)
    assert f"gold_nll: no power analysis without variances (none in {folder})." in unwrapped(out)
    spread = estimate_spreads(results)[SAME]
    (line,) = [line for line in out.splitlines() if line.startswith("gap on k8s_qa ")]
    groups = int(line.split()[3])
    assert line.split()[4] == f"{detectable(spread.stderr(groups, 3), spread.df(groups, 3)):.3f}"
    assert main([*arguments, "--from", str(folder), "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert {entry["score"] for entry in planned["power"]} == {"answer"}
    assert planned["without_variances"] == ["gold_nll"]


def test_a_pilot_that_is_no_result_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--from", str(tmp_path)]) == 2
    assert "no study was run here" in capsys.readouterr().err


def test_a_pilot_of_one_seed_and_an_effect_of_nothing_are_told(
    study_fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {"k8s_qa": {"answer": {"a": 1.0, "c": 0.0}}}
    write(tmp_path / "pilot", *(Made(adapter=adapter, scores=scores) for adapter in ("full", "lora")))
    arguments = ["plan", "--model", study_fields["model"], "--preset", "quick"]
    assert main([*arguments, "--from", str(tmp_path / "pilot")]) == 0
    assert "has no variances (too few seeds or groups" in unwrapped(capsys.readouterr().out)
    assert main([*arguments, "--detect", "0"]) == 2
    assert "--detect 0: an effect must be above 0" in capsys.readouterr().err
