"""The section analysis.precision: what it takes, what it refuses, and the seeds that it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from medcot_bench.study.loading import load_study
from medcot_bench.study.precision import Aim, Precision

RULE = {"half_width": 0.05}


def load(tmp_path: Path, rule: Any, **fields: Any) -> Any:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({"tasks": "k8s_qa", "analysis": {"precision": rule}, **fields}))
    return load_study(path)


def test_a_rule_is_read_with_its_defaults(tmp_path: Path) -> None:
    study, errors = load(tmp_path, {**RULE, "budget": "8h", "effect": "in_domain"})
    rule = study.analysis.precision
    assert not errors
    assert (rule.effect, rule.min_seeds, rule.max_seeds, rule.seconds) == (Aim.IN_DOMAIN, 5, 20, 8 * 3600)
    assert study.analysis.narrowed == "answer"  # the primary score
    assert Precision.model_validate(RULE).seconds is None


def test_the_command_line_gives_a_rule_too() -> None:
    study, errors = load_study(
        None, [("analysis.precision.half_width", "0.1"), ("analysis.precision.budget", "30m")]
    )
    assert not errors
    assert study.analysis.precision == Precision(half_width=0.1, budget="30m")


def test_every_fault_of_a_rule_is_a_line(tmp_path: Path) -> None:
    rule = {"effect": "gap", "half_width": 0, "min_seeds": 3, "max_seeds": "many", "budget": "soon", "seeds": 5}
    _, errors = load(tmp_path, rule)
    assert [error.partition(":")[0] for error in errors] == [
        f"analysis.precision.{field}"
        for field in ("effect", "half_width", "min_seeds", "max_seeds", "budget", "seeds")
    ]
    assert errors[4] == "analysis.precision.budget: write a time as 30m or 8h (given: 'soon')"
    assert errors[5].endswith("no such field; did you mean min_seeds or max_seeds?")


@pytest.mark.parametrize(
    ("rule", "fields", "said"),
    [
        ({}, {}, "analysis.precision.half_width: Field required"),
        (
            {**RULE, "min_seeds": 8, "max_seeds": 6},
            {},
            "analysis.precision: max_seeds=6 is below min_seeds=8",
        ),
        (
            RULE,
            {"seeds": [0, 1, 2, 3, 4, 5]},
            "seeds: 6 are named, and analysis.precision begins with 5: name no more, or raise "
            "analysis.precision.min_seeds",
        ),
        ({**RULE, "budget": "none"}, {}, "analysis.precision.budget: write a time as 30m or 8h (given: 'none')"),
    ],
)
def test_a_rule_that_can_not_be_followed_is_an_error(
    tmp_path: Path, rule: Any, fields: dict[str, Any], said: str
) -> None:
    assert load(tmp_path, rule, **fields)[1] == [said]


def test_the_seeds_of_the_study_are_the_first_ones(tmp_path: Path) -> None:
    rule = {**RULE, "max_seeds": 7}
    assert load(tmp_path, rule, seeds=[3, 0])[0].every_seed == (3, 0, 1, 2, 4, 5, 6)
    assert load(tmp_path, rule)[0].every_seed == (0, 1, 2, 3, 4, 5, 6)
    assert load(tmp_path, None, seeds=[3, 0])[0].every_seed == (3, 0)
