"""What a study is: its fields, their types and limits. `loading` reads one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    WithJsonSchema,
    field_validator,
)

from medcot_bench.errors import ConfigError, suggest
from medcot_bench.study.baselines import read_baselines
from medcot_bench.study.spec_strings import ALL, Spec, parse_specs
from medcot_bench.types import SPLITS, Split

DEFAULT_MODEL = "smollm2-135m"
BUNDLED = "bundled"
"""The source of the items that a task makes itself."""
MARGINS = {"answer": 0.02, "gold_nll": 0.02}
"""Two points of a hundred, and 0.02 nats per byte."""


def read_names(value: Any) -> Any:
    """Return the names in a list or a line, spelt one way; what is neither is left to the field's type."""
    if not isinstance(value, str | list | tuple):
        return value
    try:
        if isinstance(value, str):
            return tuple(parse_specs(value))
        return tuple(parse_specs(str(part) if isinstance(part, Spec) else part for part in value))
    except (ConfigError, TypeError) as error:
        raise ValueError(str(error)) from None


def no_such_field(field: str, section: type[BaseModel]) -> str:
    """Return the error line of a field, dotted, that a section hasn't."""
    known = section.model_fields
    return f"{field}: no such field{suggest(field.rpartition('.')[2], known)}; fields: {', '.join(known)}"


