"""A base model with several end tokens: evaluations of it have them in their ids, those of all others do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from huggingface_hub.errors import RemoteEntryNotFoundError

from medcot_bench.base_model.end_tokens import list_end_tokens
from medcot_bench.base_model.resolve import Base, resolve
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study
from medcot_bench.types import ModelInfo


def with_ends(model: Path, folder: Path, **ends: Any) -> Path:
    """A copy of a model whose files of these names have these end tokens."""
    shutil.copytree(model, folder)
    for name, end in ends.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": end}))
    return folder


@pytest.mark.parametrize(
    ("ends", "found"),
    [
        ({"generation_config": [257, 10]}, (10, 257)),
        ({"generation_config": [257, 257]}, ()),
        ({"generation_config": [257]}, ()),
        ({"generation_config": 10}, ()),
        ({"generation_config": None, "config": [257, 3]}, (3, 257)),
        ({"generation_config": 257, "config": [257, 3]}, ()),
    ],
)
def test_only_several_are_listed(
    ends: dict[str, Any], found: tuple[int, ...], tiny_model: Path, tmp_path: Path
) -> None:
    assert list_end_tokens(resolve(str(with_ends(tiny_model, tmp_path / "model", **ends)))) == found


def test_they_are_part_of_what_an_evaluation_asks_and_of_nothing_trained(
    study_fields: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    def plan_on(folder: Path) -> Plan:
        return make_plan(Study(**study_fields | {"model": str(folder)}))

    plain = plan_on(tiny_model)
    assert all("end_tokens" not in one.request for one in plain.evaluations)
    several = plan_on(with_ends(tiny_model, tmp_path / "several", generation_config=[257, 10]))
    assert {str(one.request["end_tokens"]) for one in several.evaluations} == {"[10, 257]"}
    assert all("end_tokens" not in cell.request for cell in several.cells)


def test_of_a_model_that_is_still_on_the_hub_its_small_files_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fetch(name: str, file: str, *, revision: str) -> str:
        if file != "config.json":
            raise RemoteEntryNotFoundError(file, response=MagicMock())
        (tmp_path / file).write_text('{"eos_token_id": [2, 1]}')
        return str(tmp_path / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    info = ModelInfo(architecture="llama", n_layers=1, hidden_size=8, parameters=9, max_positions=64)
    base = Base(
        name="acme/thing", origin="", kind="hub", path=None, revision="c0ffee", digest="d", info=info, modules=()
    )
    assert list_end_tokens(base) == (1, 2)
