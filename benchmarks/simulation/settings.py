"""settings.yaml -> settings: frozen, checked, all faults of the file said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from medcot_bench.study.precision import LEAST_SEEDS, Aim

FILE = Path(__file__).with_suffix(".yaml")
Pair = tuple[float, float]
"""In domain and out of domain."""
Variance = Annotated[float, Field(ge=0)]


def read_sizes(text: Any) -> Any:
    """Return the items of each group.

    >>> read_sizes("60 + 3x2")
    (60, 2, 2, 2)
    """
    if not isinstance(text, str):
        return text
    terms = (term.rpartition("x") for term in text.split("+"))
    return tuple(int(size) for count, _, size in terms for _ in range(int(count or 1)))


Groups = Annotated[tuple[Annotated[int, Field(gt=0)], ...], BeforeValidator(read_sizes), Field(min_length=2)]


class Part(BaseModel):
    """Checked, frozen, without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Noise(Part):
    """Variances of a gap between two methods on one task; each method has a share (`Setting.full_share`)."""

    group: Variance
    item: Variance
    seed: Variance
    """Of a training: all items of a task alike."""
    seed_group: Variance
    rest: Variance
    """Of one answer of one trained model."""
    shared_group: Variance = 0.0
    shared_item: Variance = 0.0
    """Of what is hard for every model: gaps are free of it unless answers are right or wrong."""


class Sizes(Part):
    """Items of each group of both tasks."""

    reason: str
    in_domain: Groups
    out_of_domain: Groups


class Noises(Part):
    """Variances on both tasks."""

    reason: str
    in_domain: Noise
    out_of_domain: Noise


class Collapse(Part):
    """Trainings that fail: how likely each is to, and what it loses on both tasks."""

    probability: float = Field(gt=0, lt=1)
    loss: float


class Curve(Part):
    """One learning path for all methods: y out of domain where u is gained in domain, y = slope * u^exponent.

    After a share t of its training a method has gained (1 - (1 - t)^rise) of its end.
    """

    full_end: float
    adapter_end: float
    slope: float
    exponent: float = 1.0
    rise: float = 1.0
    checkpoints: tuple[str, ...]

    @property
    def shares(self) -> list[float]:
        """The checkpoints and the end, as shares of the training."""
        return [*(float(Fraction(name)) for name in self.checkpoints), 1.0]


class Rule(Part):
    """A precision rule: seeds are added to five until an interval is so narrow, or the setting has no more."""

    effect: Aim
    half_width: float = Field(gt=0)


class Setting(Part):
    """One kind of study. Means are on the scale of quality: more is better."""

    name: str
    reason: str
    sizes: Sizes
    noise: Noises
    seeds: int = Field(ge=1)
    adapters: int = Field(ge=1)
    base: Pair
    full: Pair
    adapter: Pair
    first: Pair | None = None
    """The first adapter's means, where they differ from the others'."""
    margin: float = Field(gt=0)
    binary: bool = False
    """Answers are right or wrong and means are probabilities; noise is that of the probit scale."""
    tails: Literal["normal", "t3", "lognormal"] = "normal"
    """Of everything but seeds."""
    seed_correlation: float = Field(default=1.0, ge=-1, le=1)
    """Of a training's seed effects on the two tasks."""
    full_share: float = Field(default=0.5, ge=0, le=1)
    """Full fine-tuning's share of the variances; the rest is an adapter's."""
    collapse: Collapse | None = None
    missing: Mapping[int, int] = Field(default_factory=dict)
    """Number of an adapter, from 1 on -> how many of its last seeds are missing."""
    missing_are_planned: bool = True
    curve: Curve | None = None
    precision: Rule | None = None
    """With one, `seeds` are the most."""

    @model_validator(mode="after")
    def _fits(self) -> Setting:
        for number, count in self.missing.items():
            if not 1 <= number <= self.adapters or not 0 < count < self.seeds:
                raise ValueError(f"adapter {number} of {self.adapters} can't miss {count} of {self.seeds} seeds")
        if self.binary and not all(0 < mean < 1 for pair in self.means for mean in pair):
            raise ValueError("a mean of binary answers lies between 0 and 1")
        if self.binary and (self.collapse or self.curve or self.tails != "normal"):
            raise ValueError("binary answers have normal noise, and neither collapse nor curve")
        if self.precision and (self.curve or self.missing or self.seeds <= LEAST_SEEDS):
            raise ValueError(
                f"a precision rule takes more than {LEAST_SEEDS} seeds, and neither curve nor missing"
            )
        return self

    @property
    def means(self) -> tuple[Pair, ...]:
        """The true means of the base model, full fine-tuning and every adapter."""
        return (self.base, self.full, self.first or self.adapter, *[self.adapter] * (self.adapters - 1))

    @property
    def tasks(self) -> tuple[tuple[Groups, Noise], tuple[Groups, Noise]]:
        """The items of each group and the noise, in domain and out of domain."""
        sizes, noise = self.sizes, self.noise
        return (sizes.in_domain, noise.in_domain), (sizes.out_of_domain, noise.out_of_domain)

    def seeds_of(self, adapter: int) -> int:
        """Return how many seeds an adapter has, the first being number 1."""
        return self.seeds - self.missing.get(adapter, 0)


def read_settings(path: Path = FILE) -> tuple[Setting, ...]:
    """Read the settings; one that lists several numbers of seeds or adapters is as many settings.

    Raises ValueError with every fault of the file.
    """
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = [
        {
            **one,
            "noise": read["noises"].get(one["noise"], one["noise"]),
            "sizes": read["sizes"].get(one["sizes"], one["sizes"]),
        }
        for fields in read["settings"]
        for one in _each({**read["defaults"], **fields})
    ]
    settings = TypeAdapter(tuple[Setting, ...]).validate_python(found)
    names = [setting.name for setting in settings]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path}: several settings are called {', '.join(twice)}")
    return settings


def _each(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a setting for every number of seeds and adapters, named by them where there are several."""
    several = {unit: fields[unit] for unit in ("seeds", "adapters") if isinstance(fields[unit], list)}
    for numbers in product(*several.values()):
        chosen = dict(zip(several, numbers, strict=True))
        told = [f"{number} {unit}" for unit, number in chosen.items()]
        yield {**fields, **chosen, "name": ", ".join([fields["name"], *told])}
