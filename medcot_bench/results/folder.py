"""Read a result folder: the records of its latest study, its failures, its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcot_bench.errors import ConfigError, suggest_or_list
from medcot_bench.results.cell_result import CellResult as CellResult
from medcot_bench.results.cells import FINAL, CellKey, EvaluationKey
from medcot_bench.results.find_run import find_run
from medcot_bench.results.items import Items, read_items
from medcot_bench.results.plan_file import PlanFile, PlannedCell, PlannedTask, read
from medcot_bench.results.score_lines import COLUMNS, score_lines
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial
from medcot_bench.study.analysis import Analysis
from medcot_bench.study.paths import read_path

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Results:
    """What a study has produced so far."""

    root: Path
    plan: PlanFile
    """What the study planned, and the facts that its tables state."""
    cells: tuple[CellResult, ...]
    other_rates: tuple[CellResult, ...] = ()
    """Models at rates that were tried and not chosen, where they were scored. No rows of the leaderboard."""
    kept_rates: tuple[CellResult, ...] = ()
    """Models at rates that a race left beside the chosen ones, on all seeds. No rows either."""
    _items: dict[str, Items] = field(default_factory=dict, repr=False, compare=False)
    """Id of an evaluation -> its items, each file read once."""

    @property
    def base(self) -> Mapping[str, str]:
        """`name`, `origin` and `digest` of the base model."""
        return self.plan.base

    @property
    def tasks(self) -> Mapping[str, PlannedTask]:
        """Evaluation task -> where its items come from."""
        return self.plan.tasks

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The learning rates tried before, none where the study asks for no tuning."""
        return self.plan.trials

    @cached_property
    def analysis(self) -> Analysis:
        """The hypotheses, margins and primary score that the study file fixes."""
        return Analysis.model_validate(self.plan.analysis)

    def title(self, task: str) -> str:
        """Return a task's name with its source, e.g. `k8s_qa[bundled-v1]`."""
        return f"{task}[{self.tasks[task].source}]" if task in self.tasks else task

    def samples(
        self,
        cell: CellResult | str,
        task: str,
        checkpoint: str = FINAL,
        *,
        seed: int | None = None,
        trained_on: str | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Read the per-item records of one evaluation, e.g. `samples("lora", "k8s_qa")`.

        `cell` may be the name of a row: its first seed is read, or `seed`; `trained_on` says which training task
        where there are several. Raises StoreError where there are none, ConfigError for what was not planned.
        """
        if isinstance(cell, str):
            cell = find_run(self.cells, cell, seed=seed, trained_on=trained_on)
        place = (checkpoint, task)
        if place not in cell.keys:
            known = [scored for at, scored in cell.keys if at == checkpoint]
            raise ConfigError(f"{cell.row} is not scored on '{task}'{suggest_or_list(task, known)}")
        record = cell.evaluations.get(task) if checkpoint == FINAL else cell.checkpoints.get(place)
        return self._store.samples(cell.cell, cell.keys[place], record)

    def items(self, cell: CellResult, task: str, checkpoint: str = FINAL) -> Items:
        """Return the items of one evaluation with their scores. Raises StoreError as `samples` does."""
        key = cell.keys[checkpoint, task]
        if key.id not in self._items:
            self._items[key.id] = read_items(self.samples(cell, task, checkpoint))
        return self._items[key.id]

    @cached_property
    def _store(self) -> Store:
        return Store(self.root, indexed=True)

    def score_lines(self) -> Iterator[dict[str, Any]]:
        """Yield every score of every training run as plain values (see `results.score_lines`)."""
        return score_lines(self.cells, self.plan.general_text, self.items, self.analysis.weights)

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row for every training run, evaluation task and metric: the columns of `leaderboard.csv`."""
        import pandas

        return pandas.DataFrame(self.score_lines(), columns=[*COLUMNS]).astype({"seed": "Int64"})


def _rows(store: Store, planned: PlannedCell) -> Iterator[CellResult]:
    """Yield one cell of a plan, then again with the evaluations of each prompting baseline."""
    for baseline in dict.fromkeys(["", *(key.baseline for key in planned.evaluations)]):
        own = [key for key in planned.evaluations if key.baseline == baseline]
        yield _cell(store, planned.key, own, baseline)


def _cell(store: Store, cell: CellKey, planned: Sequence[EvaluationKey], baseline: str = "") -> CellResult:
    """Read one cell of a plan."""
    keys = {(key.checkpoint, key.task): key for key in planned}
    record_of_cell = store.cell(cell)
    found = {}
    if record_of_cell is not None:  # else nobody knows of which weights they are
        found = {place: record for place, key in keys.items() if (record := store.evaluation(cell, key))}
    whole = record_of_cell is not None and len(found) == len(keys)
    titles = {None, *(key.title for key in planned)}
    attempts = [] if whole else [one for one in store.attempts(cell) if one.score in titles]
    return CellResult(
        cell,
        record_of_cell,
        tuple(task for checkpoint, task in keys if checkpoint == FINAL),
        evaluations={task: record for (checkpoint, task), record in found.items() if checkpoint == FINAL},
        checkpoints={place: record for place, record in found.items() if place[0] != FINAL},
        failure=attempts[-1] if attempts else None,
        baseline=baseline,
        whole=whole,
        keys=keys,
    )


def load(folder: str | Path) -> Results:
    """Read a result folder. Raises ConfigError for a folder without a study, StoreError for broken records."""
    root = read_path(str(folder))
    return assemble(root, read(root))


def assemble(root: Path, plan: PlanFile) -> Results:
    """Return what a result folder has of a plan. Raises StoreError for broken records."""
    store = Store(root, indexed=True)
    return Results(
        root=root,
        plan=plan,
        cells=tuple(row for planned in plan.cells for row in _rows(store, planned)),
        other_rates=tuple(_cell(store, planned.key, planned.evaluations) for planned in plan.other_rates),
        kept_rates=tuple(_cell(store, planned.key, planned.evaluations) for planned in plan.kept_rates),
    )
