"""Study file, command line and MEDCOT_* variables -> Study, with every error at once.

Precedence: command line > environment > study file > default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from medcot_bench.data.overlap import OnOverlap
from medcot_bench.errors import ConfigError, ConfigErrors
from medcot_bench.options import NamedOptions, split_specs
from medcot_bench.types import Split

DEFAULT_MODEL = "smollm2-135m"
RESERVED_VARIABLES = {"MEDCOT_BLOCK", "MEDCOT_CACHE", "MEDCOT_TEST_DATA"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Training(_Section):
    """How every adapter is trained. A field left out comes from the model's or the adapter's recipe."""

    train_items: PositiveInt | None = None
    """Training items a task; a smaller number is a subset of a larger one."""
    lr: float | None = Field(None, gt=0)
    epochs: float | None = Field(None, gt=0)
    max_steps: int | None = Field(None, ge=0)
    train_tokens: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    accumulation: PositiveInt | None = None
    max_length: int | None = Field(None, ge=16)
    overlong: Literal["drop", "truncate-context", "error"] | None = None
    schedule: Literal["cosine", "linear", "constant"] | None = None
    warmup: float | None = Field(None, ge=0, lt=1)
    weight_decay: float | None = Field(None, ge=0)
    clip: float | None = Field(None, ge=0)
    select_by: Literal["last", "val_nll"] | None = None

    def recipe(self) -> dict[str, Any]:
        """Return the recipe fields that are set."""
        return self.model_dump(exclude_none=True, exclude={"train_items"})


class Scoring(_Section):
    """How every model is scored."""

    split: Split = "eval"
    """`validation` and `train` are for looking at; leaderboards are made of `eval`."""
    scores: tuple[str, ...] = ()
    """Only these scores; empty: all. Without scores of generated text nothing is generated."""
    num_fewshot: int = Field(0, ge=0)
    max_new_tokens: PositiveInt | None = None
    """None: each task's own number."""
    batch_size: PositiveInt = 8
    max_length: int = Field(2048, ge=16)
    overlong: Literal["drop", "truncate-context", "error"] = "truncate-context"


class Study(_Section):
    """The plan of a whole run."""

    model: str = DEFAULT_MODEL
    tasks: tuple[str, ...] = ()
    eval_tasks: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    data: Mapping[str, str | Mapping[Split, str]] = Field(default_factory=dict)
    """Task name -> source, or split -> source. A source is `file:PATH`."""
    limit: PositiveInt | None = None
    """Evaluation items a task; a smaller number is a subset of a larger one."""
    data_seed: int = 0
    """Decides splits and limits, the same for every cell."""
    on_overlap: OnOverlap = "drop-train"
    chat_template: bool = False
    """Apply the model's chat template, in training and scoring alike."""
    system_prompt: str = ""
    training: Training = Training()
    scoring: Scoring = Scoring()
    keep_weights: Literal["all", "adapters", "none"] = "adapters"
    """What stays on disk once a cell is scored; `adapters` drops the large folders of full fine-tuning."""
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    threads: PositiveInt | None = None
    output_dir: str = "out"

    @field_validator("tasks", "eval_tasks", "adapters", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        try:
            return tuple(str(spec) for spec in split_specs(value))
        except ConfigError as error:
            raise ValueError(str(error)) from None
        except TypeError:
            return value

    @field_validator("seeds", mode="before")
    @classmethod
    def _one_seed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) else value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(set(value)) < len(value) or min(value) < 0:
            raise ValueError("give distinct seeds from 0 up")
        return value

    def specs(self, field: Literal["tasks", "eval_tasks", "adapters"]) -> list[NamedOptions]:
        """Return the named options of a field."""
        return split_specs(getattr(self, field))

    def sources(self, task: str) -> dict[Split | None, str]:
        """Return split (None for all) -> source for a task, empty where the study names none."""
        given = self.data.get(task, {})
        if isinstance(given, str):
            return {None: given}
        return {split: source for split, source in given.items()}  # noqa: C416  (the keys' type is wider)


