"""What a plan says it can tell, by assumed variances and by a pilot's."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from planted import Made, write

from medcot_bench.analysis.contrasts import Part
from medcot_bench.analysis.planning import ASSUMED, CHANGE, GAP, Expectation, expectations, spreads
from medcot_bench.analysis.power import detectable, spread_of
from medcot_bench.cli import main
from medcot_bench.config import Study
from medcot_bench.planner import make_plan
from medcot_bench.results import Results, load


def planned(fields: dict[str, Any], pilot: Results | None = None, **changes: Any) -> list[Expectation]:
    study = {
        "adapters": "full,lora",
        "data": {},
        "eval_tasks": "manuals_qa,medqa_cot",
        "limit": 36,
        "seeds": (0, 1, 2),
    }
    return [*expectations(make_plan(Study.model_validate(fields | study | changes)), pilot, None)]


def pilot(root: Path) -> Results:
    made = []
    for adapter in ("full", "lora", "qlora"):
        for seed in range(3):
            rng = random.Random(f"{adapter} {seed}")
            noise = 0.4 if adapter == "qlora" else 0.1
            scores = {
                t: {"answer": {f"{t}{n}": rng.gauss(0, noise) for n in range(20)}}
                for t in ("k8s_qa", "manuals_qa")
            }
            made.append(Made(adapter=adapter, seed=seed, scores=scores))
    return load(write(root, *made))


def test_gaps_and_comparable_changes_are_expected_by_assumed_variances(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields)
    assert [(e.effect, e.task, e.score) for e in found] == [
        (GAP, "k8s_qa", "answer"),
        (GAP, "manuals_qa", "answer"),
        (CHANGE, "manuals_qa", "answer"),  # not medqa_cot: a letter is no text
        (GAP, "k8s_qa", "gold_nll"),
        (GAP, "manuals_qa", "gold_nll"),
        (CHANGE, "manuals_qa", "gold_nll"),
        (GAP, "medqa_cot", "gold_nll"),
        (CHANGE, "medqa_cot", "gold_nll"),
    ]
    gap = found[0]
    assert (gap.groups, gap.seeds, gap.margin) == (18, 3, 0.02)
    assumed = ASSUMED["answer"]
    assert gap.detectable == detectable(assumed.stderr(18, 3), assumed.df(18, 3))
    assert found[2].detectable > found[1].detectable > gap.detectable


def test_fewer_answers_written_make_fewer_groups(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, scoring={"generate_items": 5})
    answer, nll = (e for e in found if e.effect == GAP and e.task == "k8s_qa")
    assert (answer.groups, nll.groups) == (5, 18)


def test_a_pilot_gives_the_variances_of_its_noisiest_adapter(tmp_path: Path, study_fields: dict[str, Any]) -> None:
    results = pilot(tmp_path)
    found = spreads(results)
    assert set(found) == {(GAP, "answer"), (CHANGE, "answer")}
    by_adapter = {}
    for adapter in ("lora", "qlora"):
        values = {a: {} for a in ("full", adapter)}  # type: ignore[var-annotated]
        for cell in results.cells:
            if cell.cell.adapter in values:
                samples = results.samples(cell, "k8s_qa")
                values[cell.cell.adapter][cell.cell.seed] = {s["id"]: s["scores"]["answer"] for s in samples}
        gap = {s: {i: values["full"][s][i] - values[adapter][s][i] for i in values["full"][s]} for s in range(3)}
        by_adapter[adapter] = spread_of([Part(gap, {item: item for item in gap[0]})])
    noisy = by_adapter["qlora"]
    assert noisy
    assert found[GAP, "answer"].stderr(10, 3) >= noisy.stderr(10, 3)
    expected = planned(study_fields, results)
    assert {e.score for e in expected} == {"answer"}  # the pilot has no likelihoods
    assert expected[0].detectable > planned(study_fields)[0].detectable


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (["--seeds", "0,1,2"], "answer: 'no gap', 'persists' and 'vanishes' are out of reach at a margin of 0.02"),
        (["--seeds", "0,1,2", "--set", "analysis.margins.answer=0.9"], "answer: every verdict is in reach"),
        (["--seeds", "0"], "one seed describes its models: no verdict on their methods will be given"),
        (["--seeds", "0,1", "--detect", "0.5"], "groups needed for 0.5, 2 / 3 / 5 / 10 seeds"),
        (["--seeds", "0,1", "--tune-lr", "3"], "change from k8s_qa to manuals_qa"),
    ],
)
def test_the_plan_says_which_verdicts_are_in_reach(
    changes: list[str], line: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--tasks", "k8s_qa", "--eval-tasks", "manuals_qa", "--adapters", "full,lora", "--limit", "36"]
    arguments += ["--model", str(tiny_model), "-o", str(tmp_path / "out")]
    assert main(["plan", *arguments, *changes]) == 0
    assert line in capsys.readouterr().out


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
    assert "too few seeds or groups, or not this study's scores" in capsys.readouterr().out
    assert main([*arguments, "--detect", "0"]) == 2
    assert "--detect 0: an effect is above 0" in capsys.readouterr().err
