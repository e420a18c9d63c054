"""Study file, command line and MEDCOT_* variables -> Study, with every error at once; and back to a file.

Precedence: command line > environment > study file > default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from medcot_bench.errors import suggest
from medcot_bench.security.foreign_text import quote
from medcot_bench.security.yaml_files import YAML_ERRORS, OutOfBounds, explain_yaml, load_yaml, read_yaml
from medcot_bench.study.analysis import Analysis
from medcot_bench.study.fields import explain_unknown_field, show_given
from medcot_bench.study.precision import Precision
from medcot_bench.study.schema import Scoring, Study, Training
from medcot_bench.study.task_files import add_own, check_own, relative_to, take_in
from medcot_bench.types import SPLITS

RESERVED_VARIABLES = {"MEDCOT_BLOCK", "MEDCOT_CACHE", "MEDCOT_TEST_CASES", "MEDCOT_TEST_DATA"}
_SECTIONS: dict[str, type[BaseModel]] = {"training": Training, "scoring": Scoring, "analysis": Analysis}
TRUST = "trust_task_code"
"""The field that only the command line sets."""
_STRINGS = {"model", "output_dir", "system_prompt", "general_text", "device"} | {
    *("tasks", "eval_tasks", "adapters", "baselines", "shifts")
}


def load_study(
    path: Path | None = None,
    overrides: Iterable[tuple[str, Any]] = (),
    environment: Mapping[str, str] | None = None,
    own_task: tuple[str, Mapping[str, Any]] | None = None,
) -> tuple[Study, list[str]]:
    """Return the study, and every error found in it; a field with an error has its default.

    `overrides` are (dotted field, value) pairs of the command line, e.g. ("training.max_steps", "20"). Strings are
    read as YAML values. `own_task` is a task of the user's own rows, trained on beside those named: its name and
    the fields of its section. Paths of data and of the general text in a study file are relative to that file.
    Planning adds its own errors to these, so that the user sees all of them at once.
    """
    errors: list[str] = []
    raw: dict[str, Any] = _read_file(path, errors) if path else {}
    changes = [*_from_environment(environment or {}, errors), *overrides]
    if TRUST not in (field for field, _ in changes):
        _refuse_trust(raw, errors)
    naming = [change for change in changes if change[0] in ("tasks", "eval_tasks")]
    for field, value in naming:
        _assign(raw, field, value, errors)
    take_in(raw, Path(), errors)
    if own_task:
        add_own(raw, *own_task, errors)
        named = raw.get("tasks") or []
        raw["tasks"] = [*([named] if isinstance(named, str) else named), own_task[0]]
    for field, value in changes:
        if (field, value) not in naming:
            _assign(raw, field, value, errors)
    _check_characters(raw, errors)
    check_own(raw, errors)
    _check_data(raw, errors)
    try:
        return _check_seeds(Study.model_validate(raw), errors), errors
    except ValidationError as error:
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            errors.append(_explain(field, problem["msg"], problem["input"]))
            _remove(raw, problem["loc"])
    try:
        return _check_seeds(Study.model_validate(raw), errors), errors
    except ValidationError:
        return Study(), errors


def _check_seeds(study: Study, errors: list[str]) -> Study:
    """Return the study; add an error for more seeds than its precision rule begins with."""
    rule = study.analysis.precision
    if rule and len(study.seeds) > rule.min_seeds:
        errors.append(
            f"seeds: {len(study.seeds)} are named, and analysis.precision begins with {rule.min_seeds}: "
            "name no more, or raise analysis.precision.min_seeds"
        )
    return study


def _read_file(path: Path, errors: list[str]) -> dict[str, Any]:
    try:
        loaded = read_yaml(path)
    except OSError as error:
        study = path / "study.yaml"
        hint = f"; use {study}" if isinstance(error, IsADirectoryError) and study.is_file() else ""
        errors.append(f"{path}: {error.strerror}{hint}")
        return {}
    except YAML_ERRORS as error:
        errors.append(f"{path}: {explain_yaml(error)}")
        return {}
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        errors.append(f"{path}: a study file is a mapping of fields, not a {type(loaded).__name__}")
        return {}
    raw = {str(key): value for key, value in loaded.items()}
    for section in ("data", "own", *_SECTIONS):
        if raw.get(section, "") is None:  # every line of it is commented out
            del raw[section]
        elif isinstance(raw.get(section), dict):
            raw[section] = {str(key): value for key, value in raw[section].items()}
    if isinstance(raw.get("data"), dict):
        raw["data"] = {
            task: {split: _from_folder(source, path.parent) for split, source in given.items()}
            if isinstance(given, dict)
            else _from_folder(given, path.parent)
            for task, given in raw["data"].items()
        }
    if isinstance(raw.get("own"), dict):
        for task in raw["own"].values():
            if isinstance(task, dict):
                task["data"] = relative_to(path.parent, task.get("data"))
    take_in(raw, path.parent, errors)
    if isinstance(raw.get("general_text"), str) and raw["general_text"]:
        raw["general_text"] = relative_to(path.parent, raw["general_text"])
    return raw


def _from_folder(source: Any, folder: Path) -> Any:
    if not isinstance(source, str) or not source.startswith("file:"):
        return source
    return f"file:{relative_to(folder, source.removeprefix('file:'))}"


def _from_environment(environment: Mapping[str, str], errors: list[str]) -> list[tuple[str, Any]]:
    changes = []
    for name in sorted(environment):
        if not name.startswith("MEDCOT_") or name in RESERVED_VARIABLES:
            continue
        field = name.removeprefix("MEDCOT_").lower().replace("__", ".")
        if field == TRUST:
            errors.append(f"environment variable {name}: only the command line grants trust: --trust-task-code")
        elif field.partition(".")[0] in Study.model_fields:
            changes.append((field, environment[name]))
        else:
            near = suggest(field.partition(".")[0], [*Study.model_fields])
            errors.append(f"environment variable {name}: a study has no such field{near}")
    return changes


def _refuse_trust(raw: dict[str, Any], errors: list[str]) -> None:
    """Take the trust out of a study file: who wrote it may have written the code beside it."""
    if raw.pop(TRUST, False) is not False:
        errors.append(f"{TRUST}: a file can't grant trust to code; read the code, then add --trust-task-code")


def _assign(raw: dict[str, Any], field: str, value: Any, errors: list[str]) -> None:
    *sections, last = field.split(".")
    place = raw
    for section in sections:
        inner = place.get(section)
        if isinstance(inner, str):  # one source for all splits gives way to sources by split
            inner = None
        if inner is None:
            inner = place[section] = {}
        if not isinstance(inner, dict):
            errors.append(f"{field}: '{section}' has no fields of its own")
            return
        place = inner
    if isinstance(value, str) and sections[:1] not in (["data"], ["own"]) and last not in _STRINGS:
        try:
            value = load_yaml(value)
        except YAML_ERRORS as error:
            why = f": {error}" if isinstance(error, OutOfBounds) else " is not a YAML value"
            errors.append(f"{field}: {quote(value)}{why}")
            return
    place[last] = value


def _check_characters(raw: dict[str, Any], errors: list[str]) -> None:
    """Move what UTF-8 has no bytes for into `errors`: no record could hold it."""
    for field, value in list(raw.items()):
        if not _is_utf8((field, value)):
            errors.append(f"{field}: {quote(value)} has half a surrogate pair, which is not a character")
            del raw[field]


def _is_utf8(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, Mapping):
        return all(_is_utf8(pair) for pair in value.items())
    return all(map(_is_utf8, value)) if isinstance(value, list | tuple | set) else True


def _check_data(raw: dict[str, Any], errors: list[str]) -> None:
    """Move what is wrong with `data` into `errors`, one line per task."""
    data = raw.get("data", {})
    if not isinstance(data, dict):
        errors.append(f"data: give a mapping of task names to sources (given: {quote(data)})")
        del raw["data"]
        return
    for task, given in list(data.items()):
        by_split = given if isinstance(given, dict) else {"train": given}
        wrong = [split for split in by_split if split not in SPLITS]
        if wrong:
            errors.append(f"data.{task}: no split '{wrong[0]}'; splits: {', '.join(SPLITS)}")
        elif not by_split or not all(isinstance(source, str) for source in by_split.values()):
            errors.append(f"data.{task}: give file:PATH, or one per split (given: {quote(given)})")
        else:
            continue
        del data[task]


def _explain(field: str, message: str, given: Any) -> str:
    if "Extra inputs" in message:
        section, _, rest = field.partition(".")
        inner = Precision if rest.startswith("precision.") else _SECTIONS.get(section, Study)
        return explain_unknown_field(field, inner)
    return f"{field}: {message.removeprefix('Value error, ')}{show_given(message, given)}"


def _remove(raw: dict[str, Any], location: tuple[Any, ...]) -> None:
    """Take the field of an error out: the innermost one that is a field of a section."""
    section = raw.get(location[0])
    if location[0] in _SECTIONS and isinstance(section, dict) and len(location) > 1:
        section.pop(location[1], None)
    else:
        raw.pop(location[0], None)
