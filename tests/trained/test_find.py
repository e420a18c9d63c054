"""A cell is found by what people type for it, and what can't be used of it is one line that says what to do."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sealed import write_sealed

from medcot_bench.errors import ConfigError
from medcot_bench.results.cells import Cell
from medcot_bench.trained.find import _matches, find

QUICK = Path(__file__).parents[2] / "docs" / "results" / "quick"
"""Its cells: the base, and full and layer_lora with seeds 0 to 4; no weights were kept."""
LORA = "k8s_qa__layer_lora__s1-42c915b67cc4"


@pytest.mark.parametrize(
    "typed", [LORA, "42c915b67cc4", "42c9", "layer_lora__s1", "k8s_qa__layer_lora__s1", f"{LORA}/"]
)
def test_a_cell_is_found_by_its_name_its_id_or_parts_of_them(typed: str) -> None:
    found = find(QUICK, typed, weights=False)
    assert (found.name, found.cell.adapter, found.cell.seed) == (LORA, "layer_lora", 1)
    assert found.task().label == "k8s_qa"
    assert found.prompts == {"chat_template": False, "system_prompt": ""}


def test_the_base_model_needs_no_weights() -> None:
    found = find(QUICK, "none")
    assert (found.name, found.weights, found.cell.task) == ("base__none-b9357cea8181", None, None)
    assert found.task("manuals_qa").label == "manuals_qa"


def error_of(typed: str, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        find(QUICK, typed, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_several_cells_match_lists_them() -> None:
    said = error_of("layer_lora")
    both = "k8s_qa__layer_lora__s0-998a7a221d9c, k8s_qa__layer_lora__s1-"
    assert said.startswith(f"{QUICK}: 'layer_lora' is ambiguous: {both}")
    assert error_of("layer").count("layer_lora__s") == 5
    with pytest.raises(ConfigError, match="'lora' is ambiguous: ") as caught:
        find(QUICK.with_name("persistence"), "lora")
    assert "layer_lora" not in str(caught.value)  # whole parts of a name come before pieces
    assert error_of("").startswith(f"{QUICK}: no training run ''; known: base__none-")
    assert error_of("qlora").count("k8s_qa__") == 10


def test_weights_that_were_not_kept_are_said_with_what_keeps_them() -> None:
    run = f"medcot-bench run {QUICK / 'study.yaml'}"
    lora = f"{LORA}: its weights were not kept; train it again in another folder: {run} --set keep_weights="
    assert error_of(LORA) == f"{lora}adapters --seeds 1 -o NEW"
    assert "--set keep_weights=all --seeds 0 -o NEW" in error_of("full__s0")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The folder with one cell that failed and one that was never begun."""
    root = shutil.copytree(QUICK, tmp_path / "out")
    shutil.rmtree(root / "cells" / LORA)
    (root / "cells" / "k8s_qa__layer_lora__s0-998a7a221d9c" / "cell.json.bz2").unlink()
    attempt = {"cell_id": "998a7a221d9c", "status": "oom", "error": "no memory left", "started": "2026-01-01"}
    failed = root / "cells" / "k8s_qa__layer_lora__s0-998a7a221d9c" / "attempts" / "1"
    failed.mkdir(parents=True)
    write_sealed(failed / "error.json", attempt)
    return root


def test_a_cell_that_failed_or_was_not_begun_says_so(copied: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^k8s_qa__layer_lora__s0-\w+ failed \(oom: no memory left\); fix the cause, then: "
    ):
        find(copied, "layer_lora__s0")
    with pytest.raises(ConfigError, match=rf"^{LORA} is not trained yet; run: medcot-bench run .*study.yaml -o "):
        find(copied, "layer_lora__s1")
    (copied / "study.yaml").unlink()
    with pytest.raises(ConfigError, match=r"study.yaml: No such file or directory$"):
        find(copied, "none")


def test_the_task_is_the_cell_s_own_or_one_of_the_study() -> None:
    for cell, typed, said in (
        ("none", None, "base__none-b9357cea8181 has no training task; choose with --task, one of: k8s_qa, man"),
        (LORA, "k8s", f"no task 'k8s' in {QUICK}; choose with --task, one of: k8s_qa, manuals_qa"),
    ):
        with pytest.raises(ConfigError) as caught:
            find(QUICK, cell, weights=False).task(typed)
        assert str(caught.value).startswith(said)


def test_a_task_that_asks_otherwise_by_now_is_no_basis() -> None:
    found = find(QUICK, LORA, weights=False)
    assert found.record is not None
    older = {**found.record.request, "task": {**found.record.request["task"], "version": 0}}
    found = dataclasses.replace(found, record=dataclasses.replace(found.record, request=older))
    with pytest.raises(ConfigError, match="was trained on task k8s_qa version 0; now it is version 1"):
        found.task()
    assert found.task("manuals_qa").label == "manuals_qa"


def test_options_may_be_left_out_and_lora_is_never_qlora() -> None:
    """Cells as the README's grid makes them."""
    cells = ("k8s_qa__lora.lr2e-4__s0", "k8s_qa__qlora__s0", "k8s_qa__layer_lora.k2.selecttop__s0")
    named = {
        f"{name}-{n:012x}": SimpleNamespace(
            cell=Cell(id=f"{n:012x}", task="k8s_qa", adapter="a", seed=0, request={})
        )
        for n, name in enumerate(cells)
    }
    for typed, found in (("lora__s0", 0), ("lora.lr2e-4__s0", 0), ("qlora__s0", 1), ("layer_lora__s0", 2)):
        assert next(filter(None, _matches(named, typed))) == [list(named)[found]], typed  # type: ignore[arg-type]
    assert not [*filter(None, _matches({k: v for k, v in named.items() if "__qlora" in k}, "lora__s0"))]  # type: ignore[misc]