OnOverlap = Literal["drop-train", "drop-eval", "error"]
FIELDS = ("question", "answer", "reasoning", "context", "group")
"""What a user names columns for."""
_Name = Annotated[
    Spec,
    PlainValidator(lambda value: value if isinstance(value, Spec) else Spec.read(value)),
    PlainSerializer(str),
    WithJsonSchema({"type": "string"}),
]
Names = Annotated[tuple[_Name, ...], BeforeValidator(read_names)]
"""Names of plugins with their options: parsed once, here, and handed on."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Training(_Section):
    """How every adapter is trained. A field left out comes from the model's or the adapter's recipe."""

    train_items: int | tuple[int | Literal["all"], ...] | None = None
    """Training items a task, None: all; a smaller number is a subset of a larger one. Several: a training each."""
    labels: Literal["own", "shuffled"] = "own"
    """`shuffled` trains on the answers of other items: a control that should gain nothing but form."""
    lr: float | None = Field(None, gt=0)
    tune_lr: int | tuple[float, ...] | None = None
    """Learning rates tried for each adapter and task: so many around its own, or these."""
    tune_seeds: PositiveInt = 1
    """Seeds that each is tried with, the first of the study's."""
    checkpoints: int = Field(0, ge=0)
    """Points on the way, evenly spread, where models are scored by likelihood too. Nothing is chosen by them."""
    rates: Mapping[str, Mapping[str, float]] | None = None
    """Adapter -> training task -> learning rate: what trying them chose. A run fills it in."""
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

    @field_validator("train_items", mode="before")
    @classmethod
    def _read_sizes(cls, value: Any) -> Any:
        if value is None:
            return None
        parts = value.split(",") if isinstance(value, str) else value
        several = list(parts) if isinstance(parts, list | tuple) else [parts]
        try:
            sizes = tuple(ALL if str(part).strip() == ALL else int(str(part)) for part in several)
            if sizes and len(set(sizes)) == len(sizes) and all(size == ALL or int(size) > 0 for size in sizes):
                return sizes if len(sizes) > 1 else None if sizes[0] == ALL else sizes[0]
        except ValueError:
            pass
        raise ValueError("write a number of items above 0, or several distinct ones, of which one may be 'all'")

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The numbers of training items, None for all."""
        given = self.train_items if isinstance(self.train_items, tuple) else (self.train_items,)
        return tuple(None if size == ALL else int(size) if size is not None else None for size in given)

    @property
    def most_items(self) -> int | None:
        """The largest number of training items, None for all."""
        sizes = [size for size in self.sizes if size is not None]
        return max(sizes) if len(sizes) == len(self.sizes) else None

    @field_validator("tune_lr", mode="before")
    @classmethod
    def _read_rates(cls, value: Any) -> Any:
        if value is None:
            return None
        parts = value.split(",") if isinstance(value, str) and "," in value else value
        try:
            if isinstance(parts, list | tuple) and len(parts) > 1:
                rates = tuple(sorted({float(part) for part in parts}))
                if len(rates) == len(parts) and rates[0] > 0 and isfinite(rates[-1]):
                    return rates
            elif isinstance(parts, int | str) and (count := int(parts)) > 1:
                return count
        except (TypeError, ValueError):
            pass
        raise ValueError("write how many rates to try (2 or more), or distinct rates above 0")

    def recipe(self) -> dict[str, Any]:
        """Return the recipe fields that are set."""
        others = {"train_items", "labels", "tune_lr", "tune_seeds", "checkpoints", "rates"}
        return self.model_dump(exclude_none=True, exclude=others)


class Scoring(_Section):
    """How every model is scored."""

    split: Split = "eval"
    """`validation` and `train` are for looking at; leaderboards are made of `eval`."""
    scores: tuple[str, ...] = ()
    """Only these scores; empty: all. Without scores of generated text nothing is generated."""
    generate_items: PositiveInt | None = None
    """Items that an answer is generated for, the first of those scored; None: all. Likelihoods are of all."""
    num_fewshot: int = Field(0, ge=0)
    max_new_tokens: PositiveInt | None = None
    """None: each task's own number."""
    engine: str = "fast"
    """What computes likelihoods and writes answers, a name of `medcot-bench list engines`. `hf` is lm-eval's own
    HFLM: slower, the same likelihoods up to rounding and the same greedy text."""
    batch_size: PositiveInt | None = None
    """Answers that are written at once; with the engine `hf` also likelihoods. None: the engine's own number, 32
    for `fast` and 8 for `hf`."""
    max_length: int = Field(2048, ge=16)
    overlong: Literal["drop", "truncate-context", "error"] = "truncate-context"

    @field_validator("scores", mode="before")
    @classmethod
    def _split_scores(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Analysis(_Section):
    """What the study asks of its results, fixed before they are there. No part of any cell or score."""

    primary: str = "answer"
    """The score that the answer is given by."""
    margins: Mapping[str, Annotated[float, Field(gt=0)]] = Field(default_factory=lambda: dict(MARGINS))
    """Score -> the largest difference that makes none in practice. Without one, equality is never claimed."""
    adapters: Names = ()
    """The adapters that the hypotheses are about, whatever the number of training items; empty: all."""
    shifts: Names = ()
    """The evaluation tasks that they are about; empty: all."""

    @field_validator("margins", mode="before")
    @classmethod
    def _beside_defaults(cls, value: Any) -> Any:
        return {**MARGINS, **value} if isinstance(value, Mapping) else value

    def declares(self, adapter: str, shift: str) -> bool:
        """Whether a comparison is one of the study's hypotheses."""
        return self.names(adapter) and (not self.shifts or Spec.read(shift) in self.shifts)

    def names(self, adapter: str) -> bool:
        """Whether the hypotheses are about an adapter.

        One declared as `lora` is so on every number of training items, `lora:train_items=250` on that one alone.
        """
        own = Spec.read(adapter)
        return not self.adapters or own in self.adapters or own.unsized in self.adapters


class OwnTask(_Section):
    """A task made of the user's own rows: where they are, which columns hold what, how they are asked.

    Without `question` and `answer` the columns are known by their names.
    """

    data: str | Mapping[Split, str]
    """A file (CSV, JSON lines, a JSON list, parquet), or split -> file."""
    question: str = ""
    """The column that holds it; so the next ones."""
    answer: str = ""
    reasoning: str = ""
    context: str = ""
    group: str = ""
    """What rows of one value have in common (a page, a patient): they lie in one split, and are one cluster."""
    domain: str = "own"
    prompt: str = ""
    """The text before the answer, with {question} and, where there is one, {context}. Empty: the built-in one."""
    max_new_tokens: PositiveInt | None = None

    @field_validator("data", mode="before")
    @classmethod
    def _read_data(cls, value: Any) -> Any:
        by_split = value if isinstance(value, dict) else {"train": value}
        files = by_split.values()
        if files and set(by_split) <= set(SPLITS) and all(isinstance(file, str) and file for file in files):
            return value
        raise ValueError(f"write a file, or one for each split ({', '.join(SPLITS)})")

    @property
    def columns(self) -> dict[str, str]:
        """Field -> the column named for it."""
        return {field: column for field in FIELDS if (column := getattr(self, field))}

    @property
    def sources(self) -> dict[Split | None, str]:
        """Split (None for all) -> source."""
        if isinstance(self.data, str):
            return {None: f"file:{self.data}"}
        return {split: f"file:{path}" for split, path in self.data.items()}


class Study(_Section):
    """The plan of a whole run."""

    model: str = DEFAULT_MODEL
    tasks: Names = ()
    eval_tasks: Names = ()
    adapters: Names = ()
    baselines: Annotated[tuple[str, ...], BeforeValidator(read_baselines)] = ()
    """Other prompts that the untouched base is scored by: `zero_shot`, `few_shot=K`, `cot`, `no_context`."""
    seeds: tuple[int, ...] = (0,)
    data: Mapping[str, str | Mapping[Split, str]] = Field(default_factory=dict)
    """Task name -> source, or split -> source. A source is `bundled`, `hub`, `hub@REVISION` or `file:PATH`."""
    own: Mapping[str, OwnTask] = Field(default_factory=dict)
    """Tasks of the user's own rows, by the name that `tasks` says. A task file's path there makes one."""
    general_text: str = ""
    """A text file that forgetting is measured on, in UTF-8; empty: the one that comes with the program."""
    limit: PositiveInt | None = None
    """Evaluation items a task; a smaller number is a subset of a larger one."""
    data_seed: int = 0
    """Decides splits and limits, the same for every cell."""
    trust_task_code: bool = False
    """Whether code may run that a task file of lm-eval's form brings along, or that a model writes."""
    on_overlap: OnOverlap = "drop-train"
    chat_template: bool = False
    """Apply the model's chat template, in training and scoring alike."""
    system_prompt: str = ""
    training: Training = Training()
    scoring: Scoring = Scoring()
    analysis: Analysis = Analysis()
    keep_weights: Literal["all", "adapters", "none"] = "adapters"
    """What stays on disk once a cell is scored; `adapters` drops the large folders of full fine-tuning."""
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: PositiveInt | None = None
    output_dir: str = "out"

    @field_validator("seeds", mode="before")
    @classmethod
    def _read_seeds(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part for part in value.split(",") if part.strip()]
        return (value,) if isinstance(value, int) else value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(set(value)) < len(value) or min(value) < 0:
            raise ValueError("give distinct seeds from 0 up")
        return value

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", value):
            raise ValueError("give auto, cpu, mps, cuda or xpu, one of several as cuda:1")
        return value

    def sources(self, task: str) -> dict[Split | None, str]:
        """Return split (None for all) -> source for a task, empty where the study names none."""
        if task in self.own:
            return self.own[task].sources
        given = self.data.get(task, {})
        if isinstance(given, str):
            return {None: given}
        return {split: source for split, source in given.items()}  # noqa: C416  (the keys' type is wider)
