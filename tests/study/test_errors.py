"""Every error of study file, environment and command line, told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cases import find_case
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Scoring, Study, Training
from medcot_bench.study.spec_strings import Spec

Overrides = list[tuple[str, Any]]
FIELDS = [*Study.model_fields, *Training.model_fields, *Scoring.model_fields]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def write_study(folder: Path, text: str | bytes) -> Path:
    path = folder / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def errors_of(folder: Path, text: str | bytes = "", overrides: Overrides | None = None) -> list[str]:
    return load_study(write_study(folder, text), overrides or [])[1]


def test_an_unknown_variable_is_an_error_that_names_it() -> None:
    _, errors = load_study(None, [], {"MEDCOT_LIMITS": "3"})
    assert errors == ["environment variable MEDCOT_LIMITS: a study has no such field; did you mean limit?"]


def test_every_error_is_told_at_once_and_the_rest_of_the_study_is_kept(tmp_path: Path) -> None:
    text = (
        "limit: 0\nadapters: [none]\ntraining: {lr: fast, max_steps: 3}\nscoring: {split: evil}\nseeds: [1, 1]\n"
    )
    path = write_study(tmp_path, text)
    study, errors = load_study(path, [("threads", "many")], {"MEDCOT_LIMITS": "3"})
    fields = [error.partition(":")[0] for error in errors]
    assert fields[0] == "environment variable MEDCOT_LIMITS"
    assert sorted(fields[1:]) == ["limit", "scoring.split", "seeds", "threads", "training.lr"]
    assert study == Study(adapters=("none",), training=Training(max_steps=3))
    raised = ConfigErrors(errors)
    assert str(raised).split("\n") == errors
    assert raised.exit_code == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("limit: 0", "limit: Input should be greater than 0 (given: 0)"),
        ("seeds: [1, 1]", "seeds: give distinct seeds from 0 up, as 0,1,2 or 0-4 (given: [1, 1])"),
        ("seeds: [-1]", "seeds: give distinct seeds from 0 up, as 0,1,2 or 0-4 (given: [-1])"),
        ("device: gpu", "device: give auto, cpu, mps, cuda or xpu; one of several as cuda:1 (given: 'gpu')"),
        ("seeds: []", "seeds: give distinct seeds from 0 up, as 0,1,2 or 0-4 (given: [])"),
        ("adapters: 'lora:r'", "adapters: lora: 'r' is not an option; write lora:key=value (given: 'lora:r')"),
        (
            "scoring: {split: evil}",
            "scoring.split: Input should be 'train', 'validation' or 'eval' (given: 'evil')",
        ),
    ],
)
def test_an_error_names_the_field_what_is_wanted_and_what_was_given(tmp_path: Path, text: str, error: str) -> None:
    assert errors_of(tmp_path, text) == [error]


@pytest.mark.parametrize(
    ("text", "field", "section"),
    [
        ("zeal: 3", "zeal", Study),
        ("training: {zeal: 3}", "training.zeal", Training),
        ("scoring: {zeal: 3}", "scoring.zeal", Scoring),
    ],
)
def test_an_unknown_field_lists_the_valid_ones_of_its_section(
    tmp_path: Path, text: str, field: str, section: type[Study]
) -> None:
    (error,) = errors_of(tmp_path, text)
    assert error.startswith(f"{field}: no such field; ")
    assert error.endswith(f"; known: {', '.join(section.model_fields)}")


def test_an_unknown_field_that_is_near_another(tmp_path: Path) -> None:
    assert errors_of(tmp_path, "limti: 3") == ["limti: no such field; did you mean limit?"]
    [error] = errors_of(tmp_path, "training: {learning_rate: 3}")
    assert error == "training.learning_rate: no such field; did you mean lr or tune_lr?"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("- a\n", "a study file is a mapping of fields, not a list"),
        ("a: [", "not YAML: while parsing a flow node"),
        ("a: !!python/object:os.system x", "not YAML: could not determine a constructor"),
        (b"\xff", "not YAML: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_what_is_no_study_file_is_one_line_with_its_path(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    (error,) = errors_of(tmp_path, content)
    assert error.startswith(f"{tmp_path / 'study.yaml'}: {reason}")
    assert "\n" not in error


def test_a_missing_study_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    assert load_study(tmp_path / "no.yaml")[1] == [f"{tmp_path / 'no.yaml'}: No such file or directory"]
    assert load_study(tmp_path)[1] == [f"{tmp_path}: Is a directory"]
    (tmp_path / "study.yaml").write_text("seeds: 1\n")
    assert load_study(tmp_path)[1] == [f"{tmp_path}: Is a directory; use {tmp_path / 'study.yaml'}"]


def test_of_a_file_that_can_not_be_read_nothing_else_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        make_plan(*load_study(tmp_path / "no.yaml"))
    assert caught.value.errors == (f"{tmp_path / 'no.yaml'}: No such file or directory",)


@pytest.mark.parametrize(
    ("override", "error"),
    [
        (("limit", "["), "limit: '[' is not a YAML value"),
        (("seeds.first", "3"), "seeds.first: 'seeds' has no fields of its own"),
    ],
)
def test_an_override_that_can_not_be_set_is_an_error(
    tmp_path: Path, override: tuple[str, str], error: str
) -> None:
    assert errors_of(tmp_path, "seeds: [1]", [override]) == [error]


@pytest.mark.parametrize(
    "text",
    [
        "tasks: {k8s_qa: {context: none}}",
        "training: {lr: .inf}",
        "training: {clip: .inf}",
        "limit: 2025-13-01",
        "limit: 0x_",
        "[" * 5000,
    ],
)
def test_what_no_run_could_use_is_an_error(tmp_path: Path, text: str) -> None:
    assert errors_of(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "data: {k8s_qa: {trian: file:a}}",
        "data: {k8s_qa: {train: 3}}",
        "3: 4",
        "data: {k8s_qa: 3}",
    ],
)
def test_one_bad_field_is_one_error_and_leaves_the_others_as_given(tmp_path: Path, text: str) -> None:
    study, errors = load_study(write_study(tmp_path, f"{text}\nadapters: none\n"))
    assert study.adapters == (Spec("none", {}),)
    assert len(errors) == 1


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4) | st.integers(), JUNK, max_size=4) | JUNK)
@example({"data": {"k8s_qa": {"train": {"train": 3}}}})
@example({"training": {"lr": {"lr": 1}}, "scoring": [1], "seeds": {"a": None}})
@example({"data": {"k8s_qa": {3: "file:a"}}, "training": None})
def test_junk_as_a_study_gives_a_study_and_errors_and_never_raises(
    tmp_path_factory: pytest.TempPathFactory, junk: Any
) -> None:
    path = write_study(tmp_path_factory.getbasetemp(), yaml.safe_dump(junk))
    study, errors = load_study(path)
    assert isinstance(study, Study)
    assert all(isinstance(error, str) for error in errors)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("Yes", "true"), ("off", "false"), ("42", "42"), ("1.5", "1.5"), ("2024-01-01", "2024-01-01")],
)
def test_what_yaml_takes_for_no_string_is_told_with_how_it_stays_one(
    typed: str, shown: str, tmp_path: Path
) -> None:
    (tmp_path / "task.yaml").write_text(f"data: rows.csv\nanswer: {typed}\n")
    text = f"model: {typed}\ntasks: [task.yaml]\nadapters: [none, {typed}]\n"
    end = f": Input should be a valid string (given: {shown}; put it in quotes)"
    errors = errors_of(tmp_path, text)
    assert sorted(errors) == [f"adapters{end}", f"model{end}", f"own.task.answer{end}"]


def test_a_number_as_a_column_of_others_is_told_likewise() -> None:
    _, errors = load_study(overrides=[("tasks", [str(find_case("yaml_bool_column") / "task.yaml")])])
    end = "put it in quotes)"
    assert [error for error in errors if error.endswith(end)] == errors
    assert [error.partition(":")[0] for error in errors] == ["own.task.answer", "own.task.group"]
