"""Tasks of lm-eval through our engines give the numbers of its own `simple_evaluate` with HFLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from harness_tasks import write_tasks
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer

from medcot_bench.errors import ConfigError
from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.planning.build import make_plan
from medcot_bench.scoring.evaluate import EvaluationResult
from medcot_bench.scoring.evaluate_lm_eval import check_loadable, evaluate_lm_eval_task
from medcot_bench.scoring.kept_texts import PROMPT, cut_middle
from medcot_bench.study.schema import Study


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return write_tasks(tmp_path)


def ours(model: Path, spec: str, **changes: Any) -> EvaluationResult:
    study = Study.model_validate({"model": str(model), "eval_tasks": spec, "adapters": "none", **changes})
    plan = make_plan(study)
    [score] = plan.evaluations
    loaded = load_model(model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    return evaluate_lm_eval_task(loaded, load_tokenizer(model), plan, score)


def theirs(model: Path, folder: Path, file: str, **arguments: Any) -> dict[str, Any]:
    plain = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(model),
        tokenizer=AutoTokenizer.from_pretrained(model),
        batch_size=2,
        max_length=arguments.pop("max_length", 2048),
        softmax_dtype="float32",
    )
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    typed = "both" if file == "both.yaml" else str(folder / file)
    return dict(simple_evaluate(plain, tasks=[typed], task_manager=manager, **arguments))


def numbers(results: dict[str, Any]) -> dict[str, float]:
    return {key: value for key, value in results.items() if "," in key and value != "N/A"}


@pytest.mark.parametrize("engine", ["fast", pytest.param("hf", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["colours", "repeats", "prose"])
def test_a_task_has_the_numbers_of_simple_evaluate(tiny_model: Path, folder: Path, name: str, engine: str) -> None:
    found = ours(tiny_model, f"lm_eval:{folder}/{name}.yaml", scoring={"engine": engine})
    wanted = theirs(tiny_model, folder, f"{name}.yaml")
    assert dict(found.results) == pytest.approx(numbers(wanted["results"][name]), rel=1e-5)
    rows = [row for row in wanted["samples"][name] if row["filter"] in ("none", "first")]
    assert [sample["prompt_hash"] for sample in found.samples] == [row["prompt_hash"][:16] for row in rows]
    prompts = [row["arguments"][0][0] for row in rows]
    assert [sample["prompt"] for sample in found.samples] == [cut_middle(prompt, PROMPT) for prompt in prompts]
    if name == "repeats":
        assert [sample["prediction"] for sample in found.samples] == [row["resps"][0][0] for row in rows]


def test_solved_examples_limits_and_templates_are_those_of_simple_evaluate(tiny_model: Path, folder: Path) -> None:
    spec = f"lm_eval:{folder}/colours.yaml,num_fewshot=2"
    found = ours(tiny_model, spec, limit=5, system_prompt="Answer.")
    wanted = theirs(tiny_model, folder, "colours.yaml", num_fewshot=2, limit=5, system_instruction="Answer.")
    assert dict(found.results) == pytest.approx(numbers(wanted["results"]["colours"]), rel=1e-6)
    hashes = [row["prompt_hash"][:16] for row in wanted["samples"]["colours"]]
    assert [sample["prompt_hash"] for sample in found.samples] == hashes
    assert found.subtasks["colours"]["num_fewshot"] == 2
    again = ours(tiny_model, spec, limit=5, system_prompt="Answer.")
    assert again.samples == found.samples


@pytest.mark.slow
def test_running_text_longer_than_the_window_is_scored_in_parts(tiny_model: Path, folder: Path) -> None:
    found = ours(tiny_model, f"lm_eval:{folder}/prose.yaml", scoring={"max_length": 48})
    wanted = theirs(tiny_model, folder, "prose.yaml", max_length=48)
    assert dict(found.results) == pytest.approx(numbers(wanted["results"]["prose"]), rel=1e-5)


def test_items_have_the_values_that_a_result_is_the_mean_of(tiny_model: Path, folder: Path) -> None:
    choice = ours(tiny_model, f"lm_eval:{folder}/colours.yaml")
    for name in ("acc", "acc_norm"):
        values = [sample["scores"][name] for sample in choice.samples]
        assert sum(values) / len(values) == pytest.approx(choice.results[f"{name},none"])
    assert choice.lower_is_better == ()
    assert choice.subtasks["colours"]["version"] == "2.0"
    generated = ours(tiny_model, f"lm_eval:{folder}/repeats.yaml")
    assert set(generated.samples[0]["scores"]) == {"exact_match,first", "exact_match,word"}
    prose = ours(tiny_model, f"lm_eval:{folder}/prose.yaml")
    assert all(sample["scores"] == {} for sample in prose.samples)
    assert set(prose.lower_is_better) == {"word_perplexity", "byte_perplexity", "bits_per_byte"}


def test_a_group_has_one_number_and_the_items_of_all_its_tasks(tiny_model: Path, folder: Path) -> None:
    found = ours(tiny_model, f"lm_eval:{folder}/both.yaml")
    wanted = theirs(tiny_model, folder, "both.yaml")["results"]
    assert dict(found.results) == pytest.approx(numbers(wanted["both"]), rel=1e-6)
    assert set(found.subtasks) == {"colours", "more_colours"}
    assert found.subtasks["more_colours"]["results"] == pytest.approx(numbers(wanted["more_colours"]), rel=1e-6)
    assert len({sample["id"] for sample in found.samples}) == 14
    values = [sample["scores"]["acc"] for sample in found.samples]
    assert sum(values) / 14 == pytest.approx(found.results["acc,none"])


@pytest.mark.slow
def test_a_group_that_is_not_summed_up_has_the_scores_of_each_task(tiny_model: Path, folder: Path) -> None:
    (folder / "both.yaml").write_text("group: both\ntask: [colours, more_colours]\n")
    found = ours(tiny_model, f"lm_eval:{folder}/both.yaml")
    wanted = theirs(tiny_model, folder, "both.yaml")["results"]
    for task in ("colours", "more_colours"):
        own = {f"{task}/{key}": value for key, value in numbers(wanted[task]).items()}
        assert {k: v for k, v in found.results.items() if k.startswith(f"{task}/")} == pytest.approx(own, rel=1e-6)
    assert set(found.samples[0]["scores"]) == {"colours/acc", "colours/acc_norm"}


def test_templates_of_a_file_can_not_reach_code(tiny_model: Path, folder: Path, tmp_path: Path) -> None:
    reach = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    text = (folder / "more.yaml").read_text().replace("{{question}} It is", reach)
    (folder / "more.yaml").write_text(text)
    study = {"model": str(tiny_model), "eval_tasks": f"lm_eval:{folder}/more.yaml", "adapters": "none"}
    with pytest.raises(ConfigError, match="SecurityError"):
        check_loadable(make_plan(Study.model_validate(study)).lm_eval_tasks.values(), trusted=False)


def test_a_data_set_out_of_reach_is_named_with_the_ways_out(
    tiny_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # was read when it was imported
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    text = (folder / "colours.yaml").read_text().replace("dataset_path: json", "dataset_path: somebody/colours")
    (folder / "colours.yaml").write_text(text)
    study = {"model": str(tiny_model), "eval_tasks": f"lm_eval:{folder}/colours.yaml", "adapters": "none"}
    with pytest.raises(ConfigError) as caught:
        check_loadable(make_plan(Study.model_validate(study)).lm_eval_tasks.values(), trusted=False)
    assert "\n" not in str(caught.value)
    for part in ("somebody/colours", "HF_HOME", "HF_DATASETS_OFFLINE", "data_files"):
        assert part in str(caught.value)
