"""Read a result folder: the records of its latest study, its failures, its samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.results.cells import FINAL, Cell, Score
from medcot_bench.results.metrics import score_name, stderr_key
from medcot_bench.results.records import Attempt, CellRecord, ScoreRecord
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial
from medcot_bench.study.schema import Analysis

if TYPE_CHECKING:
    import pandas

_Key = tuple[str, str, str, str]
"""Cell, prompting baseline, evaluation task, checkpoint: what has one score."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """One planned cell: its record and scores as far as they are there, and what failed last."""

    cell: Cell
    record: CellRecord | None
    planned: tuple[str, ...]
    """The evaluation tasks that it is to be scored on."""
    scores: Mapping[str, ScoreRecord]
    """Evaluation task -> record."""
    checkpoints: Mapping[tuple[str, str], ScoreRecord]
    """(Checkpoint, evaluation task) -> record of a model on the way."""
    failure: Attempt | None
    """The latest attempt, where something is still missing."""
    baseline: str = ""
    """The prompting baseline whose scores these are, e.g. `few_shot=5`; a row of its own."""
    whole: bool = True
    """Whether nothing of it is missing, checkpoints with it."""

    @property
    def row(self) -> str:
        """The name of its row: the adapter, and the prompt where that is not the study's."""
        return f"{self.cell.adapter} ({self.baseline})" if self.baseline else self.cell.adapter


@dataclass(frozen=True)
class Results:
    """What a study has produced so far."""

    root: Path
    base: Mapping[str, str]
    tasks: Mapping[str, Mapping[str, Any]]
    """Evaluation task -> `source`, `domain`, `left_out`."""
    cells: tuple[CellResult, ...]
    settings: tuple[str, ...]
    """What the scores were made with, a sentence each."""
    num_fewshot: int | None
    """Solved examples before each prompt; None in a folder of before it was written down."""
    analysis: Analysis
    """The hypotheses, margins and primary score that the study file fixes."""
    trials: tuple[Trial, ...]
    """The learning rates tried before, none where the study asks for no tuning."""
    other_rates: tuple[CellResult, ...]
    """Models at rates that were tried and not chosen, where they were scored. No rows of the leaderboard."""
    general_text: str
    """Digest of the text that the study measures forgetting on; empty in folders made before it was."""
    baselines: tuple[str, ...]
    """The prompting baselines that the study asks for."""
    _scores: Mapping[_Key, Score] = field(repr=False)

    def samples(self, cell: CellResult, task: str, checkpoint: str = FINAL) -> list[dict[str, Any]]:
        """Return the per-item records of one evaluation. Raises StoreError where there are none."""
        return Store(self.root).samples(cell.cell, self._scores[cell.cell.id, cell.baseline, task, checkpoint])

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row for every cell, evaluation task and score, with what the cell cost."""
        import pandas

        rows = []
        for result in self.cells:
            shared: dict[str, Any] = {
                "cell": result.cell.id,
                "adapter": result.row,
                "trained_on": result.cell.task,
                "seed": result.cell.seed,
            }
            if record := result.record:
                shared |= {
                    "trainable_parameters": record.trainable_parameters,
                    "adapter_bytes": record.adapter_bytes,
                    "train_seconds": record.phases["train"].seconds,
                    "train_tokens": record.phases["train"].tokens,
                    "peak_bytes": record.phases["train"].peak_bytes,
                }
            for task, score in result.scores.items():
                for key, value in score.results.items():
                    if name := score_name(key):
                        rows.append(
                            shared
                            | {
                                "task": task,
                                "source": score.source,
                                "relation": score.relation,
                                "score": name,
                                "value": value,
                                "stderr": score.results.get(stderr_key(key)),
                                "n": score.counts.get(f"n_{name}"),
                            }
                        )
        return pandas.DataFrame(rows)


def _rows(store: Store, entry: Mapping[str, Any], scores: dict[_Key, Score]) -> Iterator[CellResult]:
    """Yield one cell of a plan, then again with the scores of each prompting baseline."""
    yield _cell(store, entry, scores)
    baselines = entry.get("baselines", {})
    for baseline in dict.fromkeys(name for name, _ in baselines.values()):
        own = {score_id: task for score_id, (name, task) in baselines.items() if name == baseline}
        yield _cell(store, {**entry, "scores": own, "checkpoints": {}}, scores, baseline)


def _cell(store: Store, entry: Mapping[str, Any], scores: dict[_Key, Score], baseline: str = "") -> CellResult:
    """Read one cell of a plan; add its scores to those known."""
    cell = Cell(id=entry["id"], task=entry["task"], adapter=entry["adapter"], seed=entry["seed"], request={})
    found: dict[tuple[str, str], ScoreRecord] = {}
    titles: set[str | None] = {None}
    made = {score_id: (FINAL, task) for score_id, task in entry["scores"].items()}
    made |= {score_id: (name, task) for score_id, (name, task) in entry.get("checkpoints", {}).items()}
    for score_id, (checkpoint, task) in made.items():
        score = Score(
            id=score_id,
            cell=cell.id,
            task=task,
            relation="base",
            request={},
            checkpoint=checkpoint,
            baseline=baseline,
        )
        scores[cell.id, baseline, task, checkpoint] = score
        titles.add(score.title)
        if record := store.score(cell, score):
            found[checkpoint, task] = record
    record_of_cell = store.cell(cell)
    whole = record_of_cell is not None and len(found) == len(made)
    attempts = [] if whole else [one for one in store.attempts(cell) if one.score in titles]
    return CellResult(
        cell,
        record_of_cell,
        tuple(entry["scores"].values()),
        scores={task: record for (checkpoint, task), record in found.items() if checkpoint == FINAL},
        checkpoints={key: record for key, record in found.items() if key[0] != FINAL},
        failure=attempts[-1] if attempts else None,
        baseline=baseline,
        whole=whole,
    )


def load(folder: str | Path) -> Results:
    """Read a result folder. Raises ConfigError for a folder without a study, StoreError for broken records."""
    root = Path(folder)
    try:
        plan = json.loads((root / "plan.json").read_text(encoding="utf-8"))
        entries = plan["cells"]
        analysis = Analysis.model_validate(plan.get("analysis", {}))
        trials = tuple(Trial(**trial) for trial in plan.get("trials", ()))
    except FileNotFoundError:
        below = sorted(str(path.parent) for path in root.glob("*/plan.json"))
        hint = f"; there is one in {' and '.join(below)}" if below else ""
        raise ConfigError(f"{root}: no study was run here (no plan.json){hint}") from None
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{root / 'plan.json'} can't be read; run the study again to make it") from None
    store = Store(root)
    scores: dict[_Key, Score] = {}
    results = [row for entry in entries for row in _rows(store, entry, scores)]
    others = [_cell(store, entry, scores) for entry in plan.get("other_rates", ())]
    return Results(
        root=root,
        base=plan["base"],
        tasks=plan["tasks"],
        cells=tuple(results),
        settings=tuple(plan.get("settings", ())),
        num_fewshot=plan.get("num_fewshot"),
        analysis=analysis,
        trials=trials,
        other_rates=tuple(others),
        general_text=plan.get("general_text", ""),
        baselines=tuple(plan.get("baselines", ())),
        _scores=scores,
    )
