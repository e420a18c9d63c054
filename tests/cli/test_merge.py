"""`merge` writes the model that was scored, whole or not at all, in a folder that transformers loads offline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from medcot_bench import Example, Results
from medcot_bench.cli import main
from medcot_bench.errors import MedcotError
from medcot_bench.runner.events import Answered, Merged, PhaseStarted, WorkerEvent
from medcot_bench.runner.protocol import Job, Predict
from medcot_bench.runner.protocol import Merge as MergeJob
from medcot_bench.runner.supervision import Timeouts

QUICK = str(Path(__file__).parents[2] / "docs" / "results" / "quick")
IDS = torch.arange(60)[None]
Merge = Callable[..., dict[str, Any]]
OnPhase = Callable[[PhaseStarted], None]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            "none",
            "base__none-b9357cea8181 is the base model, with nothing to merge: serve smollm2-135m itself",
        ),
        ("full__s0", "k8s_qa__full__s0-e69fa7b37b76: its weights were not kept; "),
        ("layer_lora", f"{QUICK}: 'layer_lora' is ambiguous: "),
    ],
)
def test_what_can_t_be_merged_is_one_line(
    cell: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["merge", QUICK, cell, str(tmp_path / "model")]) == 2
    assert capsys.readouterr().err.startswith(f"medcot-bench: {said}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", QUICK, "none", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"medcot-bench: {tmp_path} already exists; name another folder\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_merge_that_ends_early_leaves_nothing(
    kept: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer_of(job: Job, kind: type[Merged], timeouts: Timeouts, on_phase: OnPhase) -> Merged:
        assert isinstance(job.work, MergeJob)
        (Path(job.work.folder) / "model.safetensors").write_bytes(b"half")
        raise MedcotError("the worker was ended by SIGKILL")

    monkeypatch.setattr("medcot_bench.cli.merge.answer_of", answer_of)
    assert main(["merge", str(kept.root), "qlora", str(tmp_path / "model")]) == 2
    assert capsys.readouterr().err == "medcot-bench: the worker was ended by SIGKILL\n"
    assert list(tmp_path.iterdir()) == []


def test_the_folder_has_the_card_of_this_model_alone(
    kept: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_of(job: Job, kind: type[Merged], timeouts: Timeouts, on_phase: OnPhase) -> Merged:
        assert isinstance(job.work, MergeJob)
        (Path(job.work.folder) / "README.md").write_text("---\nlicense: mit\n---\n# by another program")
        return Merged(dtype="float32", check=None, unchecked="no data")

    monkeypatch.setattr("medcot_bench.cli.merge.answer_of", answer_of)
    assert main(["merge", str(kept.root), "lora__s0", str(tmp_path / "model")]) == 0
    card = ModelCard.load(tmp_path / "model" / "README.md")
    assert card.data.license == "unknown"
    lora = next(cell for cell in kept.cells if cell.row == "lora")
    found = {(one.dataset_type, one.metric_type): one.metric_value for one in card.data.eval_results}
    assert found == {
        (f"medcot-bench/{task}", key.partition(",")[0]): pytest.approx(value)
        for task, score in lora.evaluations.items()
        for key, value in score.results.items()
        if "_stderr" not in key
    }


@pytest.fixture
def merge(kept: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Merge:
    """Merge a cell of the run into `tmp_path/model`, the worker's part in this process; return the note."""
    from medcot_bench.worker.merge import merge as in_worker

    def answer_of(job: Job, kind: type[Merged], timeouts: Timeouts, on_phase: OnPhase) -> Merged:
        assert isinstance(job.work, MergeJob)
        events: list[WorkerEvent] = []
        assert in_worker(job.work, events.append) == 0
        assert isinstance(events[-1], kind)
        return events[-1]

    def merge(cell: str) -> dict[str, Any]:
        monkeypatch.setattr("medcot_bench.cli.merge.answer_of", answer_of)
        assert main(["merge", str(kept.root), cell, str(tmp_path / "model")]) == 0
        note: dict[str, Any] = json.loads((tmp_path / "model" / "medcot_merge.json").read_text())
        return note

    return merge


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.eval()(IDS).logits
    return found


def unmerged(base: Path, results: Results, name: str, **settings: Any) -> torch.Tensor:
    """The logits of a saved adapter on its base, by plain PEFT."""
    [adapter] = results.root.glob(f"cells/k8s_qa__{name}__s0-*/adapter")
    model = AutoModelForCausalLM.from_pretrained(base, **settings)
    for module in model.modules():  # computes in bf16 on CPUs that have it, whatever the dtype (models/load.py)
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return logits(PeftModel.from_pretrained(model, str(adapter)))


