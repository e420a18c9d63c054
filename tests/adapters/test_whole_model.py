"""Whole external models: scored as they are alone, refused in one line where they don't fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

import medcot_bench
from medcot_bench.cli import main
from medcot_bench.errors import ConfigError, ModelError
from medcot_bench.models.load import load_model
from medcot_bench.planning.adapter_notes import find_adapter_notes
from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import resolve_adapter
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.tiny import make_tiny_model


def choose(typed: str) -> Any:
    return resolve_adapter(parse_specs(typed)[0], installed())


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A model of the tiny one's kind, with other weights."""
    return make_tiny_model(tmp_path / "other", seed=1)


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("path=./nowhere", "model './nowhere': not a model folder and not a GGUF file"),
        ("path=smollm2-135m", "model 'smollm2-135m': a GGUF file can't be put in the base's place; give a model "),
        ("path=org/nowhere", "model 'org/nowhere': not in the local cache, and the hub can't be reached ("),
        ("path={other},lr=1e-3", "it is not trained, so it takes no option 'lr'"),
        ("path={other},select=top,k=2", "it is not trained, so it takes no option 'select'"),
    ],
)
def test_what_is_not_there_and_what_would_train_is_one_line(options: str, said: str, other: Path) -> None:
    with pytest.raises(ConfigError) as error:
        choose(f"full:{options.format(other=other)}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_hub_model_that_is_not_cached_is_not_fetched(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medcot_bench.base_model import hub_model
    from medcot_bench.base_model.layout import read_folder_layout

    config = json.loads((other / "config.json").read_text())
    found = hub_model.Found("0" * 40, config, read_folder_layout("m", other), None, {})
    monkeypatch.setattr(hub_model, "find", lambda model: found)
    with pytest.raises(ModelError, match=r"fetch it with: hf download org/tuned --revision v2$"):
        choose("full:path=org/tuned@v2")


def test_its_id_is_that_of_its_files_and_full_keeps_its_own(other: Path) -> None:
    plain = {"name": "full", "version": 1, "options": {}}
    assert plain.items() <= choose("full").request().items()
    first = choose(f"full:path={other}").request()
    moved = other.rename(other.with_name("moved"))
    assert choose(f"full:path={moved}").request() == first
    tensors = load_file(moved / "model.safetensors")
    save_file(
        {name: tensor * 2 for name, tensor in tensors.items()}, moved / "model.safetensors", {"format": "pt"}
    )
    assert choose(f"full:path={moved}").request() != first


def refused(folder: Path, tiny_model: Path) -> str:
    base = load_model(tiny_model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    with pytest.raises(ModelError) as error:
        choose(f"full:path={folder}").adapter.prepare(base, {})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("made", "where"), [({"layers": 3}, "model.layers.3."), ({"hidden_size": 32}, "model.")])
def test_another_size_is_refused(made: dict[str, Any], where: str, tiny_model: Path, tmp_path: Path) -> None:
    said = refused(make_tiny_model(tmp_path / "sized", **made), tiny_model)
    assert f"another architecture or other sizes than the base model, e.g. in {where}" in said
    assert said.endswith("; score it as a base model of its own, with --model")


def test_a_shorter_context_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    said = refused(make_tiny_model(tmp_path / "short", max_positions=512), tiny_model)
    assert "it reads 512 tokens, the base model 2048" in said


def test_another_tokenizer_is_refused_and_an_added_token_is_none(other: Path, tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["<pad>"])
    tokenizer.save_pretrained(other)
    edit_json(other / "config.json", vocab_size=258)
    base = load_model(tiny_model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    made = choose(f"full:path={other}").adapter.prepare(base, {})
    weights = load_file(other / "model.safetensors")
    assert torch.equal(made.model.norm.weight, weights["model.norm.weight"])
    assert torch.equal(made.model.layers[0].mlp.up_proj.weight, weights["model.layers.0.mlp.up_proj.weight"])
    saved = json.loads((other / "tokenizer.json").read_text())
    vocabulary = saved["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    edit_json(other / "tokenizer.json", model=saved["model"])
    assert "another tokenizer than the base model's" in refused(other, tiny_model)


def test_missing_tensors_are_refused(other: Path, tiny_model: Path) -> None:
    tensors = load_file(other / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, other / "model.safetensors", {"format": "pt"})
    assert ": 1 tensor is missing, e.g. model.norm.weight; " in refused(other, tiny_model)


@pytest.mark.parametrize(("named", "noted"), [("org/Large", True), ("org/llama", False), ("./here", False)])
def test_another_base_than_its_config_names_is_noted(
    named: str, noted: bool, study_fields: dict[str, Any], other: Path, tiny_model: Path, tmp_path: Path
) -> None:
    edit_json(other / "config.json", _name_or_path=named)
    fields = study_fields | {"adapters": f"none,full:path={other}"}
    notes = [*find_adapter_notes(make_plan(medcot_bench.Study.model_validate(fields)))]
    said = (
        f"adapter full:path={other}: its files name the base model {named}; here it is compared with {tiny_model}."
    )
    assert [note[: len(said)] for note in notes] == ([said] if noted else [])


@pytest.mark.slow
def test_it_scores_as_it_does_as_a_base_model(
    study_fields: dict[str, Any], other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = study_fields | {"adapters": f"none,full:path={other},lora", "output_dir": str(tmp_path / "beside")}
    results = medcot_bench.run(fields)
    alone = medcot_bench.run(study_fields | {"model": str(other), "adapters": "none"})
    own = next(cell for cell in results.cells if cell.cell.adapter.startswith("full"))
    (itself,) = alone.cells
    assert own.evaluations["k8s_qa"].relation == "elsewhere"
    assert own.evaluations["k8s_qa"].results == itself.evaluations["k8s_qa"].results
    said = [
        [(s["prediction"], s["gold_loglikelihood"]) for s in r.samples(c, "k8s_qa")]
        for r, c in ((results, own), (alone, itself))
    ]
    assert said[0] == said[1]
    assert own.record is not None
    assert (own.record.trainable_parameters, own.record.training.steps) == (0, 0)
    row = next(row for row in results.leaderboard().rows if row.external)
    base = next(row for row in results.leaderboard().rows if row.is_base)
    gain = row.tasks["k8s_qa"].scores["gold_nll"].value - base.tasks["k8s_qa"].scores["gold_nll"].value
    (beside,) = results.compare("none", "gold_nll").query("method == @row.adapter").to_dict("records")
    assert beside["difference"] == pytest.approx(-gain)  # lower is better
    assert row.tasks["k8s_qa"].gaps == {}
    asked = ["predict", str(results.root), own.cell.name, "Which port?", "--context", "port: 80"]
    assert main(asked) == 0
    capsys.readouterr()
    assert main(["merge", str(results.root), own.cell.name, str(tmp_path / "merged")]) == 2
    assert "is a whole model already, with nothing to merge: use it where it lies" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()
