"""What a study is: its fields, their types and limits. `loading` reads one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, field_validator

from medcot_bench.study.analysis import Analysis
from medcot_bench.study.baselines import read_baselines
from medcot_bench.study.fields import Names, Section
from medcot_bench.study.own_task import OwnTask
from medcot_bench.study.paths import check_path
from medcot_bench.study.precision import take_seeds
from medcot_bench.study.seed_strings import SEEDS, read_seeds
from medcot_bench.study.spec_strings import ALL, Spec
from medcot_bench.types import Split

DEFAULT_MODEL = "smollm2-135m"
MOST_AT_ONCE, MOST_POINTS = 65_536, 1_000
"""The largest numbers of what is computed at once, and of evaluations or rates of one training run."""
MOST_CHECKPOINTS = 8
"""The largest number of checkpoints whose shares are not named; the first is at 1/192."""
MOST_ITEMS = 1_000_000
"""The largest number of items that can be asked for; all of a larger file are taken where no number is given."""
BASE = "none"
"""The adapter that is the base model."""
BUNDLED = "bundled"
"""The source of the items that a task generates itself."""
OnOverlap = Literal["drop-train", "drop-eval", "error"]


class Training(Section):
    """How every adapter is trained. Fields left out come from the recipe of the model folder or the adapter."""

    train_items: int | tuple[int | Literal["all"], ...] | None = None
    """Training items per task; null: all. Smaller sets are subsets of larger ones. A list: one run per number."""
    labels: Literal["own", "shuffled"] = "own"
    """`shuffled` trains on the answers of other items: a control that can only learn the form of an answer."""
    lr: float | None = Field(None, gt=0)
    """Learning rate, at its peak."""
    tune_lr: int | tuple[float, ...] | None = None
    """Learning-rate search per adapter and task, on validation items: N rates around the default, or a list."""
    tune_seeds: PositiveInt = Field(1, le=MOST_POINTS)
    """Seeds per learning rate in the search, the first of the study's seeds."""
    race_seeds: PositiveInt | None = Field(None, le=MOST_POINTS)
    """Rates that the search can't tell from the best race on, a seed at a time, until one is left or each has had
    so many of the study's seeds; those then left are all trained with every seed. null: no race."""
    checkpoints: int | tuple[str, ...] = 0
    """Points of a run at which the model is also scored by likelihood: K of them, each at half the share of the
    next (4: at 1/12, 1/6, 1/3 and 2/3; one half way), or their shares. They select nothing."""
    rates: Mapping[str, Mapping[str, float]] | None = None
    """Adapter -> training task -> the learning rate that the search chose. Written by a run."""
    kept_rates: Mapping[str, Mapping[str, tuple[float, ...]]] | None = None
    """Adapter -> training task -> further rates that a race left beside that one. Written by a run."""
    epochs: float | None = Field(None, gt=0, le=1_000_000)
    """Passes over the training items."""
    max_steps: int | None = Field(None, ge=0)
    """Optimiser steps; items repeat as often as needed. 0 trains nothing."""
    train_tokens: PositiveInt | None = None
    """Token budget, equal for all adapters; items repeat as often as needed."""
    batch_size: PositiveInt | None = Field(None, le=MOST_AT_ONCE)
    """Items per optimiser step."""
    accumulation: PositiveInt | None = Field(None, le=MOST_AT_ONCE)
    """Forward passes per optimiser step: less memory, the same gradients."""
    max_length: int | None = Field(None, ge=16)
    """Longest training item, in tokens."""
    overlong: Literal["drop", "truncate-context", "error"] | None = None
    """What happens to longer items."""
    schedule: Literal["cosine", "linear", "constant"] | None = None
    """How the learning rate changes after the warmup."""
    warmup: float | None = Field(None, ge=0, lt=1)
    """Share of the steps in which the learning rate rises to its peak."""
    weight_decay: float | None = Field(None, ge=0)
    clip: float | None = Field(None, ge=0)
    """Largest gradient norm; 0: no clipping."""
    select_by: Literal["last", "val_nll"] | None = None
    """The model that is kept: after the last step, or the one with the lowest validation NLL."""

    @field_validator("train_items", mode="before")
    @classmethod
    def _read_sizes(cls, value: Any) -> Any:
        if value is None:
            return None
        parts = value.split(",") if isinstance(value, str) else value
        several = list(parts) if isinstance(parts, list | tuple) else [parts]
        try:
            sizes = tuple(ALL if str(part).strip() == ALL else int(str(part)) for part in several)
            numbers = [int(size) for size in sizes if size != ALL]
            if sizes and len(set(sizes)) == len(sizes) and all(0 < size <= MOST_ITEMS for size in numbers):
                return sizes if len(sizes) > 1 else None if sizes[0] == ALL else sizes[0]
        except ValueError:
            pass
        raise ValueError(
            f"give a number of items from 1 to {MOST_ITEMS}, or several distinct ones, one of which may be 'all'"
        )

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The numbers of training items; None: all."""
        given = self.train_items if isinstance(self.train_items, tuple) else (self.train_items,)
        return tuple(None if size == ALL else int(size) if size is not None else None for size in given)

    @property
    def most_items(self) -> int | None:
        """The largest number of training items; None: all."""
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
            elif isinstance(parts, int | str) and 1 < (count := int(parts)) <= MOST_POINTS:
                return count
        except (OverflowError, TypeError, ValueError):
            pass
        raise ValueError(f"give a number of rates to try (2 to {MOST_POINTS}), or distinct rates above 0")

    @field_validator("checkpoints", mode="before")
    @classmethod
    def _read_checkpoints(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) and "/" in value else value
        try:
            if isinstance(parts, list | tuple):
                names = [str(part).strip() for part in parts]
                shares = {name: _read_share(name) for name in names}
                if 0 < len(names) == len(set(shares.values())) <= MOST_POINTS:
                    return tuple(sorted(shares, key=lambda name: shares[name]))
            elif isinstance(parts, int | str) and 0 <= (count := int(parts)) <= MOST_CHECKPOINTS:
                return count
        except ValueError:
            pass
        raise ValueError(
            f"give a number of checkpoints (0 to {MOST_CHECKPOINTS}), or distinct shares of the training, "
            "e.g. 1/4,1/2,3/4"
        )

    @property
    def checkpoint_names(self) -> tuple[str, ...]:
        """The share of the training that is done at each checkpoint, in their order, e.g. `1/12`."""
        if not isinstance(self.checkpoints, int):
            return self.checkpoints
        if self.checkpoints == 1:
            return ("1/2",)
        return tuple(str(Fraction(2, 3 * 2**halved)) for halved in reversed(range(self.checkpoints)))

    def recipe(self) -> dict[str, Any]:
        """Return the recipe fields that are set."""
        search = {"tune_lr", "tune_seeds", "race_seeds", "rates", "kept_rates"}
        others = {"train_items", "labels", "checkpoints", *search}
        return self.model_dump(exclude_none=True, exclude=others)


def _read_share(name: str) -> Fraction:
    """Read a share as a checkpoint's name has it. Raises ValueError for anything else."""
    if not re.fullmatch(r"[1-9]\d{0,3}/[1-9]\d{0,3}", name, re.ASCII) or Fraction(name) >= 1:
        raise ValueError(name)
    return Fraction(name)


