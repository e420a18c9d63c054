"""The section `analysis` of a study: its hypotheses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from medcot_bench.study.fields import Names, Section
from medcot_bench.study.margin import Margin
from medcot_bench.study.precision import Precision
from medcot_bench.study.spec_strings import Spec

MARGINS: Mapping[str, float | str] = {"answer": 0.05, "gold_nll": "10%"}
"""Five percentage points; nats per byte mean other things on other tasks, so a share of what there is to gain."""
PERCENT = r"^(0*[1-9]\d*(\.\d+)?|0+\.0*[1-9]\d*)%$"
"""Above 0."""


class Analysis(Section):
    """The study's hypotheses, fixed before there are results. They change no training run and no evaluation."""

    primary: str = "answer"
    """The metric of the main answer."""
    margins: Mapping[str, Annotated[float, Field(gt=0)] | Annotated[str, Field(pattern=PERCENT)]] = Field(
        default_factory=lambda: dict(MARGINS)
    )
    """Metric -> equivalence margin, the largest difference that does not matter: of the metric, or a percentage of
    what full fine-tuning gains over the base model, e.g. `10%`. Without one, equality is not claimed."""
    share_kept: Annotated[float, Field(gt=0, le=1)] = 0.9
    """The share of full fine-tuning's gain over the base model that an adapter should keep."""
    weights: Literal["items", "groups"] = "items"
    """What counts alike in every mean over items: items, or groups however many items they have."""
    adapters: Names = ()
    """Adapters of the hypotheses, at any number of training items; empty: all."""
    shifts: Names = ()
    """Out-of-domain tasks of the hypotheses; empty: all."""
    precision: Precision | None = None
    """Adds seeds until the interval of an effect is as narrow as asked; null: the seeds are those of the study."""

    @field_validator("margins", mode="before")
    @classmethod
    def _beside_defaults(cls, value: Any) -> Any:
        return {**MARGINS, **value} if isinstance(value, Mapping) else value

    def margin_of(self, score: str) -> Margin | None:
        """Return the margin of a metric, None where equality is not claimed by it."""
        written = self.margins.get(score)
        return None if written is None else Margin.read(written)

    @property
    def judged(self) -> tuple[str, ...]:
        """The metrics that verdicts are given by: the primary one, and those with a margin."""
        return tuple(dict.fromkeys([self.primary, *self.margins]))

    @property
    def narrowed(self) -> str:
        """The metric whose interval the precision rule is about."""
        return (self.precision and self.precision.score) or self.primary

    def declares(self, adapter: str, shift: str) -> bool:
        """Whether a comparison is one of the study's hypotheses."""
        return self.names(adapter) and self.names_shift(shift)

    def names_shift(self, shift: str) -> bool:
        """Whether the hypotheses are about an out-of-domain task."""
        return not self.shifts or Spec.read(shift) in self.shifts

    def names(self, adapter: str) -> bool:
        """Whether the hypotheses name an adapter.

        `lora` stands for every number of training items, `lora:train_items=250` for that number only.
        """
        own = Spec.read(adapter)
        return not self.adapters or own in self.adapters or own.unsized in self.adapters
