"""What `plan` and `validate` say of a study with a precision rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.cli import main

RULE = {"effect": "in_domain", "half_width": 0.05, "max_seeds": 8, "budget": "8h"}


@pytest.fixture
def show(study_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command on a study with a rule; return what it prints, on one line."""

    def show(command: str, *arguments: str, **rule: Any) -> str:
        analysis = {"primary": "gold_nll", "precision": RULE | rule}
        study = study_file(adapters="none,full,lora", data={}, limit=36, analysis=analysis)
        assert main([command, str(study), *arguments]) == 0
        return " ".join(capsys.readouterr().out.split())

    return show


def test_plan_says_the_least_and_the_most(show: Callable[..., str]) -> None:
    said = show("plan", half_width=0.14)
    span = (
        "precision: 5 to 8 seeds of every method, 11 to 17 training runs, those added within 8 h, until half width"
    )
    assert f"{span} 0.14 asked (95% CI of the gap in domain by gold_nll)" in said
    assert "precision, by the published variances: about " in said
    assert ", at most " in said
    assert "Power analysis (80%, 5 seeds)" in said


def test_plan_says_that_items_do_not_allow_what_is_asked(show: Callable[..., str]) -> None:
    assert "by the published variances: 36 items per task allow no half width below" in show(
        "plan", half_width=0.01
    )


def test_json_has_the_rule(show: Callable[..., str]) -> None:
    found = json.loads(show("plan", "--json"))["precision"]
    assert found["seeds"] == [5, 8]
    assert (found["rule"]["half_width"], found["rule"]["budget"], found["rule"]["looks"]) == (0.05, 28800.0, [])
    assert found["expected"]["items"] == 36


def test_validate_counts_the_most(show: Callable[..., str]) -> None:
    assert "OK: at most 16 training runs" in show("validate")