class Scoring(Section):
    """How every model is scored."""

    split: Split = "eval"
    """The split that is scored. Leaderboards are made of `eval`; `validation` and `train` are for inspection."""
    scores: tuple[str, ...] = ()
    """Only these metrics; empty: all. Text is generated only if a metric needs it."""
    generate_items: PositiveInt | None = Field(None, le=MOST_ITEMS)
    """Items per task with a generated answer, the first ones; null: all. Likelihoods always cover all items."""
    num_fewshot: int = Field(0, ge=0, le=MOST_AT_ONCE)
    """Solved examples before each prompt."""
    max_new_tokens: PositiveInt | None = None
    """Most tokens of a generated answer; null: each task's default."""
    engine: str = "fast"
    """What computes likelihoods and writes answers, a name of `medcot-bench list engines`. `hf` is lm-eval's own
    HFLM: slower, the same likelihoods up to rounding and the same greedy text."""
    batch_size: PositiveInt | None = Field(None, le=MOST_AT_ONCE)
    """Answers generated at once, and with engine `hf` also likelihoods. null: the engine's own number, 32 for
    `fast` and 8 for `hf`."""
    max_length: int = Field(2048, ge=16)
    """Longest prompt with its answer, in tokens."""
    overlong: Literal["drop", "truncate-context", "error"] = "truncate-context"
    """What happens to longer items."""
    leak_gate: Literal["refuse", "mark"] = "refuse"
    """A task whose prompts give their own targets away is refused before anything is trained, or marked."""

    @field_validator("scores", mode="before")
    @classmethod
    def _split_scores(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Study(Section):
    """A study: the models that are trained and how they are scored."""

    model: str = DEFAULT_MODEL
    """The base model: a hub id (with @REVISION), a folder, or a GGUF file."""
    tasks: Names = ()
    """Tasks to train on. Every model is also scored on each of them."""
    eval_tasks: Names = ()
    """Tasks to score on without training. `lm_eval:NAME` is a task of lm-eval."""
    adapters: Names = ()
    """Adapters with their options, e.g. `lora:r=8`. `none` is the base model."""
    base: bool = True
    """Score the base model too where `adapters` leaves `none` out: nothing else shows what training gains."""
    baselines: Annotated[tuple[str, ...], BeforeValidator(read_baselines)] = ()
    """Prompting baselines of the base model: `zero_shot`, `few_shot=K`, `cot`, `no_context`."""
    seeds: Annotated[tuple[int, ...], BeforeValidator(read_seeds)] = (0,)
    """Training seeds: one training run each. With `analysis.precision` these are the first ones, and 0, 1, 2 ...
    follow."""
    data: Mapping[str, str | Mapping[Split, str]] = Field(default_factory=dict)
    """Task name -> source, or split -> source. A source is `bundled`, `hub`, `hub@REVISION` or `file:PATH`."""
    own: Mapping[str, OwnTask] = Field(default_factory=dict)
    """Tasks of the user's own rows, by the name used in `tasks`. The path of a task file in `tasks` adds one."""
    general_text: str = ""
    """A UTF-8 text file on which forgetting is measured; empty: the bundled one."""
    drift: bool = True
    """Measure KL from the base model and forgetting after every training."""
    limit: PositiveInt | None = Field(None, le=MOST_ITEMS)
    """Evaluation items per task; smaller sets are subsets of larger ones. null: all."""
    data_seed: int = 0
    """Seed of splits and limits, the same for every training run."""
    trust_task_code: bool = False
    """Whether code of lm-eval task files, or code that a model writes, may run. No file and no variable grants
    that, only --trust-task-code."""
    on_overlap: OnOverlap = "drop-train"
    """What happens to items that training and evaluation share."""
    chat_template: bool = False
    """Apply the model's chat template in training and scoring."""
    system_prompt: str = ""
    """A system prompt in training and scoring."""
    training: Training = Training()
    scoring: Scoring = Scoring()
    analysis: Analysis = Analysis()
    keep_weights: Literal["all", "adapters", "none"] = "adapters"
    """Weights kept on disk after scoring; `adapters` drops the large folders of full fine-tuning."""
    device: str = "auto"
    """`auto`, `cpu`, `mps`, `cuda`, `xpu`, or one of several, e.g. `cuda:1`."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the computation; `auto`: bfloat16 on GPUs that have it, else float32."""
    threads: PositiveInt | None = Field(None, le=MOST_AT_ONCE)
    """CPU threads, at most one per core of the machine; null: one per core."""
    output_dir: str = "out"
    """The result folder."""

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(set(value)) < len(value) or min(value) < 0:
            raise ValueError(f"give {SEEDS}")
        return value

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", value):
            raise ValueError("give auto, cpu, mps, cuda or xpu; one of several as cuda:1")
        return value

    @field_validator("output_dir")
    @classmethod
    def _expand(cls, value: str) -> str:
        return str(check_path(value))

    @property
    def compared(self) -> tuple[Spec, ...]:
        """The adapters with the base model, which comes first where it is not named."""
        added = self.base and self.adapters and all(spec.name != BASE for spec in self.adapters)
        return (Spec(BASE, {}), *self.adapters) if added else self.adapters

    @property
    def every_seed(self) -> tuple[int, ...]:
        """The seeds that the study comes to: at most, where a precision rule adds them one by one."""
        rule = self.analysis.precision
        return take_seeds(self.seeds, rule.max_seeds) if rule else self.seeds

    def sources(self, task: str) -> dict[Split | None, str]:
        """Return split (None: all splits) -> source of a task; empty where the study names none."""
        if task in self.own:
            return self.own[task].sources
        given = self.data.get(task, {})
        if isinstance(given, str):
            return {None: given}
        return {split: source for split, source in given.items()}  # noqa: C416  (the keys' type is wider)
