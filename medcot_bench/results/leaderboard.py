"""What a leaderboard holds: the public types that exporters get. Facts only: `report/` makes sentences of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from medcot_bench.results.answer import TaskAnswer
from medcot_bench.results.comparisons import FactorEffect, Matched, Persistence, Prompted, SizeTrend
from medcot_bench.results.conditions import MadeBy, RecipeDifference, ScoredTask
from medcot_bench.results.metrics import higher_is_better
from medcot_bench.results.plan_file import LeftOutBaseline, MadeWith
from medcot_bench.results.precision_looks import PrecisionReport
from medcot_bench.results.rate_checks import RateCheck
from medcot_bench.results.recommendations import Recommendation
from medcot_bench.results.records import Status
from medcot_bench.results.trials import Trial
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.crossed import Weights

USUAL = ("answer", "gold_nll")
"""The scores that stand in for a primary one where a task does not have it, the first that is there."""


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
class Failure:
    """The latest failure of something that is still missing."""

    seed: int | None
    task: str | None
    """The evaluation task, with the prompting baseline if it is one's; None where training failed."""
    status: Status
    error: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How well a row's models predict the general text of the study."""

    nll: float
    """Nats per UTF-8 byte, the mean over seeds."""
    changes: Mapping[int, float]
    """Seed (0 where there is none) -> how much more than the base model that the training started from."""


