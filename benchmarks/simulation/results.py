"""Study -> `Results`, in memory or as a result folder: the records that a run would have left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy

from medcot_bench.results.cells import FINAL, CellKey, EvaluationKey
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.items import Items
from medcot_bench.results.plan_file import FILE, PlanFile, PlannedCell, PlannedTask, written
from medcot_bench.results.records import CellRecord, EvaluationRecord, Phase
from medcot_bench.results.store import Store
from medcot_bench.testing.example_results import BASE, MADE_WITH, whole_results
from simulation.draw import Array, Study
from simulation.settings import Setting

IN_DOMAIN, OUT_OF_DOMAIN = TASKS = ("k8s_qa", "manuals_qa")
DOMAINS = {IN_DOMAIN: "kubernetes", OUT_OF_DOMAIN: "manuals"}
FULL = "full"
NLL = 2.0
"""gold_nll of a quality of 0."""


def adapter_name(number: int) -> str:
    """Return the name of an adapter, the first being number 1."""
    return f"lora:r={number}"


def row_names(setting: Setting) -> list[str]:
    """Return the rows' names in the order of `Setting.means`."""
    return ["none", FULL, *(adapter_name(number) for number in range(1, setting.adapters + 1))]


def score_of(setting: Setting) -> str:
    """Return the score that a setting's answers get."""
    return "answer" if setting.binary else "gold_nll"


@dataclass(frozen=True)
class Frame:
    """What all studies of a setting share: plan and records, everything but the items' values."""

    setting: Setting
    plan: PlanFile
    cells: tuple[CellResult, ...]
    groups: tuple[dict[str, str], dict[str, str]]
    """Item -> group, in domain and out of domain."""

    def fill(self, study: Study) -> Results:
        """Return the results of one study, in memory."""
        items = {key.id: self._items(study, cell, key) for cell in self.cells for key in _scored(cell)}
        return Results(root=Path("nowhere"), plan=self.plan, cells=self.cells, _items=items)

    def write(self, study: Study, root: Path) -> None:
        """Write the same results as a result folder, by the product's own store."""
        store = Store(root)
        for cell in self.cells:
            if cell.record is None:
                continue
            store.commit_cell(cell.cell, cell.record, [])
            for key in _scored(cell):
                record = cell.checkpoints.get((key.checkpoint, key.task)) or cell.evaluations[key.task]
                items = self._items(study, cell, key)
                means = {f"{name},none": fmean(values.values()) for name, values in items.scores.items()}
                store.commit_evaluation(cell.cell, key, replace(record, results=means), _samples(items))
        store.replace(root / FILE, written(self.plan))

    def _items(self, study: Study, cell: CellResult, key: EvaluationKey) -> Items:
        task = TASKS.index(key.task)
        if cell.cell.task is None:
            values = study.base[task]
        else:
            method = row_names(self.setting).index(cell.cell.adapter) - 1
            steps = [*(self.setting.curve.checkpoints if self.setting.curve else ()), FINAL]
            values = study.trained[task][method, cell.cell.seed or 0, steps.index(key.checkpoint)]
        return items_of(self.setting, values, self.groups[task])


def items_of(setting: Setting, values: Array, groups: dict[str, str]) -> Items:
    """Return the items of one evaluation."""
    score = score_of(setting)
    turned = values if score == "answer" else NLL - values
    return Items(groups, {score: dict(zip(groups, turned.tolist(), strict=True))}, answers={}, options=())


def make_frame(setting: Setting) -> Frame:
    """Return what all studies of a setting share."""
    cells = tuple(_cells(setting))
    plan = PlanFile(
        base=BASE,
        tasks={task: PlannedTask(source=f"file:{task}.jsonl", domain=DOMAINS[task]) for task in TASKS},
        made_with=MADE_WITH,
        analysis=_analysis(setting),
        cells=tuple(PlannedCell(key=cell.cell, evaluations=tuple(cell.keys.values())) for cell in cells),
    )
    groups = [_groups(sizes) for sizes, _ in setting.tasks]
    return Frame(setting, plan, cells, (groups[0], groups[1]))


