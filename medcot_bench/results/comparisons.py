"""What a study finds when it sets models against each other: public types, parts of a leaderboard.

A gap is the score of full fine-tuning less that of an adapter, paired by item and seed and turned so that above 0
full fine-tuning is better. Facts only: `report/` makes sentences of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.ratios import Ratio
from medcot_bench.stats.verdict import LEAST_SEEDS, Finding, Verdict, finding
from medcot_bench.study.margin import Margin


class Showing(StrEnum):
    """What an inconclusive effect may still be shown to be."""

    DIFFERENCE = "difference"
    EQUIVALENCE = "equivalence"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a study is, or would have to be, for one effect."""

    seeds: int
    items: int
    """Per task that have the score: of the task that has the fewest."""
    groups: int
    """Of items, likewise."""
    seconds: float | None = None
    """What it takes beyond this study, on its machine; None where that is not known, and of this study itself."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What would settle an inconclusive effect with 80% power after Holm correction, by the study's own variances.

    Of the two that could be shown, what is nearer: a difference, if the effect is as large as it was estimated, or
    equivalence, if there is none.
    """

    showing: Showing
    size: float
    """The effect as it was estimated, or the margin."""
    now: Sizes
    ways: tuple[Sizes, ...]
    """Each is enough, the one that takes least time first: more seeds, more items of the same groups, more groups;
    where none of these is, more of both. Empty where ten times the seeds and items are not enough."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A contrast with the p-values of its two tests, adjusted for their family (Holm)."""

    found: Contrast
    difference: float | None
    """P-value of no effect; None where the test could not be made."""
    equivalence: float | None
    """P-value of an effect of the margin or more; None also without a margin."""
    needed: Needed | None = None
    """Where it is inconclusive in a verdict, and the study's variances are known."""

    @property
    def finding(self) -> Finding:
        """What the two tests say."""
        return finding(self.found.value, self.difference, self.equivalence)


@dataclass(frozen=True, slots=True)
class Side:
    """Full fine-tuning, an adapter and the base model on one evaluation task, on the items that all have."""

    task: str
    base: Contrast | None
    full: Contrast
    adapter: Contrast
    full_gain: Contrast | None
    """How much better than the base model, paired by item."""
    adapter_gain: Contrast | None
    recovered: Ratio | None
    """The adapter's gain as a share of full fine-tuning's; None where that gains nothing."""
    gap: Effect
    kept: Effect | None
    """The adapter's gain less the share of full fine-tuning's that it should keep (`Persistence.share`): above 0
    it keeps more. None where full fine-tuning's gain is not significant."""
    margin: float | None
    """In units of the score; a share of full fine-tuning's gain by its estimate, None where that is not
    significant."""
    mcnemar: Mapping[int, float]
    """Seed -> exact p-value, where items are right or wrong. Not adjusted; about these models only."""
    full_seed_difference: float | None
    """Mean absolute difference of two seeds on an item; for right or wrong, how often they disagree."""
    adapter_seed_difference: float | None


@dataclass(frozen=True, slots=True)
class Persistence:
    """One adapter, trained on one task: its gap in domain and out of domain, by one score."""

    task: str
    """The training task."""
    adapter: str
    score: str
    margin: Margin | None
    """Of the DiD, a share is one of the gain in domain."""
    declared: bool
    """Whether it is one of the study's hypotheses, by its primary score. The rest is exploration."""
    in_domain: Side
    """On the training task."""
    out_of_domain: Side
    """On another domain's task, or on a graded shift of the training task."""
    did: Effect | None
    """Difference-in-differences: the gap out of domain less the gap in domain; None where they can't be
    compared."""
    ratio: Ratio | None
    """The gap out of domain as a share of the gap in domain."""
    verdict: Verdict
    share: float
    """Of full fine-tuning's gain, what an adapter should keep (`Side.kept`)."""


class Reading(StrEnum):
    """What a gap out of domain means, once both models are compared at one in-domain score."""

    DESCRIPTIVE = "descriptive: one seed"
    FULL_GENERALISES = "full generalises better"
    ADAPTER_GENERALISES = "adapter generalises better"
    UNDER_TRAINED = "adapter under-trained"
    FURTHER_TRAINED = "adapter trained further"
    INCONCLUSIVE = "inconclusive"
    EARLY = "matched before the first checkpoint"
    """In every seed."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Full fine-tuning and an adapter out of domain, at a matched in-domain score. By gold_nll."""

    task: str
    """The training task."""
    adapter: str
    """With its learning rate where that is one of those tried and not chosen."""
    shift: str
    """The evaluation task out of domain."""
    seeds: int
    """Those that are compared at one in-domain score."""
    left_out: int
    """Those in which one of the two comes down to that score before its first checkpoint: no point of its path is
    near."""
    level: float | None
    """That score: the worse of the two ends of training. None, as all that rests on it, where no seed is left."""
    further: float
    """How much further full fine-tuning got on the training task."""
    gap_at_end: Contrast
    """Out of domain, at the end of training, of all seeds."""
    gap_at_level: Contrast | None
    """Out of domain, at the matched in-domain score."""
    explained: Contrast | None
    """The first less the second: what more or less training makes of the gap."""
    reading: Reading


class Factor(StrEnum):
    """What two sets of rows differ in."""

    SCOPE = "scope"
    """All layers are trained, less some layers."""
    RANK = "rank"
    """Updates of full rank, less low rank."""
    INTERACTION = "scope x rank"
    """How far one depends on the other."""
    BITS = "bits"
    """Low rank on the base model in 16 or 32 bits, less in 4."""
    PROMPT = "prompt"
    """The prompt trained on, less another one for the same items."""


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """One factor's effect on one evaluation task by one score, turned so that more is better."""

    trained: str
    task: str
    score: str
    effect: Factor
    adapters: tuple[str, ...]
    """The rows it was computed from."""
    found: Contrast
    p_value: float | None
    """Of no effect, adjusted for all effects by this score (Holm)."""


@dataclass(frozen=True, slots=True)
class SizeTrend:
    """One adapter's gaps on one evaluation task by one score, at every number of training items."""

    trained: str
    adapter: str
    task: str
    score: str
    gaps: Mapping[int, Contrast]
    """Training items -> gap to full fine-tuning on the same items."""
    slope: Contrast
    """What ten times the items add to the gap: the least-squares line over log10 of their number."""
    p_value: float | None
    """Of no slope, adjusted for the adapters of a training task, an evaluation task and a score (Holm)."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """A trained row and the base model by one prompt, on the task that was trained on."""

    task: str
    adapter: str
    prompt: str
    """The base model's row: `none`, or e.g. `none (few_shot=5)`."""
    score: str
    ahead: Contrast
    """How much better the trained models are, paired by item; the base model's one answer stands beside every
    seed."""
    margin: float | None
    difference: float | None
    """P-value of no difference, adjusted for the pairs of one training task (Holm)."""
    equivalence: float | None
    """P-value of a difference of the margin or more, adjusted likewise; None also without a margin."""

    @property
    def settled(self) -> bool:
        """Whether there is anything to conclude from: as many seeds as a verdict takes, and enough groups."""
        return self.ahead.seeds >= LEAST_SEEDS and not self.ahead.sparse

    @property
    def finding(self) -> Finding:
        """What the two tests say."""
        return finding(self.ahead.value, self.difference, self.equivalence)
