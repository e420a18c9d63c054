"""Runs by a precision rule: seeds are added by what the folder's records show, and by nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy
import planted
import pytest
from lanes import slow
from scripted import Part, Script, ScriptedExecutor, asked_for, events, finished

import medcot_bench
from medcot_bench.analysis.build import build
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.plan_record import record
from medcot_bench.report.notes import write_notes
from medcot_bench.results.cells import Cell
from medcot_bench.results.plan_file import FILE
from medcot_bench.results.precision_looks import PrecisionStop
from medcot_bench.results.store import Store
from medcot_bench.runner.events import CellFinished, Failed, Ready, Scored, Trained, WorkerEvent
from medcot_bench.runner.growth import follow_records
from medcot_bench.runner.notices import Looked, Notice, Planned
from medcot_bench.runner.outcome import Outcome
from medcot_bench.runner.run import run_study
from medcot_bench.runner.supervision import FAILURES, Supervision
from medcot_bench.stats.contrasts import Part as Values
from medcot_bench.stats.contrasts import contrast
from medcot_bench.study.schema import Study

ITEMS = {f"item {n}": f"group {n // 2}" for n in range(24)}
RULE = {"effect": "in_domain", "half_width": 0.135, "max_seeds": 12}
SCORED = 3.0


def losses(cell: Cell) -> dict[str, float]:
    """What a model scores on each item: seeds of lora lie apart, and full is ahead of it by 0.3 in the mean."""
    name = "none" if cell.task is None else cell.adapter
    drawn = numpy.random.default_rng([cell.seed or 0, *name.encode()])
    level = {"none": 3.0, "full": 1.0, "lora": 1.3}[name] + 0.2 * drawn.standard_normal() * (name == "lora")
    return dict(zip(ITEMS, (level + 0.2 * drawn.standard_normal(len(ITEMS))).tolist(), strict=True))


class Worker(ScriptedExecutor):
    """Makes whatever cells it is asked for; `fails` are not made, and after `stop` cells it is interrupted."""

    def __init__(self, plan: Plan, stop: int | None = None, fails: Callable[[Cell], bool] = lambda cell: False):
        super().__init__(scripts=[], leave=_leave(plan))
        self.cells, self.left, self.fails = {cell.id: cell for cell in plan.cells}, stop, fails

    def start(self, job: Any, on_log: Any) -> Any:
        parts: list[Part] = [Ready()]
        for cell in (self.cells[one] for one in job.work.cells):
            if self.left == 0:
                parts.append(_interrupt)
                break
            self.left = self.left and self.left - 1
            made = finished(cell)
            if self.fails(cell):
                why = Failed(cell=cell.id, status="oom", task=None, error="no memory", log="log")
                made = [made[0], made[1], why, CellFinished(cell=cell.id, failed=True)]
            parts += made
        self.scripts.append(Script(parts))
        return super().start(job, on_log)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _leave(plan: Plan) -> Callable[[WorkerEvent], None]:
    cells, store = {cell.id: cell for cell in plan.cells}, Store(Path(plan.study.output_dir))

    def leave(event: WorkerEvent) -> None:
        if isinstance(event, Trained):
            cell = cells[event.cell]
            made = planted.Made(adapter=cell.adapter, task=cell.task, seed=cell.seed, update=_update(cell))
            store.commit_cell(cell, planted.cell_record(cell, cell.request, made, planted.TRAIN), [])
        if isinstance(event, Scored):
            cell = cells[event.cell]
            [key] = plan.evaluations_of(cell)
            values = losses(cell)
            made = planted.evaluation_record(key, planted.Made(adapter=cell.adapter, task=cell.task))
            results = {"gold_nll,none": fmean(values.values())}
            phase = replace(made.phase, seconds=SCORED)
            samples = [
                {"id": item, "group": group, "scores": {"gold_nll": values[item]}} for item, group in ITEMS.items()
            ]
            store.commit_evaluation(cell, key, replace(made, results=results, phase=phase), samples)
        if isinstance(event, Failed):
            attempt = planted.failed("oom", "no memory")
            store.add_attempt(cells[event.cell], replace(attempt, cell_id=event.cell), "")

    return leave


def _update(cell: Cell) -> str:
    return {"none": "none", "full": "full", "lora": "low_rank"}[cell.adapter]


@pytest.fixture
def make(study_fields: dict[str, Any]) -> Callable[..., Study]:
    def make(out: str = "out", **rule: Any) -> Study:
        analysis = {"primary": "gold_nll", "precision": RULE | rule}
        scoring = {"scores": ["gold_nll"]}
        folder = str(Path(study_fields["output_dir"]).with_name(out))
        changes = {"adapters": "none,full,lora", "analysis": analysis, "scoring": scoring, "output_dir": folder}
        return Study.model_validate(study_fields | changes)

    return make


def run(study: Study, *, stop: int | None = None, **options: Any) -> tuple[Outcome | None, list[Notice], Worker]:
    told: list[Notice] = []
    worker = Worker(make_plan(study), stop, options.pop("fails", lambda cell: False))
    outcome = None
    with pytest.raises(KeyboardInterrupt) if stop is not None else nullcontext():
        outcome = run_study(study, listen=told.append, executor=worker, supervision=Supervision(**options))
    return outcome, told, worker


def plan_file(study: Study) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads((Path(study.output_dir) / FILE).read_text())
    return read


def half_width(study: Study, seeds: int) -> float:
    """Half the interval of the gap with so many seeds, from the values that the workers left."""
    cells = {(cell.adapter, cell.seed): losses(cell) for cell in make_plan(study).cells}
    gaps = {
        seed: {item: cells["lora", seed][item] - cells["full", seed][item] for item in ITEMS}
        for seed in range(seeds)
    }
    interval = contrast([Values(gaps, ITEMS)]).interval()
    assert interval
    return (interval[1] - interval[0]) / 2


def test_a_run_adds_seeds_until_two_looks_in_a_row_are_narrow(make: Any) -> None:
    study = make()
    outcome, told, worker = run(study)
    widths = {seeds: half_width(study, seeds) for seeds in range(5, 13)}
    end = next(n for n in range(6, 13) if max(widths[n - 1], widths[n]) <= RULE["half_width"])
    assert widths[5] <= RULE["half_width"] < widths[6]  # one narrow look is not enough
    looks = plan_file(study)["precision_looks"]
    assert [look["seeds"] for look in looks] == [*range(5, end + 1)]
    assert [look["half_width"] for look in looks] == pytest.approx([widths[n] for n in range(5, end + 1)])
    assert [look["stop"] for look in looks] == [None] * (end - 5) + ["narrow"]
    assert outcome
    assert (outcome.ran, outcome.missing, outcome.exit_code) == (1 + 2 * end, 0, 0)
    assert [*map(len, asked_for(worker))] == [11] + [2] * (end - 5)
    assert [event.to_run for event in events(told, Planned)] == [11] + [2] * (end - 5)
    assert [event.precision.looks[0].seeds for event in events(told, Looked)] == [*range(5, end + 1)]
    results = medcot_bench.load(study.output_dir)
    assert {cell.cell.seed for cell in results.cells} == {None, *range(end)}
    [said] = [note for note in write_notes(build(results)) if "precision rule" in note]
    assert said.startswith(f"Stopped at {end} seeds by its precision rule: half width {widths[end]:.3g} of 0.135")
    assert build(results).looks == 0


def test_spent_time_is_that_of_the_records(make: Any) -> None:
    study = make()
    run(study)
    first = plan_file(study)["precision_looks"][0]
    trained = medcot_bench.load(study.output_dir).cells[-1].record
    assert trained
    each = sum(phase.seconds for phase in trained.phases.values()) + SCORED
    assert first["spent"] == pytest.approx(11 * each)
    assert first["next_seed"] == pytest.approx(2 * each)


@pytest.mark.parametrize("stop", [4, 12, *(slow(count) for count in (0, 11, 14))])
def test_a_run_that_is_stopped_anywhere_ends_as_if_it_had_not_been(make: Any, stop: int) -> None:
    whole, parts = make("whole"), make("parts")
    run(whole)
    run(parts, stop=stop)
    outcome, _, _ = run(parts)
    assert outcome
    assert outcome.missing == 0
    assert plan_file(parts) == plan_file(whole)


def test_the_same_command_again_has_nothing_left(make: Any) -> None:
    study = make()
    run(study)
    before = plan_file(study)
    outcome, told, worker = run(study)
    assert outcome
    assert (outcome.ran, outcome.missing, len(worker.jobs)) == (0, 0, 0)
    assert len(outcome.plan.cells) == len(before["cells"])
    assert [event.to_run for event in events(told, Planned)] == [0]
    [look] = events(told, Looked)
    assert look.precision.looks[0].stop is PrecisionStop.NARROW
    assert plan_file(study) == before


def test_what_a_plan_shows_is_what_the_records_come_to(make: Any) -> None:
    study = make()
    run(study, stop=12)  # lora's sixth seed, and not full's
    plan, store = make_plan(study), Store(Path(study.output_dir))

    def follow() -> tuple[int, list[int]]:
        reached, looks = follow_records(
            plan, store, lambda step, seen: record(step, None, [], seen), frozenset(FAILURES)
        )
        return len(reached.study.seeds), [look.seeds for look in looks]

    assert follow() == (6, [5])
    run(study)
    looks = [look["seeds"] for look in plan_file(study)["precision_looks"]]
    assert follow() == (looks[-1], looks)


@pytest.mark.parametrize(
    ("rule", "stop", "seeds"),
    [
        ({"max_seeds": 6}, "seeds", 6),
        ({"half_width": 0.02}, "items", 5),
        ({"half_width": 0.1, "budget": "5m"}, "budget", 8),
    ],
)
def test_a_rule_ends_at_its_limits(make: Any, rule: dict[str, Any], stop: str, seeds: int) -> None:
    study = make(**rule)
    outcome, _, _ = run(study)
    assert outcome
    last = plan_file(study)["precision_looks"][-1]
    assert (last["stop"], last["seeds"]) == (stop, seeds)
    assert outcome.exit_code == 0
    if stop == "budget":
        assert last["spent"] <= 300 < last["spent"] + last["next_seed"]
    if stop == "items":
        assert last["floor"] > 0.02
        assert (last["items"], last["items_needed"]) == (len(ITEMS), None)  # seeds lie too far apart, too


def test_another_rule_after_results_is_a_look_of_the_other_kind(make: Any) -> None:
    run(make(max_seeds=6))
    study = make()
    run(study)
    assert plan_file(study)["looks"] == 1
    run(study)
    assert plan_file(study)["looks"] == 1


def test_a_seed_that_failed_is_missing_and_the_rule_goes_on(make: Any) -> None:
    study = make()
    outcome, _, _ = run(study, fails=lambda cell: (cell.adapter, cell.seed) == ("lora", 2))
    assert outcome
    assert (outcome.failed, outcome.missing, outcome.exit_code) == (1, 1, 1)
    looks = plan_file(study)["precision_looks"]
    assert looks[-1]["seeds"] > 5
    again, _, worker = run(study, fails=lambda cell: False)
    assert again
    assert again.exit_code == 0
    assert len(asked_for(worker)[0]) == 1  # it is made up for, and looked at anew


def test_where_a_whole_step_fails_no_further_seed_is_tried(make: Any) -> None:
    study = make()
    outcome, _, worker = run(study, fails=lambda cell: (cell.seed or 0) > 4)
    assert outcome
    assert (outcome.failed, outcome.missing) == (2, 2)
    assert len(worker.jobs) == 2
    assert [look["seeds"] for look in plan_file(study)["precision_looks"]] == [5]


def test_without_a_gap_there_is_nothing_to_look_at(make: Any) -> None:
    study = make()
    run(study, fails=lambda cell: cell.adapter == "full")
    [look] = plan_file(study)["precision_looks"]
    assert (look["stop"], look["half_width"]) == ("nothing", None)
