"""Ranks above the smaller side of a matrix: refused where they help nowhere, noted where they help somewhere."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.cli import main
from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.ranks import find_high_ranks
from medcot_bench.study.schema import Study

# The tiny model has 4 blocks of 7 matrices: 2 of 64 x 64, 2 (k_proj and v_proj) of 32 x 64, 3 of 128 x 64.


def notes_of(fields: dict[str, Any], adapters: str) -> list[str]:
    return [*find_high_ranks(make_plan(Study.model_validate(fields | {"adapters": adapters})))]


@pytest.mark.parametrize(
    ("adapter", "side"),
    [
        *(("lora:r=99999", 64), ("qlora:r=65", 64), ("layer_lora:r=65", 64), ("lora:r=33,targets=k_proj", 32)),
        ("lora:r=33,targets=k_proj+v_proj,select=layers,layers=2", 32),
    ],
)
def test_a_rank_above_every_matrix_is_refused(study_fields: dict[str, Any], adapter: str, side: int) -> None:
    rank = adapter.partition("r=")[2].partition(",")[0]
    with pytest.raises(ConfigErrors) as caught:
        notes_of(study_fields, adapter)
    said = f"its rank {rank} is above the smaller side of all its matrices; rank {side} trains the same"
    assert str(caught.value) == f"adapter {adapter}: {said}"


def test_a_rank_above_some_matrices_is_noted(study_fields: dict[str, Any]) -> None:
    assert notes_of(study_fields, "none,full,lora,lora:r=32,lora:r=64,lora:r=64,targets=mlp") == [
        "adapter lora:r=64: its rank 64 is above the smaller side (32) of 8 of 28 matrices, where a lower one "
        "trains the same"
    ]


def test_what_peft_calls_r_elsewhere_is_no_rank(study_fields: dict[str, Any]) -> None:
    assert notes_of(study_fields, "peft:type=oft,oft_block_size=0,r=99") == []


def test_plan_and_validate_show_the_note(study_file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(study_file(adapters="full,lora:r=64"))
    for command in ("plan", "validate"):
        assert main([command, path]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "note: adapter lora:r=64: its rank 64 is above the smaller side (32) of 8 of 28 matrices" in said