@dataclass(frozen=True, slots=True)
class TaskScores:
    """One evaluation task's part of a row."""

    relation: str
    """`base`, `elsewhere` (an external adapter), `same_task`, `same_domain`, `shift` or `lm_eval`."""
    scores: Mapping[str, Contrast]
    """Score -> mean over items and seeds."""
    gaps: Mapping[str, Contrast]
    """Score -> how much full fine-tuning on the same training task is better, paired by item and seed."""
    ranks: Mapping[str, Rank]
    """Training task -> rank by the study's primary score, among the base and its rows with every seed there.

    A trained row has one, the base one for each training task.
    """
    marks: tuple[str, ...]
    """What the gates of scoring found, a sentence each."""
    gains: Mapping[str, Contrast] = field(default_factory=dict)
    """Score -> how much better it is than the base model, paired by item; empty for the base model itself."""
    gain_p_values: Mapping[str, float | None] = field(default_factory=dict)
    """Score -> p-value of no gain, adjusted for all rows but the base model of a training task (Holm)."""
    unchanged: bool = False
    """Whether every prediction and likelihood equals the base model's: training changed nothing."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a row's training runs cost, means over seeds. Bytes and seconds."""

    trainable_parameters: int
    adapter_bytes: int
    """What the adapter saved."""
    peak_bytes: int
    """Peak memory of training, with the base model's weights in it."""
    peak_vs_full: float | None
    """The same as a share of full fine-tuning's."""
    train_tokens: float
    train_seconds: float
    tokens_per_second: float | None
    score_seconds: float
    tuning_seconds: float
    """Spent on learning rates that were tried, for the whole row, but for a training that the study uses."""
    lr: float | None
    steps: int
    measure_seconds: float | None = None
    """Spent on KL from the base model and on forgetting; None in older records."""
    machines: tuple[str, ...] = ()
    """Those that trained: seconds of rows that differ in them can't be compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """An adapter trained on a task, over its seeds; `task` is None where nothing was trained in this study."""

    adapter: str
    """With its options; of a prompting baseline e.g. `none (few_shot=5)`."""
    task: str | None
    baseline: str
    """The prompting baseline that it is, e.g. `few_shot=5`; empty for the others."""
    reference: bool
    """Whether it is the full fine-tuning that gaps on this training task are measured against."""
    against: str | None
    """The row of full fine-tuning that its gaps are measured against, None where there is none."""
    seeds: tuple[int, ...]
    """Seeds whose every score is there."""
    planned: tuple[str, ...]
    """The evaluation tasks that it is to be scored on."""
    tasks: Mapping[str, TaskScores]
    """Evaluation task -> what it scored there; tasks without a record are missing."""
    costs: Costs | None
    divergence: Mapping[int, float]
    """Seed -> KL(base || model) on the training task, nats per target token, where it was measured."""
    forgetting: Forgotten | None
    """What became of the model's prediction of general text, None where that was not measured."""
    failures: tuple[Failure, ...]
    """Of what is missing, one per training run."""
    update: str = ""
    """What kind of update training makes: `full`, `low_rank` or `none`; empty while nothing is trained."""
    external: bool = False
    """Whether it is an external adapter."""
    some_layers: bool = False
    """Whether it trains some layers only, of those that rows of its training task train."""

    @property
    def is_base(self) -> bool:
        """Whether it is the base model by the study's own prompt."""
        return self.task is None and not self.baseline and not self.external


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The whole table with what a reader must know of it."""

    base: Mapping[str, str]
    """`name`, `origin` and `digest` of the base model."""
    tasks: Mapping[str, str]
    """Evaluation task -> name with source, e.g. `k8s_qa[file:k8s_qa.jsonl]`."""
    domains: Mapping[str, str]
    """Evaluation task -> domain."""
    rows: tuple[Row, ...]
    scores: tuple[str, ...]
    """Names of the scores in it, in the order of the tables."""
    persistence: tuple[Persistence, ...] = ()
    """Gaps in domain and out of domain, with verdicts."""
    rate_checks: tuple[RateCheck, ...] = ()
    """How verdicts fare at learning rates that a race left beside the chosen ones, where there are some."""
    matched: tuple[Matched, ...] = ()
    """The gaps out of domain at a matched in-domain score, where there are checkpoints."""
    factors: tuple[FactorEffect, ...] = ()
    """What scope, rank and bits make of each score, where the study's rows allow it."""
    prompts: tuple[FactorEffect, ...] = ()
    """What the wording of the prompt makes of each score, where the study asks items by several."""
    sizes: tuple[SizeTrend, ...] = ()
    """How gaps change with the number of training items, where the study has several."""
    prompted: tuple[Prompted, ...] = ()
    """How much better trained models are than the base model by each prompt, where the study asks for
    baselines."""
    recommendations: tuple[Recommendation, ...] = ()
    """One for each training task that has ranks, within the memory of a common card."""
    answers: tuple[TaskAnswer, ...] = ()
    """What the study answers: one for each training task, or one of what was scored where nothing was trained."""
    trials: tuple[Trial, ...] = ()
    """The learning rates tried before, without the losses of items; none where they are as given."""
    recipe_differences: tuple[RecipeDifference, ...] = ()
    scored: Mapping[str, ScoredTask] = field(default_factory=dict)
    """Evaluation task -> which items it was scored on."""
    made_with: MadeWith | None = None
    """What all evaluations share; None in folders made before it was written down."""
    made_by: MadeBy = field(default_factory=MadeBy)
    left_out_baselines: tuple[LeftOutBaseline, ...] = ()
    other_texts: tuple[str, ...] = ()
    """Training runs whose forgetting was measured on another general text than the study's, and is left out."""
    remarks: tuple[str, ...] = ()
    """Sentences of an older folder that no field says."""
    looks: int = 0
    """Times that seeds were added once results could be seen, by no precision rule."""
    precision: PrecisionReport | None = None
    """The rule that adds seeds until an interval is as narrow as asked, with its looks; None: seeds were fixed."""
    unfinished: int = 0
    """Training runs that are missing or partly scored."""
    headlines: Mapping[str, str] = field(default_factory=dict)
    """Task of lm-eval -> the first score in its table, which overviews show."""
    lower: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Task of lm-eval -> its scores of which less is better."""
    names_in_files: Mapping[str, str] = field(default_factory=dict)
    """Task of lm-eval from a user's file -> what it is called there."""
    primary: str = USUAL[0]
    """The study's primary score."""
    margins: Mapping[str, float | str] = field(default_factory=dict)
    """Score -> the largest difference that makes none in practice."""
    weights: Weights = "items"
    """What counts alike in every mean over items."""

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
