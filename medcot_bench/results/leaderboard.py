"""What a leaderboard holds: the public types that exporters get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from medcot_bench.results.metrics import higher_is_better
from medcot_bench.results.trials import Trial
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.ratios import Ratio
from medcot_bench.stats.verdict import Finding, Verdict, finding

USUAL = ("answer", "gold_nll")
"""The scores that stand in for a primary one where a task lacks it, the first that is there."""


@dataclass(frozen=True, slots=True)
class Rank:
    """A place from 1 on, and whether others share it."""

    place: int
    shared: bool
    score: str
    """What it is a rank by."""

    def __str__(self) -> str:
        return f"{self.place}=" if self.shared else str(self.place)


@dataclass(frozen=True, slots=True)
class Effect:
    """A contrast with the p-values of its two tests, adjusted for their family (Holm)."""

    found: Contrast
    difference: float | None
    """That it is zero."""
    equivalence: float | None
    """That it is the margin or more away from zero; None also without a margin."""

    @property
    def finding(self) -> Finding:
        """What the two tests tell."""
        return finding(self.found.value, self.difference, self.equivalence)


@dataclass(frozen=True, slots=True)
class Side:
    """Full fine-tuning, an adapter and the untouched base on one evaluation task, on the items of all."""

    task: str
    base: Contrast | None
    full: Contrast
    adapter: Contrast
    full_gain: Contrast | None
    """How much better than the base, paired by item."""
    adapter_gain: Contrast | None
    recovered: Ratio | None
    """The adapter's share of what full fine-tuning gains; None where that gains nothing."""
    gap: Effect
    """How much better full fine-tuning is, paired by item and seed."""
    mcnemar: Mapping[int, float]
    """Seed -> exact p-value, where items are right or wrong. Not adjusted; about these models only."""
    full_wobble: float | None
    """How far two seeds lie apart on an item, in the mean; for right or wrong, how often they disagree."""
    adapter_wobble: float | None


@dataclass(frozen=True, slots=True)
class Persistence:
    """One adapter, trained on one task, under one shift, by one score."""

    task: str
    adapter: str
    score: str
    margin: float | None
    declared: bool
    """Whether it is one of the study's hypotheses, by its primary score. The rest is exploration."""
    same: Side
    shift: Side
    change: Effect | None
    """The gap under shift less the gap on the training task; None where the two can't be compared."""
    ratio: Ratio | None
    """The gap under shift as a share of the gap on the training task."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Matched:
    """Full fine-tuning and an adapter under one shift, at one level on their training task."""

    task: str
    adapter: str
    shift: str
    seeds: int
    """Those in which both reach one level; all, where all do."""
    level: float
    """The value on the training task at which both are looked at: that of the one that got less far."""
    further: float
    """How much further full got on the training task."""
    plain: Contrast
    """How much better full is under shift at the end of training."""
    gap: Contrast
    """How much better full is under shift at that level."""
    explained: Contrast
    """The first less the second: what having learnt more or less makes of the gap."""
    reading: str


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """One effect on one evaluation task by one score, turned so that more is better."""

    trained: str
    task: str
    score: str
    effect: str
    adapters: tuple[str, ...]
    """The rows it was computed from."""
    found: Contrast
    p_value: float | None
    """That it is zero, adjusted for all effects by this score (Holm)."""


@dataclass(frozen=True, slots=True)
class SizeTrend:
    """One adapter's gaps on one evaluation task by one score, at every number of training items."""

    trained: str
    adapter: str
    task: str
    score: str
    gaps: Mapping[int, Contrast]
    """Training items -> how much better full fine-tuning on the same items is."""
    slope: Contrast
    """What ten times the items add to the gap: the least-squares line over log10 of their number."""
    p_value: float | None
    """That it is zero, adjusted for the adapters of a training task, an evaluation task and a score (Holm)."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """A trained row and the base by one prompt, on the task that was trained on."""

    task: str
    adapter: str
    prompt: str
    """The base's row: `none`, or e.g. `none (few_shot=5)`."""
    score: str
    ahead: Contrast
    """How much better the trained models are, paired by item, the base's one answer beside every seed's."""
    margin: float | None
    difference: float | None
    """The p-value of no difference, adjusted for the pairs of one training task (Holm)."""
    equivalence: float | None
    """The p-value of a difference of the margin or more, adjusted likewise; None also without a margin."""

    @property
    def settled(self) -> bool:
        """Whether there is anything to conclude from: more than one seed, and enough groups that differ."""
        return self.ahead.seeds > 1 and not self.ahead.sparse

    @property
    def finding(self) -> Finding:
        """What the two tests tell."""
        return finding(self.ahead.value, self.difference, self.equivalence)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How well a row's models predict the general text of the study."""

    nll: float
    """Nats per UTF-8 byte, the mean over seeds."""
    changes: Mapping[int, float]
    """Seed (0 where there is none) -> how much more than the base that the training started from."""


