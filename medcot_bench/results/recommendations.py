"""What a study recommends for one training task: public types, parts of a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from medcot_bench.results.comparisons import Prompted
from medcot_bench.stats.contrasts import Contrast


class Caveat(StrEnum):
    """Why a recommendation says less than it seems to."""

    ONE_SEED = "one seed"
    NO_BASE = "no base model"
    """Nothing can show that training helps: the base model was not scored."""


class Worth(StrEnum):
    """Whether full fine-tuning gains enough for its cost."""

    YES = "yes"
    """It ranks better, and its lead is not shown to lie within the margin."""
    NO = "no"
    """Its lead lies within the margin."""
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class FullCost:
    """What full fine-tuning brings and costs beside another row, on the training task."""

    full: str
    other: str
    gap: Contrast
    worth: Worth
    margin: float | None
    """Where the gap lies within it."""
    memory: float | None
    """Times the other's peak memory; None where one of the two is not known."""
    time: float | None
    """Times the other's training time; None also where they were trained on different machines."""
    tied_after_correction: bool
    """The interval is without 0, but the ranks, by tests adjusted for all rows, are the same."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The adapter to use for one training task, within a limit of memory.

    Recommended is what trains in the least memory among those that share the best rank and are shown to beat both
    the base model and chance. A prompting baseline may be recommended, the base model itself is not.
    """

    task: str
    score: str
    memory_gb: float
    recommended: str | None
    """The row's name; None where nothing within the limit is shown to beat the base model and chance."""
    tied: tuple[str, ...]
    """The others of its rank but for the base model; where nothing is recommended, all that share the best
    rank. With one seed nothing has a rank."""
    larger: Mapping[str, int]
    """Rows that need more memory, are shown to beat the base model and chance, and rank better -> their bytes.

    Where nothing is recommended, those of the same rank are among them.
    """
    chance: float | None
    full: FullCost | None
    """None without full fine-tuning, or without another trained row beside it."""
    prompting: Prompted | None
    """The best trained row beside the best prompt of the base model, where the study asks for prompting
    baselines."""
    caveats: tuple[Caveat, ...]
    at_other_rates: tuple[str | None, ...] = ()
    """What is recommended instead where one method has another of the learning rates that a race left; None:
    nothing is. Empty where they all recommend the same."""
    working: tuple[str, ...] = ()
    """All rows, of any rank and memory, that are shown to beat the base model and chance."""