NF4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "settings", "how"),
    [
        ("lora", {}, "merged into its base"),
        ("lora.pissatrue", {}, "merged into its base"),
        ("qlora", {"quantization_config": NF4}, "merged into its base's nf4 weights, written out"),
    ],
)
def test_a_merged_model_is_base_and_adapter(
    kept: Results,
    merge: Merge,
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cell: str,
    settings: dict[str, Any],
    how: str,
) -> None:
    note = merge(f"k8s_qa__{cell}__s0")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")  # offline: see tests/conftest.py
    assert not hasattr(model, "peft_config")
    assert not hasattr(model.config, "quantization_config")
    assert model.dtype == torch.float32
    expected = unmerged(tiny_model, kept, cell, dtype=torch.float32, **settings)
    torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-4)
    base = logits(AutoModelForCausalLM.from_pretrained(tiny_model))
    assert (expected - base).abs().max() > 0.1  # there was something to merge
    assert AutoTokenizer.from_pretrained(tmp_path / "model").encode("a pod") == [
        *AutoTokenizer.from_pretrained(tiny_model).encode("a pod")
    ]
    assert (note["how"], note["trained_on"], note["stop"], note["max_new_tokens"]) == (how, "k8s_qa", ["\n"], 8)
    assert (
        len({path.stat().st_mode for path in (tmp_path / "model").iterdir()}) == 1
    )  # no file is hidden from others
    card = ModelCard.load(tmp_path / "model" / "README.md")
    assert (card.data.library_name, card.data.license, "PeftModel" in card.text) == (
        "transformers",
        "unknown",
        False,
    )
    check = note["gold_nll"]
    assert check["items"] > 3  # more than the three that the study scores
    assert check["merged"] == pytest.approx(check["unmerged"], abs=1e-5)
    said = capsys.readouterr().out.splitlines()
    assert re.match(rf"k8s_qa__{re.escape(cell)}__s0-\w+ {how}: {tmp_path}/model \(\d+ kB, float32\)$", said[0])
    assert re.match(r"gold_nll on \d+ items of k8s_qa: \d\.\d{5} unmerged, \d\.\d{5} merged \([+-]\S+\)$", said[1])


@pytest.mark.slow
def test_a_fully_trained_model_is_copied(kept: Results, merge: Merge, tmp_path: Path) -> None:
    assert merge("full")["how"] == "copied: its weights are the whole model"
    [saved] = kept.root.glob("cells/*full*/adapter")
    assert ModelCard.load(tmp_path / "model" / "README.md").data.library_name == "transformers"
    for file in saved.iterdir():
        assert (tmp_path / "model" / file.name).read_bytes() == file.read_bytes()
    AutoModelForCausalLM.from_pretrained(tmp_path / "model")


@pytest.mark.slow
def test_without_the_data_a_model_is_merged_unchecked(
    kept: Results, merge: Merge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*arguments: Any) -> Any:
        raise MedcotError("k8s_qa.jsonl: no such file")

    monkeypatch.setattr("medcot_bench.worker.merge.make_plan", gone)
    assert merge("k8s_qa__lora__s0")["unchecked"] == "k8s_qa.jsonl: no such file"
    assert capsys.readouterr().out.splitlines()[1] == "not checked: k8s_qa.jsonl: no such file"


@pytest.mark.slow
def test_the_docs_show_how_transformers_and_peft_give_the_same_answer(
    kept: Results, merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medcot_bench.worker.predict import predict

    merge("k8s_qa__lora__s0")
    [adapter] = kept.root.glob("cells/k8s_qa__lora__s0-*/adapter")
    (tmp_path / "adapter").symlink_to(adapter)
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    merged, unmerged = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(merged.replace("max_new_tokens=48", "max_new_tokens=8"), names)
    example = Example(
        id="q", group="q", question="Which port?", answer="", context="The Service listens on port 80."
    )
    work = Predict(
        root=str(kept.root),
        cell="k8s_qa__lora__s0",
        task="k8s_qa",
        example=example,
        base=False,
        model=None,
        device=None,
    )
    answers: list[WorkerEvent] = []
    assert predict(work, answers.append) == 0
    assert answers[-1] == Answered(text=names["answer"])
    assert names["answer"]
    exec(unmerged, names)
    model = AutoModelForCausalLM.from_pretrained("model")
    torch.testing.assert_close(logits(names["model"]), logits(model), rtol=1e-4, atol=1e-4)
