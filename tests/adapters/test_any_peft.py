"""PEFT's methods by name, and adapters that PEFT saved: what is refused in one line, and what comes out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

import medcot_bench
from medcot_bench.errors import ConfigError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.adapter_notes import find_adapter_notes
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import resolve_adapter
from medcot_bench.study.spec_strings import parse_specs


def choose(typed: str) -> Any:
    return resolve_adapter(parse_specs(typed)[0], installed())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("peft", "give a method, peft:type=oft, or a saved adapter, peft:path=DIR"),
        ("peft:type=oft,path=x", "give a method"),
        ("peft:type=qoft", "type=qoft is not a method of this PEFT; known: adalora, "),
        ("peft:type=prompt_tuning", "type=prompt_tuning changes prompts, not modules; known: "),
        ("peft:type=oft,blocks=4", "oft has no field 'blocks'; fields: bias, block_share, "),
        ("peft:type=loha,target_modules=q_proj", "loha has no field 'target_modules'"),
        ("peft:type=oft,r=8,oft_block_size=8", "type=oft: "),
        ("peft:path=nowhere", "path=nowhere: adapter_config.json is missing; give a folder saved by PEFT"),
        ("peft:type=loha,r=[8", "type=loha: "),
        ("peft:path=org/nowhere", "adapter 'org/nowhere': not in the local cache, and the hub can't be reached ("),
        ("peft:path=./org/nowhere", "path=./org/nowhere: adapter_config.json is missing"),
        ("peft:path=x,r=8", "a saved adapter takes no option 'r'"),
        ("qlora:pissa=true", "pissa can't decompose weights in 4 bits; use lora"),
    ],
)
def test_what_peft_would_not_take_is_one_line(typed: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        choose(typed)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_fields_are_read_by_their_kind() -> None:
    chosen = choose(
        "peft:type=loha,r=4,use_effective_conv2d=true,module_dropout=0.1,layers_to_transform=1+3,lr=0.1"
    )
    assert chosen.adapter._fields == {
        "r": 4,
        "use_effective_conv2d": True,
        "module_dropout": 0.1,
        "layers_to_transform": [1, 3],
    }
    assert chosen.recipe_options == {"lr": 0.1}
    assert chosen.request()["options"]["r"] == "4"


def test_options_added_later_leave_the_ids_of_results_as_they_were() -> None:
    assert choose("lora").request()["options"] == {"r": 16, "alpha": 32, "dropout": 0.0}
    assert choose("lora:dora=true").request()["options"]["dora"] is True
    assert choose("lora:dora=false").request() == choose("lora").request()


@pytest.fixture
def saved(tiny_model: Path, tmp_path: Path) -> Path:
    """A LoRA that plain PEFT trained: one step on one text, at a rate that shows."""
    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(base, config)
    ids = torch.arange(40)[None]
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=50.0)
    for _ in range(2):  # the first step moves B, which starts from zero, the second A too
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.parametrize(
    ("named", "noted"),
    [
        ("org/Tiny-Instruct", True),
        ("org/Tiny", False),
        ("org/Tiny@v2", False),
        ("some/where/base", False),  # a path
        ("/home/someone/base", False),
        (None, False),
    ],
)
def test_another_base_model_than_the_one_that_an_adapter_names_is_noted(
    study_fields: dict[str, Any], saved: Path, tiny_model: Path, tmp_path: Path, named: str | None, noted: bool
) -> None:
    config = json.loads((saved / "adapter_config.json").read_text())
    (saved / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": named}))
    model = tmp_path / "tiny"
    model.symlink_to(tiny_model)
    fields = study_fields | {"adapters": f"none,peft:path={saved}", "model": str(model)}
    notes = [*find_adapter_notes(make_plan(medcot_bench.Study.model_validate(fields)))]
    said = f"adapter peft:path={saved}: its files name the base model {named}; here it is put on {model}. "
    assert [note[: len(said)] for note in notes] == ([said] if noted else [])


def test_a_config_that_is_no_json_is_one_line(saved: Path) -> None:
    (saved / "adapter_config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"adapter_config.json is not a JSON object$"):
        choose(f"peft:path={saved}")


def test_a_saved_adapter_takes_no_options_of_training(saved: Path) -> None:
    with pytest.raises(ConfigError, match=r"it is not trained, so it takes no option 'lr'$"):
        choose(f"peft:path={saved},lr=1e-3")


def test_its_id_is_that_of_its_weights(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = choose(f"peft:path={saved}").request()
    monkeypatch.chdir(saved.parent)
    assert choose("peft:path=saved").request() == first
    saved.rename("moved")
    assert choose("peft:path=moved/").request() == first
    config_file = saved.parent / "moved" / "adapter_config.json"
    config_file.write_text(json.dumps(json.loads(config_file.read_text()) | {"lora_alpha": 16}))
    assert choose("peft:path=moved").request() != first


def test_the_study_that_a_run_keeps_has_absolute_paths_of_adapters(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(saved.parent)
    names = ("lora:r=8", "peft:path=saved", "peft:path=org/nowhere@v1")
    study = medcot_bench.Study.model_validate({"adapters": names, "analysis": {"adapters": names[1:]}})
    kept = yaml.safe_load(dump_study(study))
    assert kept["adapters"] == ["lora:r=8", f"peft:path={saved}", "peft:path=org/nowhere@v1"]
    assert kept["analysis"]["adapters"] == kept["adapters"][1:]


REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_home(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HF_HOME whose cache holds the saved adapter as `org/tuned`, with files that nobody may load."""
    repository = tmp_path / "home" / "hub" / "models--org--tuned"
    snapshot = shutil.copytree(saved, repository / "snapshots" / REVISION)
    (snapshot / "adapter_model.bin").write_bytes(b"a pickle")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(repository.parent))
    return tmp_path / "home"


