"""The parent: plans, starts the worker, passes its events on, records the deaths of workers, exports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medcot_bench.config import Study
from medcot_bench.data.general import text_digest
from medcot_bench.errors import OK, SOME_FAILED, MedcotError
from medcot_bench.plan import FINAL, Cell, Plan, Score
from medcot_bench.planner import make_plan
from medcot_bench.plugins import installed
from medcot_bench.records import Attempt, now
from medcot_bench.report.export import export
from medcot_bench.requests import baseline_notes
from medcot_bench.runner.eta import Eta, phases
from medcot_bench.runner.process import WorkerProcess, cores, ending, fatal
from medcot_bench.store import Store
from medcot_bench.study_files import dump_study
from medcot_bench.todo import Todo, remaining, run_order
from medcot_bench.tuning import Trial, trials_of, tuned, untried

Listener = Callable[[Mapping[str, Any]], None]
RECYCLED = 75
"""Exit status of a worker that ends because its memory has grown; another one goes on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    plan: Plan
    ran: int
    failed: int
    skipped: int
    leaderboard: Path

    @property
    def exit_code(self) -> int:
        """0 where no cell failed, 1 where some did; cells that a plugin skipped did not fail."""
        return SOME_FAILED if self.failed else OK


def run_study(study: Study, errors: list[str] | None = None, listen: Listener = lambda event: None) -> Outcome:
    """Run everything a study still needs and export its leaderboard.

    `listen` gets every event as a mapping with the key `event`; those of the worker have `eta_s`, the seconds that
    the run will still take, None while nothing is known. Raises MedcotError for a wrong study (nothing is
    written then), a folder in use, or a worker that can't start.
    """
    plan = make_plan(study, errors)
    store = Store(Path(study.output_dir))
    with store.lock():
        tries: Plan | None = None
        trials: list[Trial] = []
        if plan.trials:
            tries = plan
            _run(tries, untried(tries, store), store, listen, write_plan=lambda: None)
            plan, trials = make_plan(tuned(study, tries, store)), trials_of(tries, store)

        def write_plan() -> None:
            asked = study.model_copy(update={"data": plan.pinned.data})  # without the rates that were chosen
            store.replace(store.root / "study.yaml", dump_study(asked).encode())
            store.replace(store.root / "plan.json", plan_json(plan, tries, trials).encode())

        ran, failed, skipped = _run(plan, remaining(plan, store), store, listen, write_plan)
        written = export(store.root, ("md", "csv", "json"))
    return Outcome(plan, ran, failed, skipped, written[0])


def _run(
    plan: Plan, todos: list[Todo], store: Store, listen: Listener, write_plan: Callable[[], None]
) -> tuple[int, int, int]:
    """Run cells; return how many ran, failed and were skipped. `write_plan` is called once the base is usable."""
    todos = run_order(todos, plan)
    listen(
        {
            "event": "planned",
            "stage": "trials" if plan.trials else "study",
            "cells": len(plan.cells),
            "to_run": len(todos),
            "output_dir": str(store.root),
            "notes": [
                *(f"{label}: {note}" for label, data in plan.data.items() for note in data.notes),
                *baseline_notes(plan),
            ],
        }
    )
    skipped = _skip(todos, store, listen)
    todos = [todo for todo in todos if todo.cell.id not in skipped]
    if not todos:
        write_plan()
    supervisor = _Supervisor(plan, store, listen, Eta(list(phases(plan, todos))), write_plan)
    return len(todos), supervisor.run(todos), len(skipped)


