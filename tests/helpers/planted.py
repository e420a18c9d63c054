"""Result folders written by hand: records without a training behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.plan_file import PlanFile, PlannedCell, PlannedTask, written
from medcot_bench.results.records import (
    Attempt,
    CellRecord,
    Divergence,
    EvaluationRecord,
    Forgetting,
    Phase,
    Provenance,
    Status,
    Training,
)
from medcot_bench.results.store import Store
from medcot_bench.testing import example_results as folders
from medcot_bench.testing.example_results import BASE

DOMAINS = {"k8s_qa": "kubernetes", "manuals_qa": "manuals"}
GROUPS = {"a": "1", "b": "1", "c": "2", "d": "2"}
PROVENANCE = replace(folders.PROVENANCE, engine="hf", device="cpu: example")
TRAIN = Phase(seconds=10.0, peak_bytes=4_000_000_000, tokens=1000)
Scores = Mapping[str, Mapping[str, float]]  # score -> item -> value


@dataclass(frozen=True, kw_only=True)
class Made:
    adapter: str
    seed: int | None = 0
    task: str | None = "k8s_qa"
    scores: Mapping[str, Scores] = field(default_factory=dict)
    checkpoints: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)  # name -> task -> scores
    baselines: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)  # name -> task -> scores
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    train: Phase | None = TRAIN
    score_seconds: float = 0.0
    attempts: Sequence[Attempt] = ()
    selector: Mapping[str, Any] = field(default_factory=lambda: {"name": "all", "targets": "all"})
    request: Mapping[str, Any] = field(default_factory=dict)  # beside the adapter
    provenance: Provenance = PROVENANCE
    trainable: int | None = None
    update: str = ""  # as in records made before it was written
    kl: float | None = None
    general: tuple[float, float] | None = None  # nats a byte of general text: the model's, its base's
    general_text: str = "text"
    said: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # item -> what its sample has beside


def failed(status: Status, error: str, score: str | None = None) -> Attempt:
    return Attempt(cell_id="", status=status, error=error, score=score, started=PROVENANCE.started)


def answers(a: float, b: float, c: float, d: float) -> dict[str, float]:
    return {"a": a, "b": b, "c": c, "d": d}


def write(root: Path, *made: Made) -> Path:
    store = Store(root)
    planned = [write_cell(store, number, part) for number, part in enumerate(made)]
    left_out: dict[str, dict[str, int]] = {"k8s_qa": {"train overlaps manuals_qa eval": 2}, "manuals_qa": {}}
    plan = PlanFile(
        base=BASE,
        tasks={
            task: PlannedTask(source=f"file:{task}.jsonl", domain=domain, left_out=left_out[task])
            for task, domain in DOMAINS.items()
        },
        made_with=None,
        baselines=tuple(dict.fromkeys(name for part in made for name in part.baselines)),
        general_text="text",
        cells=tuple(planned),
    )
    store.replace(root / "plan.json", written(plan))
    return root


def write_cell(store: Store, number: int, made: Made) -> PlannedCell:
    adapter = {"name": made.adapter.partition(":")[0], "selector": dict(made.selector)}
    request = {"adapter": adapter, **made.request}
    key = CellKey(id=f"{number:012x}", task=made.task, adapter=made.adapter, seed=made.seed)
    if made.train:
        store.commit_cell(key, cell_record(key, request, made, made.train), [])
    keys = [EvaluationKey(id=f"{number:06x}{task[:6]}", cell=key.id, task=task) for task in DOMAINS]
    scores = [made.scores.get(task) for task in DOMAINS]
    for name, by_task in made.baselines.items():
        short = name.replace("_", "").replace("=", "")
        ids = {task: f"{number:04x}{short}{task[:6]}" for task in by_task}
        keys += [EvaluationKey(id=ids[task], cell=key.id, task=task, baseline=name) for task in by_task]
        scores += by_task.values()
    for name, by_task in made.checkpoints.items():
        ids = {task: f"{number:04x}{name.replace('/', '')}{task[:6]}" for task in by_task}
        keys += [EvaluationKey(id=ids[task], cell=key.id, task=task, checkpoint=name) for task in by_task]
        scores += by_task.values()
    for evaluation, values in zip(keys, scores, strict=True):
        if values is not None:
            store.commit_evaluation(
                key, evaluation, evaluation_record(evaluation, made), samples(values, made.said)
            )
    for attempt in made.attempts:
        store.add_attempt(key, replace(attempt, cell_id=key.id), "log")
    return PlannedCell(key=key, evaluations=tuple(keys))


def cell_record(cell: CellKey, request: Mapping[str, Any], made: Made, train: Phase) -> CellRecord:
    return CellRecord(
        cell_id=cell.id,
        name=cell.name,
        task=cell.task,
        adapter=cell.adapter,
        seed=cell.seed,
        request=request,
        base=BASE,
        source="file:k8s_qa.jsonl",
        placement={f"layers.{layer}.w": None for layer in range(2 if made.selector["name"] == "all" else 1)},
        trainable_parameters=made.trainable or trainable(made.adapter, made.selector),
        total_parameters=1_000_000,
        adapter_bytes=4_000_000 if made.adapter.startswith("full") else 80_000,
        bytes={},
        dtypes={},
        training=Training(
            steps=2,
            epochs=1.0,
            tokens=train.tokens,
            target_tokens=10,
            items=4,
            overlong_dropped=0,
            overlong_shortened=0,
            first_loss=3.0,
            final_loss=2.0,
            selected_step=2,
        ),
        phases={
            "load": Phase(seconds=1.0, peak_bytes=1),
            "train": train,
            "measure": Phase(seconds=3.0, peak_bytes=0),
        },
        provenance=made.provenance,
        divergence=None if made.kl is None else Divergence(kl=made.kl, items=16, tokens=160),
        forgetting=None if made.general is None else forgotten(*made.general, made.general_text),
        update=made.update,
    )


def trainable(adapter: str, selector: Mapping[str, Any]) -> int:
    if adapter.partition(":")[0] != "full":
        return 20_000
    return 1_000_000 if (selector.get("name"), selector.get("targets")) == ("all", "all") else 400_000


def forgotten(nll: float, base: float, text: str) -> Forgetting:
    return Forgetting(nll=nll, base=base, text=text, bytes=8000)


def evaluation_record(score: EvaluationKey, made: Made) -> EvaluationRecord:
    relations = {None: "base", score.task: "same_task"}
    return EvaluationRecord(
        score_id=score.id,
        cell_id=score.cell,
        task=score.task,
        relation=relations.get(made.task, "shift"),
        domain=DOMAINS[score.task],
        form={"context": "given", "answer": "text"},
        source=f"file:{score.task}.jsonl",
        request={},
        results={},
        counts={"items": 4, "extractive": 1, "shortened": 0, "dropped": 0},
        marks=made.marks.get(score.task, ()),
        samples_sha256="",
        phase=Phase(seconds=made.score_seconds, peak_bytes=1),
        provenance=made.provenance,
    )


def samples(scores: Scores, said: Mapping[str, Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
    items = sorted({item for values in scores.values() for item in values})
    return [
        {
            "id": item,
            "group": GROUPS.get(item, item.partition("/")[0]),
            "prediction": None,
            "gold_loglikelihood": -1.0,
            "scores": {name: values[item] for name, values in scores.items() if item in values},
            **(said or {}).get(item, {}),
        }
        for item in items
    ]