def _analysis(setting: Setting) -> dict[str, Any]:
    score = score_of(setting)
    rule = setting.precision and {
        "effect": setting.precision.effect,
        "half_width": setting.precision.half_width,
        "max_seeds": setting.seeds,
    }
    return {"primary": score, "margins": {score: setting.margin}, "precision": rule}


def _groups(sizes: Sequence[int]) -> dict[str, str]:
    of_item = numpy.repeat(numpy.arange(len(sizes)), sizes)
    return {f"item {item}": f"group {group}" for item, group in enumerate(of_item)}


def _scored(cell: CellResult) -> Iterator[EvaluationKey]:
    return (key for key in cell.keys.values() if cell.record)


def _cells(setting: Setting) -> Iterator[CellResult]:
    """Yield the base model and every training, without records where a seed is missing."""
    for number, name in enumerate(row_names(setting)):
        if number == 0:
            yield _cell(setting, name, None, 0)
            continue
        for seed in range(setting.seeds):
            there = seed < setting.seeds_of(number - 1)  # full fine-tuning has every seed
            if there or setting.missing_are_planned:
                yield _cell(setting, name, seed, number, there)


def _cell(setting: Setting, name: str, seed: int | None, number: int, there: bool = True) -> CellResult:
    trained = seed is not None
    key = CellKey(id=f"{number:06x}{seed or 0:06x}", task=IN_DOMAIN if trained else None, adapter=name, seed=seed)
    names = [*(setting.curve.checkpoints if setting.curve and trained else ()), FINAL]
    keys = {
        (step, task): EvaluationKey(
            id=f"{number:04x}{seed or 0:04x}{place:02x}{TASKS.index(task):02x}",
            cell=key.id,
            task=task,
            checkpoint=step,
        )
        for place, step in enumerate(names)
        for task in TASKS
    }
    if not there:
        return CellResult(key, None, TASKS, evaluations={}, checkpoints={}, failure=None, whole=False, keys=keys)
    records = {place: _evaluation_record(setting, key, one) for place, one in keys.items()}
    return CellResult(
        key,
        _cell_record(key),
        TASKS,
        evaluations={task: record for (step, task), record in records.items() if step == FINAL},
        checkpoints={place: record for place, record in records.items() if place[0] != FINAL},
        failure=None,
        keys=keys,
    )


def _cell_record(key: CellKey) -> CellRecord:
    base, _, trained = whole_results().cells
    record = (trained if key.task else base).record
    assert record
    full = key.adapter == FULL
    return replace(
        record,
        cell_id=key.id,
        name=key.name,
        task=key.task,
        adapter=key.adapter,
        seed=key.seed,
        request={"adapter": {"name": key.adapter.partition(":")[0]}},
        trainable_parameters=record.total_parameters if full else record.trainable_parameters,
        phases={**record.phases, "train": Phase(seconds=2.0, peak_bytes=4_000 if full else 2_000, tokens=1000)},
        update="full" if full else "low_rank" if key.task else "none",
    )


def _evaluation_record(setting: Setting, cell: CellKey, key: EvaluationKey) -> EvaluationRecord:
    sizes = [sum(sizes) for sizes, _ in setting.tasks]
    record = whole_results().cells[0].evaluations[IN_DOMAIN]
    return replace(
        record,
        score_id=key.id,
        cell_id=cell.id,
        task=key.task,
        relation="base" if cell.task is None else "same_task" if cell.task == key.task else "shift",
        domain=DOMAINS[key.task],
        source=f"file:{key.task}.jsonl",
        request={},
        results={},
        counts={**record.counts, "items": sizes[TASKS.index(key.task)]},
    )


def _samples(items: Items) -> list[dict[str, object]]:
    return [
        {"id": item, "group": group, "scores": {name: values[item] for name, values in items.scores.items()}}
        for item, group in items.groups.items()
    ]