def plan_json(plan: Plan, tries: Plan | None, trials: Sequence[Trial]) -> str:
    """Return the plan as the folder keeps it: which cells and scores make up this study's leaderboard.

    `tries` is the plan whose learning rates were tried before, with the `trials` that came of it.
    """
    own = {cell.id for cell in plan.cells}
    return json.dumps(
        {
            "schema": 1,
            "base": {"name": plan.base.name, "origin": plan.base.origin, "digest": plan.base.digest},
            "tasks": {
                label: {
                    "source": plan.data[label].source,
                    "domain": task.task.spec.domain,
                    "left_out": dict(plan.data[label].left_out),
                    "notes": list(plan.data[label].notes),
                    "items_of": plan.items_of(label),
                }
                for label, task in plan.tasks.items()
            }
            | {
                label: {"source": task.source, "domain": plan.domain(label), "left_out": {}, "items_of": None}
                for label, task in plan.harness.items()
            },
            "settings": [*_settings(plan), *baseline_notes(plan)],
            "num_fewshot": plan.study.scoring.num_fewshot,
            "baselines": list(plan.study.baselines),
            "general_text": text_digest(plan.general_text),
            "analysis": plan.study.analysis.model_dump(mode="json"),
            "trials": [asdict(trial) for trial in trials],
            "cells": [_cell_json(cell, plan.scores_of(cell)) for cell in plan.cells],
            "other_rates": [
                _cell_json(cell, scores)
                for cell in (tries.cells if tries else ())
                if tries and cell.id not in own
                if (scores := [score for score in tries.scores_of(cell) if not score.chooses])
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


def _cell_json(cell: Cell, scores: Sequence[Score]) -> dict[str, Any]:
    plain = [score for score in scores if not score.baseline]
    return {
        "id": cell.id,
        "name": cell.name,
        "task": cell.task,
        "adapter": cell.adapter,
        "seed": cell.seed,
        "scores": {score.id: score.task for score in plain if score.checkpoint == FINAL},
        "checkpoints": {score.id: [score.checkpoint, score.task] for score in plain if score.checkpoint != FINAL},
        "baselines": {score.id: [score.baseline, score.task] for score in scores if score.baseline},
    }


def _settings(plan: Plan) -> Iterator[str]:
    """Say what the scores are made with, for the notes of the leaderboard."""
    study, scoring = plan.study, plan.study.scoring
    limit = f"at most {study.limit} items a task" if study.limit else "every item"
    limit += f", answers written for {scoring.generate_items} of them" if scoring.generate_items else ""
    yield f"scored on the '{scoring.split}' split, {limit}, {scoring.num_fewshot} solved examples before each"
    if scoring.split != "eval":
        yield f"'{scoring.split}' items are for looking at: this table says nothing about new items"
    if study.training.labels == "shuffled":
        yield "trained on shuffled answers: a control, not a method"
    prompts = "the model's chat template" if study.chat_template else "no chat template"
    yield f"prompts in training and scoring: {prompts}" + (", a system prompt" if study.system_prompt else "")


def _skip(todos: list[Todo], store: Store, listen: Listener) -> set[str]:
    skipped = set()
    for todo in todos:
        if reason := installed().skip_reason(todo.cell):
            skipped.add(todo.cell.id)
            attempt = Attempt(cell_id=todo.cell.id, status="skipped", error=reason, started=now())
            store.add_attempt(todo.cell, attempt, reason)
            listen({"event": "skipped", "cell": todo.cell.id, "title": todo.cell.title, "reason": reason})
    return skipped


class _Supervisor:
    def __init__(self, plan: Plan, store: Store, listen: Listener, eta: Eta, write_plan: Callable[[], None]):
        self.plan = plan
        self.store = store
        self.listen = listen
        self.eta = eta
        self.write_plan = write_plan
        self.cells = {cell.id: cell for cell in plan.cells}

    def run(self, todos: list[Todo]) -> int:
        """Run cells in as many workers as it takes; return how many cells failed."""
        left = [todo.cell for todo in todos]
        failed = 0
        while left:
            job = {
                "study": self.plan.study.model_dump(mode="json"),
                "output_dir": str(self.store.root),
                "threads": self.plan.study.threads or cores(),
                "cells": [cell.id for cell in left],
            }
            current: Cell | None = None
            offline = self.plan.base.kind != "hub" and not any(t.remote for t in self.plan.harness.values())
            trusting = self.plan.study.trust_task_code
            with WorkerProcess(job, offline=offline, trusting=trusting, on_log=self._log) as worker:
                for event in worker.events():
                    if event["event"] == "fatal":
                        raise fatal(event)
                    if event["event"] == "ready":  # device, dtype and model can be used
                        self.write_plan()
                    if event["event"] == "cell_started":
                        current = self.cells[event["cell"]]
                    self._pass_on(event)
                    if event["event"] == "cell_finished" and current is not None:
                        failed += event["failed"]
                        left.remove(current)
                        current = None
                status = worker.wait()
            if current is not None:
                failed += 1
                left.remove(current)
                self._record_death(current, status, worker.tail)
            elif left and status < 0:
                raise MedcotError(f"{ending(status)} between two cells; run the same command again")
            elif left and status != RECYCLED:
                raise RuntimeError(f"the worker ended with status {status}:\n{worker.tail}")
        return failed

    def _log(self, line: str) -> None:
        self.listen({"event": "log", "line": line})

    def _pass_on(self, event: dict[str, Any]) -> None:
        cell = self.cells.get(event.get("cell", ""))
        if cell is not None:
            event["title"] = _title(self.plan, cell)
        self.eta.observe(event, time.monotonic())
        left = self.eta.seconds_left(time.monotonic())
        event["eta_s"] = None if left is None else round(left)
        self.listen(event)
        if event["event"] == "trained" and cell is not None and (record := self.store.cell(cell)):
            installed().cell_finished(record)

    def _record_death(self, cell: Cell, status: int, log: str) -> None:
        error = ending(status)
        attempt = Attempt(cell_id=cell.id, status="killed", error=error, started=now())
        folder = self.store.add_attempt(cell, attempt, log)
        self.store.drop_unfinished(cell)
        self.listen(
            {
                "event": "failed",
                "cell": cell.id,
                "title": _title(self.plan, cell),
                "status": "killed",
                "task": None,
                "error": error,
                "log": str(folder / "log"),
            }
        )


def _title(plan: Plan, cell: Cell) -> str:
    return f"{cell.title} × lr {plan.recipe(cell).lr:g}" if plan.trials else cell.title