@pytest.mark.parametrize("typed", ["org/tuned", "org/tuned@main", f"org/tuned@{REVISION}"])
@pytest.mark.usefixtures("hub_home")
def test_an_adapter_of_the_hub_is_found_in_the_cache_and_known_by_its_revision(typed: str) -> None:
    adapter = choose(f"peft:path={typed}")
    assert adapter.label == f"peft:path={typed}"
    assert adapter.request()["weights"] == f"hub:org/tuned@{REVISION}"
    assert adapter.request() == choose("peft:path=org/tuned").request()


def test_without_safetensors_an_adapter_of_the_hub_is_not_taken(
    hub_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    snapshot = hub_home / "hub" / "models--org--tuned" / "snapshots" / REVISION
    (snapshot / "adapter_model.safetensors").unlink()

    def fetch(name: str, **settings: Any) -> str:
        asked.append(settings)
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    with pytest.raises(
        ConfigError, match=r"'org/tuned': the hub's repository has no adapter_model.safetensors \("
    ):
        choose("peft:path=org/tuned")
    patterns = ["adapter_config.json", "adapter_model.safetensors"]
    assert [settings["allow_patterns"] for settings in asked] == [patterns, patterns]
    assert [settings.get("local_files_only", False) for settings in asked] == [True, False]


@pytest.mark.slow
def test_an_adapter_of_the_hub_is_scored_as_its_folder_is(
    study_fields: dict[str, Any], saved: Path, hub_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(hub_home))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    results = medcot_bench.run(study_fields | {"adapters": f"peft:path={saved},peft:path=org/tuned"})
    folder, hub = results.cells
    assert folder.cell.id != hub.cell.id
    assert folder.evaluations["k8s_qa"].results == hub.evaluations["k8s_qa"].results
    assert (results.root / "cells" / f"base__peft.pathtuned-{hub.cell.id}").is_dir()
    assert "peft:path=org/tuned" in (results.root / "leaderboard.md").read_text()


@pytest.mark.slow
def test_an_adapter_trained_elsewhere_gets_the_numbers_of_plain_hflm(
    study_fields: dict[str, Any], tiny_model: Path, saved: Path
) -> None:
    fields = study_fields | {"adapters": f"none,full,peft:path={saved}", "tasks": "k8s_qa", "limit": 4}
    results = medcot_bench.run(fields)
    base, full, own = results.cells
    assert (own.cell.task, own.cell.seed) == (None, None)
    assert own.evaluations["k8s_qa"].relation == "elsewhere"
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), str(saved))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    plain = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=2, max_length=2048)
    plan = make_plan(medcot_bench.Study.model_validate(fields))
    for example, sample in zip(plan.items.scored("k8s_qa"), results.samples(own, "k8s_qa"), strict=True):
        written = write(plan.tasks["k8s_qa"], Encoder(tokenizer), example)
        request = Instance("loglikelihood", {}, (written.prompt, written.target), 0)
        [(gold, _)] = plain.loglikelihood([request], disable_tqdm=True)
        assert sample["gold_loglikelihood"] == pytest.approx(gold, abs=1e-4)
    assert own.evaluations["k8s_qa"].results != base.evaluations["k8s_qa"].results
    table = (results.root / "leaderboard.md").read_text()
    assert "| external adapter " in table
    assert full.record is not None


@pytest.mark.slow
def test_oft_trains_is_scored_and_is_saved_without_code_of_ours(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "none,peft:type=oft,oft_block_size=8,r=0,lr=1e-2", "keep_weights": "all"}
    results = medcot_bench.run(fields)
    base, oft = results.cells
    assert oft.record is not None
    assert oft.record.divergence is not None
    assert oft.record.divergence.kl > 0
    tuned, plain = (cell.evaluations["k8s_qa"].results["gold_nll,none"] for cell in (oft, base))
    assert tuned != plain
    assert list(results.root.glob("cells/*oft*/adapter/adapter_model.safetensors"))


@pytest.mark.slow
def test_pissa_starts_from_the_base_and_loads_what_it_saved(tiny_model: Path, tmp_path: Path) -> None:
    chosen = choose("lora:pissa=true,r=4")

    def load() -> Any:
        return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)

    ids = torch.arange(30)[None]
    placement = {f"model.layers.{layer}.self_attn.q_proj": None for layer in range(4)}
    model = chosen.adapter.prepare(load(), placement)
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, load()(ids).logits, rtol=0, atol=1e-4)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.mul_(1.5)
        expected = model(ids).logits
        chosen.adapter.save(model, tmp_path)
        assert torch.equal(chosen.adapter.load(load(), tmp_path)(ids).logits, expected)