def load_study(
    path: Path | None = None,
    overrides: Iterable[tuple[str, Any]] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[Study, list[str]]:
    """Return the study, and every error found in it; a field with an error has its default.

    `overrides` are (dotted field, value) pairs of the command line, e.g. ("training.max_steps", "20"). Texts are
    read as YAML values. Paths in a study file are relative to that file. Planning adds its own errors to these,
    so that the user sees all of them at once.
    """
    errors: list[str] = []
    raw: dict[str, Any] = _read_file(path, errors) if path else {}
    changes = [*_from_environment(environment or {}, errors), *overrides]
    for field, value in changes:
        _assign(raw, field, value, errors)
    try:
        return Study.model_validate(raw), errors
    except ValidationError as error:
        for problem in error.errors():
            location = [str(part) for part in problem["loc"]]
            errors.append(_explain(location, problem["msg"], problem["input"]))
            _remove(raw, location)
    try:
        return Study.model_validate(raw), errors
    except ValidationError:
        return Study(), errors


def require(study: Study, errors: list[str]) -> Study:
    """Return the study, or raise ConfigErrors if there are errors."""
    if errors:
        raise ConfigErrors(errors)
    return study


def dump_study(study: Study) -> str:
    """Return the study as a YAML file that gives it again."""
    return yaml.safe_dump(study.model_dump(mode="json", exclude_defaults=True), sort_keys=False)


def _read_file(path: Path, errors: list[str]) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        errors.append(f"{path}: {error.strerror}")
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        errors.append(f"{path}: not YAML: {' '.join(str(error).split())}")
        return {}
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        errors.append(f"{path}: a study file is a mapping of fields, this is a {type(loaded).__name__}")
        return {}
    if isinstance(loaded.get("data"), dict):
        loaded["data"] = {
            task: {split: _from_folder(source, path.parent) for split, source in given.items()}
            if isinstance(given, dict)
            else _from_folder(given, path.parent)
            for task, given in loaded["data"].items()
        }
    return loaded


def _from_folder(source: Any, folder: Path) -> Any:
    if not isinstance(source, str) or not source.startswith("file:"):
        return source
    return f"file:{folder / source.removeprefix('file:')}"


def _from_environment(environment: Mapping[str, str], errors: list[str]) -> list[tuple[str, Any]]:
    changes = []
    for name in sorted(environment):
        if not name.startswith("MEDCOT_") or name in RESERVED_VARIABLES:
            continue
        field = name.removeprefix("MEDCOT_").lower().replace("__", ".")
        if field.partition(".")[0] in Study.model_fields:
            changes.append((field, environment[name]))
        else:
            errors.append(f"environment variable {name}: no such field of a study")
    return changes


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
            errors.append(f"{field}: '{section}' holds no fields")
            return
        place = inner
    if isinstance(value, str) and not (sections[:1] == ["data"] or last in {"model", "output_dir"}):
        try:
            value = yaml.safe_load(value) if last not in {"tasks", "eval_tasks", "adapters"} else value
        except yaml.YAMLError:
            errors.append(f"{field}: '{value}' can't be read as a value")
            return
        if last == "seeds" and isinstance(value, str):
            value = [part for part in value.split(",") if part]
        if last == "scores" and isinstance(value, str):
            value = value.split(",")
        if isinstance(value, str) and last in {"lr", "weight_decay"}:
            value = _as_float(value)
    place[last] = value


def _as_float(text: str) -> float | str:
    try:  # YAML 1.1 reads 1e-5 (without a dot) as text
        return float(text)
    except ValueError:
        return text


def _explain(location: list[str], message: str, given: Any) -> str:
    field = ".".join(location)
    if "Extra inputs" in message:
        sections: dict[str, type[BaseModel]] = {"training": Training, "scoring": Scoring}
        section = sections.get(location[0], Study)
        return f"{field}: no such field; fields: {', '.join(section.model_fields)}"
    shown = "" if isinstance(given, dict) else f" (given: {given!r})"
    return f"{field}: {message.removeprefix('Value error, ')}{shown}"


def _remove(raw: dict[str, Any], location: list[str]) -> None:
    place: Any = raw
    for part in location[:-1]:
        if not isinstance(place, dict) or part not in place or not isinstance(place[part], dict):
            break
        place = place[part]
        location = location[1:]
    if isinstance(place, dict):
        place.pop(location[0], None)