@dataclass(frozen=True, slots=True)
class TaskScores:
    """One evaluation task's part of a row."""

    relation: str
    scores: Mapping[str, Contrast]
    gaps: Mapping[str, Contrast]
    """Score -> how much full fine-tuning on the same training task is better, paired by item and seed."""
    ranks: Mapping[str, Rank]
    """Training task -> rank by the study's primary score, among the base and its rows with every seed there.

    A trained row has one, the base one for each training task.
    """
    marks: tuple[str, ...]
    gains: Mapping[str, Contrast] = field(default_factory=dict)
    """Score -> how much better it is than the untouched base, paired by item; empty for the base itself."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a row's cells cost, means over seeds."""

    trainable_parameters: int
    adapter_bytes: int
    peak_bytes: int
    peak_vs_full: float | None
    train_tokens: float
    train_seconds: float
    tokens_per_second: float | None
    score_seconds: float
    tuning_seconds: float
    """Spent on learning rates that were tried, for the whole row, but for a training that the study uses."""
    lr: float | None
    steps: int
    measure_seconds: float | None = None
    """Spent on how far training took the models from their base; None in records that lack it."""
    machines: tuple[str, ...] = ()
    """Those that trained: seconds of rows that differ in them can't be compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """An adapter trained on a task; `task` is None for the untouched base."""

    adapter: str
    task: str | None
    baseline: str
    """The prompting baseline that it is, e.g. `few_shot=5`; empty for the others."""
    reference: bool
    """Whether it is the full fine-tuning that gaps on this training task are measured against."""
    seeds: tuple[int, ...]
    """Seeds whose every score is there."""
    planned: tuple[str, ...]
    """The evaluation tasks that it is to be scored on."""
    tasks: Mapping[str, TaskScores]
    costs: Costs | None
    divergence: Mapping[int, float]
    """Seed -> KL(base || model) on the training task, nats a target token, where it was measured."""
    forgetting: Forgotten | None
    """What became of the model's prediction of general text, None where that was not measured."""
    failures: tuple[str, ...]
    """`status: error` of what is missing."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The whole table with what a reader must know of it."""

    base: Mapping[str, str]
    tasks: Mapping[str, str]
    """Evaluation task -> name with source, e.g. `k8s_qa[file:k8s_qa.jsonl]`."""
    domains: Mapping[str, str]
    rows: tuple[Row, ...]
    scores: tuple[str, ...]
    """Names of the scores in it, in the order of the tables."""
    persistence: tuple[Persistence, ...]
    """What becomes of each adapter's gap to full fine-tuning under each shift."""
    matched: tuple[Matched, ...]
    """The gaps under shift at equal value on the training task, where there are checkpoints."""
    factors: tuple[FactorEffect, ...]
    """What scope, rank and bits make of each score, where the study takes them apart."""
    prompts: tuple[FactorEffect, ...]
    """What the wording of the prompt makes of each score, where the study asks items by several."""
    sizes: tuple[SizeTrend, ...]
    """How gaps change with the number of training items, where the study has several."""
    prompted: tuple[Prompted, ...]
    """How much better trained models are than the base by each prompt, where the study asks for baselines."""
    trials: tuple[Trial, ...]
    """The learning rates tried before; none where they are as given."""
    unfinished: int = 0
    """Cells that are not there, or lack a score."""
    notes: tuple[str, ...] = field(default=())
    headlines: Mapping[str, str] = field(default_factory=dict)
    """Task of lm-eval -> the first score in its table, which overviews show."""
    lower: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Task of lm-eval -> its scores of which less is better."""
    names_in_files: Mapping[str, str] = field(default_factory=dict)
    """Task of lm-eval from a user's file -> what it is called there."""
    primary: str = USUAL[0]
    """The study's primary score."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """Score -> the largest difference that makes none in practice."""

    def headline(self, task: str) -> str:
        """Return the score that overviews show of a task: the primary one, or the first of the usual ones made."""
        made = {name for row in self.rows if task in row.tasks for name in row.tasks[task].scores}
        wanted = (self.primary, *USUAL)
        return self.headlines.get(task) or next((name for name in wanted if name in made), self.primary)

    def trained_on(self, row: Row) -> str:
        """Return the name with source of a row's training task, empty where it has none."""
        return self.tasks.get(row.task, row.task) if row.task else ""

    def higher_is_better(self, task: str, score: str) -> bool:
        """Return which way a score is better on an evaluation task."""
        return higher_is_better(score) and score not in self.lower.get(task, ())
