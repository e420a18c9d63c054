"""What a plan says it can tell, by assumed variances and by a pilot's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from planted import Made, write

from medcot_bench.analysis.pilot import estimate_variances
from medcot_bench.cli import main
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.assumed import assumed_variances
from medcot_bench.planning.estimates.item_pools import item_pool
from medcot_bench.planning.estimates.pilot_notes import compare_pilot, find_unknown
from medcot_bench.planning.estimates.power import Expectation, expectations, variances_of, without_variances
from medcot_bench.planning.plan import Plan
from medcot_bench.report.power_table import write_power
from medcot_bench.results.folder import Results, load
from medcot_bench.stats.contrasts import Part
from medcot_bench.stats.power import DID, GAP, ItemSet, Varying, spread_of
from medcot_bench.stats.variance_components import Components, estimate_components, mean_components
from medcot_bench.study.margin import Margin
from medcot_bench.study.schema import Study

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
    known = estimate_variances(pilot) if pilot else assumed_variances(None)
    return [*expectations(make_plan(Study.model_validate(fields | study | changes)), known, None)]


def by(found: Components, *items: ItemSet, seeds: int = 3) -> tuple[float | None, float | None]:
    """Return the detectable effect by the estimate and by the upper bound."""
    best, bounded = (spread_of(found, bounded=bounded).detectable(items, seeds) for bounded in (False, True))
    return best, bounded


def size(expectation: Expectation) -> tuple[float | None, float | None]:
    return expectation.detectable_at_best, expectation.detectable


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
    gap, did = found[0], found[2]
    assert (gap.items, gap.groups, gap.seeds, gap.margin) == (36, 18, 3, Margin(0.05))
    assumed = assumed_variances(None)
    assert size(gap) == by(assumed[SAME], ItemSet(36, 18.0))
    both = assumed[Varying(DID, "answer", "k8s_qa", "manuals_qa")]
    manuals = ItemSet(36, 36**2 / (9 * 2**2 + 6 * 3**2))  # 36 items in 15 groups
    assert size(did) == by(both, manuals, ItemSet(36, 18.0))


def test_items_that_tasks_share_are_paired(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, tasks="k8s_qa", eval_tasks="k8s_qa@other_prompt")
    did = next(e for e in found if e.effect == DID and e.score == "gold_nll")
    assumed = assumed_variances(None)[Varying(DID, "gold_nll", "k8s_qa", "k8s_qa@other_prompt")]
    assert len(assumed.sets) == 1
    assert size(did) == by(assumed, ItemSet(36, 18.0))


def test_more_items_are_worth_something(study_fields: dict[str, Any]) -> None:
    by_limit = [planned(study_fields, limit=limit) for limit in (18, 36, 100)]
    for few, some, many in zip(*by_limit, strict=True):
        assert [e.items for e in (few, some, many)] == [18, 36, 100]
        sizes = [e.detectable_at_best or 0 for e in (few, some, many)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > (1.2 if few.task != "medqa_cot" else 1.0) * sizes[2]


def test_items_and_seeds_are_counted_that_make_an_effect_detectable(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full,lora", "data": {}, "eval_tasks": "manuals_qa", "limit": 18}
    plan = make_plan(Study.model_validate(fields | {"seeds": (0, 1, 2), "training": {"train_items": 40}}))
    wanted = 0.15
    gap = next(expectations(plan, assumed_variances(None), wanted))
    assert [*gap.items_needed] == [3, 5, 10]
    items = gap.items_needed[5]
    assert items
    assumed, pool = spread_of(assumed_variances(None)[SAME], bounded=True), item_pool(plan, "k8s_qa")
    assert (assumed.detectable([pool.take(items)], 5) or 9) <= wanted
    assert (assumed.detectable([pool.take(items - 1)], 5) or 9) > wanted
    assert gap.seeds_needed
    assert (assumed.detectable([pool.take(18)], gap.seeds_needed) or 9) <= wanted


def test_more_items_of_a_task_are_of_the_groups_that_it_has(study_fields: dict[str, Any]) -> None:
    plan = make_plan(Study.model_validate(study_fields | {"data": {}, "limit": 18}))
    pool = item_pool(plan, "k8s_qa")
    assert len(set(pool.groups[:18])) == len(set(pool.groups)) == 18
    assert pool.take(36) == ItemSet(36, 18.0)
    assert pool.take(5000).groups == pool.take(100).groups < 18.1
    larger = make_plan(Study.model_validate(study_fields | {"data": {}, "limit": 72}))
    assert [*item_pool(larger, "k8s_qa").groups[:72]] == [*pool.groups[:72]]


def test_a_file_has_no_more_items_than_its_rows(study_fields: dict[str, Any]) -> None:
    plan = make_plan(Study.model_validate(study_fields | {"limit": 2}))
    pool = item_pool(plan, "k8s_qa")
    assert not pool.endless
    assert pool.take(1000).items == len(pool.groups) == len(plan.data["k8s_qa"].splits["eval"])


def test_one_group_and_no_gap_are_nothing_to_plan_by(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, limit=1)
    assert {e.groups for e in found} == {1}
    assert {(e.detectable, e.showable) for e in found} == {(None, None)}
    said = unwrapped(write_power(found, [], 3, None, None))
    assert "answer: verdicts out of reach at a margin of 0.05" in said
    assert "no difference is detectable" in said
    for adapters in ("none,lora", "none,full", "full:select=top,lora", "full,full:train_items=50"):
        assert planned(study_fields, adapters=adapters) == []


def test_fewer_answers_written_make_fewer_groups(study_fields: dict[str, Any]) -> None:
    found = planned(study_fields, scoring={"generate_items": 5})
    answer, nll = (e for e in found if e.effect == GAP and e.task == "k8s_qa")
    assert (answer.items, answer.groups, nll.items, nll.groups) == (5, 5, 36, 18)


def test_a_pilot_gives_the_mean_variances_of_its_adapters(tmp_path: Path, study_fields: dict[str, Any]) -> None:
    results = pilot(tmp_path)
    found = estimate_variances(results)
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
        components = estimate_components([Part(gap, {item: f"k8s_qa {item}" for item in gap[0]})])
        assert components
        by_adapter.append(components)
    assert found[SAME] == mean_components(by_adapter)
    expected = planned(study_fields, results)
    assert {e.score for e in expected} == {"answer"}  # the pilot has no likelihoods
    assert size(expected[0]) == by(found[SAME], ItemSet(36, 18.0))


def test_a_difference_that_a_pilot_lacks_has_the_variances_of_its_gaps(tmp_path: Path) -> None:
    found = estimate_variances(pilot(tmp_path))
    known = {effect: components for effect, components in found.items() if effect.kind == GAP}
    did = variances_of(known, Varying(DID, "answer", "k8s_qa", "manuals_qa"))
    one, other = (known[SAME._replace(task=task)] for task in ("manuals_qa", "k8s_qa"))
    assert did == Components((*one.sets, *other.sets), one.seed + other.seed, one.noise + other.noise, 2)


def test_models_that_hardly_differ_give_no_variances(tmp_path: Path) -> None:
    scores = {"k8s_qa": {"answer": {f"{n}": float(n < 2) for n in range(40)}}}
    none = {"k8s_qa": {"answer": {f"{n}": 0.0 for n in range(40)}}}
    made = [
        Made(adapter=a, seed=seed, scores=s) for a, s in (("full", scores), ("lora", none)) for seed in range(3)
    ]
    assert estimate_variances(load(write(tmp_path, *made))) == {}


def test_an_effect_that_a_pilot_lacks_has_the_mean_of_the_like(
    tmp_path: Path, study_fields: dict[str, Any]
) -> None:
    results = pilot(tmp_path)
    found = estimate_variances(results)
    mean = mean_components([components for effect, components in found.items() if effect.kind == GAP])
    (kubectl,) = (e for e in planned(study_fields, results, tasks="kubectl", eval_tasks=()) if e.score == "answer")
    plan = make_plan(Study.model_validate(study_fields | {"data": {}, "tasks": "kubectl", "limit": 36}))
    assert size(kubectl) == by(mean, item_pool(plan, "kubectl").take(36))


def compared(fields: dict[str, Any], results: Results, **changes: Any) -> list[str]:
    study = fields | {"adapters": "full,lora", "data": {}, "eval_tasks": "manuals_qa", "limit": 36}
    return [*compare_pilot(make_plan(Study.model_validate(study | changes)), results)]


def test_where_pilot_and_plan_differ_is_said(tmp_path: Path, study_fields: dict[str, Any]) -> None:
    recipe = {"recipe": {"lr": 0.5}}
    scores = {"k8s_qa": {"answer": {f"{n}": n / 20 for n in range(20)}}}
    results = load(write(tmp_path, *(Made(adapter=a, scores=scores, request=recipe) for a in ("full", "lora"))))
    said = "\n".join(compared(study_fields, results, training={"train_tokens": 3000, "lr": 0.25}))
    assert "items in the pilot: k8s_qa 4, here 36 (taken into account)" in said
    assert "learning rate of lora on k8s_qa in the pilot: 0.5, here 0.25" in said
    assert "tokens of a training in the pilot:" in said
    assert "here 3000" in said
    assert "the pilot's base model is" in said
    assert "learning rate" not in "\n".join(compared(study_fields, results, training={"lr": 0.5}))


def test_effects_without_variances_of_their_own_are_counted(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full,lora", "data": {}, "eval_tasks": "manuals_qa", "limit": 36}

    def plan(task: str) -> Plan:
        return make_plan(Study.model_validate(fields | {"tasks": task}))

    assert [*find_unknown(plan("k8s_qa"), assumed_variances(None))] == []
    (said,) = find_unknown(plan("kubectl"), assumed_variances(None))
    assert said == "4 of 4 effects have no variances of their own: means over similar effects"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            ["--seeds", "0,1,2"],
            "answer: verdicts out of reach at a margin of 0.05: 'level in domain', 'level out of domain', "
            "'steady'; detectable effects 0.",
        ),
        (
            ["--seeds", "0,1,2", "--set", "analysis.primary=rouge_l"],
            "rouge_l: no power analysis without variances (none assumed; --from DIR uses a pilot run's).",
        ),
        (["--seeds", "0,1,2", "--set", "analysis.margins.answer=0.9"], "answer: every verdict is in reach"),
        (["--seeds", "0,1,2"], "gold_nll, margin 10% of full fine-tuning's gain"),
        (["--seeds", "0,1,2"], "gold_nll: detectable effects 0."),
        (["--seeds", "0"], "One seed compares trained models, not methods: no verdict will be given."),
        (
            ["--set", "scoring.scores=rouge_l"],
            "no power analysis: the study makes none of the scores that verdicts are given by",
        ),
        (
            ["--adapters", "none,lora"],
            "no power analysis: it needs full fine-tuning and another adapter on the same items",
        ),
        (["--seeds", "0,1", "--detect", "0.5"], "seeds for 0.5"),
        (["--seeds", "0,1", "--tune-lr", "3"], "DiD k8s_qa to"),
        (["--seeds", "0,1"], "No verdict is given below 3 seeds."),
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
        expected = dict.fromkeys(e.score for e in expectations(plan, assumed_variances(None), None))
        return [*expected], without_variances(plan, assumed_variances(None))

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
    return Expectation(
        effect=kind,
        trained="k8s_qa",
        task=task,
        score=score,
        items=40,
        groups=20,
        seeds=3,
        half_width=None,
        detectable=detectable,
        detectable_at_best=detectable,
        margin=Margin(0.1),
        showable=showable,
        items_needed={3: 80},
        seeds_needed=None,
    )


@pytest.mark.parametrize(
    ("same", "shift", "change", "line"),
    [
        (
            (0.1, 0.05),
            (0.1, 0.05),
            (0.2, 0.05),
            "answer: every verdict is in reach; detectable effects 0.100 to 0.200.",
        ),
        (
            (0.1, 0.05),
            (0.1, 0.5),
            (0.2, 0.5),
            "'level out of domain', 'steady'; detectable effects 0.100 to 0.200.",
        ),
        ((0.1, 0.5), (0.1, 0.05), (0.2, 0.5), "'level in domain', 'steady'; detectable effects 0.100 to 0.200."),
        (
            (0.1, 0.5),
            (0.1, 0.5),
            (0.2, 0.05),
            "'level in domain', 'level out of domain'; detectable effects 0.100 to 0.200.",
        ),
        (
            (1.5, 0.5),
            (1.5, 0.5),
            (2.5, 0.5),
            "'level in domain', 'level out of domain', 'steady'; no difference is detectable.",
        ),
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
        "answer: verdicts out of reach at a margin of 0.1: 'steady' (DiD k8s_qa to manuals_qa); detectable "
        "effects 0.100."
    )


def test_plan_takes_variances_from_a_pilot(
    study_fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pilot"
    results = pilot(folder)
    arguments = ["plan", "--model", study_fields["model"], "--preset", "quick", "-o", str(tmp_path / "out")]
    arguments += ["--seeds", "0-2", "--set", "analysis.primary=answer", "--set", "scoring.generate_items=36"]
    assert main([*arguments, "--from", str(folder)]) == 0
    out = capsys.readouterr().out
    assert f"Power analysis (80%, 3 seeds), by variances of {folder}:" in unwrapped(out)
    assert f"gold_nll: no power analysis without variances (none in {folder})." in unwrapped(out)
    best, bounded = by(estimate_variances(results)[SAME], ItemSet(36, 18.0))
    (line,) = [line for line in out.splitlines() if line.startswith("gap on k8s_qa ")]
    assert line.split()[3:6] == ["36", "(18)", f"{best:.3f}"]
    assert f"{bounded:.3f}" in out
    assert "note: items in the pilot: k8s_qa 4, here 36; manuals_qa 4, here 36 (taken into" in unwrapped(out)
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
