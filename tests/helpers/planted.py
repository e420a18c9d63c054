"""Result folders written by hand: records without a training behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medcot_bench.results.cells import Cell, Score
from medcot_bench.results.records import (
    Attempt,
    CellRecord,
    Divergence,
    Forgetting,
    Phase,
    Provenance,
    ScoreRecord,
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
    kl: float | None = None
    general: tuple[float, float] | None = None  # nats a byte of general text: the model's, its base's
    general_text: str = "text"


def failed(status: Status, error: str, score: str | None = None) -> Attempt:
    return Attempt(cell_id="", status=status, error=error, score=score, started=PROVENANCE.started)


def answers(a: float, b: float, c: float, d: float) -> dict[str, float]:
    return {"a": a, "b": b, "c": c, "d": d}


def write(root: Path, *made: Made) -> Path:
    store = Store(root)
    planned = []
    for number, part in enumerate(made):
        adapter = {"name": part.adapter.partition(":")[0], "selector": dict(part.selector)}
        request = {"adapter": adapter, **part.request}
        cell = Cell(id=f"{number:012x}", task=part.task, adapter=part.adapter, seed=part.seed, request=request)
        if part.train:
            store.commit_cell(cell, cell_record(cell, part, part.train), [])
        scores = {}
        for task in DOMAINS:
            score = Score(id=f"{number:06x}{task[:6]}", cell=cell.id, task=task, relation="base", request={})
            scores[score.id] = task
            if task in part.scores:
                store.commit_score(cell, score, score_record(score, part), samples(part.scores[task]))
        for attempt in part.attempts:
            store.add_attempt(cell, replace(attempt, cell_id=cell.id), "log")
        entry = {"id": cell.id, "task": cell.task, "adapter": cell.adapter, "seed": cell.seed, "scores": scores}
        entry |= {"baselines": write_baselines(store, cell, number, part)}
        planned.append(entry | {"checkpoints": write_checkpoints(store, cell, number, part)})
    left_out: dict[str, dict[str, int]] = {"k8s_qa": {"train overlaps manuals_qa eval": 2}, "manuals_qa": {}}
    tasks = {
        task: {"source": f"file:{task}.jsonl", "domain": domain, "left_out": left_out[task]}
        for task, domain in DOMAINS.items()
    }
    plan: dict[str, Any] = {"base": BASE, "tasks": tasks, "general_text": "text", "cells": planned}
    plan["baselines"] = [*dict.fromkeys(name for part in made for name in part.baselines)]
    store.replace(root / "plan.json", json.dumps(plan).encode())
    return root


def write_baselines(store: Store, cell: Cell, number: int, made: Made) -> dict[str, list[str]]:
    found = {}
    for name, by_task in made.baselines.items():
        for task, scores in by_task.items():
            score_id = f"{number:04x}{name.replace('_', '').replace('=', '')}{task[:6]}"
            score = Score(id=score_id, cell=cell.id, task=task, relation="base", request={}, baseline=name)
            store.commit_score(cell, score, score_record(score, made), samples(scores))
            found[score_id] = [name, task]
    return found


def write_checkpoints(store: Store, cell: Cell, number: int, made: Made) -> dict[str, list[str]]:
    found = {}
    for name, by_task in made.checkpoints.items():
        for task, scores in by_task.items():
            score_id = f"{number:04x}{name.replace('/', '')}{task[:6]}"
            score = Score(id=score_id, cell=cell.id, task=task, relation="base", request={}, checkpoint=name)
            store.commit_score(cell, score, score_record(score, made), samples(scores))
            found[score_id] = [name, task]
    return found


def cell_record(cell: Cell, made: Made, train: Phase) -> CellRecord:
    return CellRecord(
        cell_id=cell.id,
        name=cell.name,
        task=cell.task,
        adapter=cell.adapter,
        seed=cell.seed,
        request=cell.request,
        base=BASE,
        source="file:k8s_qa.jsonl",
        placement={},
        trainable_parameters=1_000_000 if made.adapter.startswith("full") else 20_000,
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
    )


def forgotten(nll: float, base: float, text: str) -> Forgetting:
    return Forgetting(nll=nll, base=base, text=text, bytes=8000)


def score_record(score: Score, made: Made) -> ScoreRecord:
    relations = {None: "base", score.task: "same_task"}
    return ScoreRecord(
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


def samples(scores: Scores) -> list[dict[str, Any]]:
    items = sorted({item for values in scores.values() for item in values})
    return [
        {
            "id": item,
            "group": GROUPS.get(item, item),
            "prediction": None,
            "gold_loglikelihood": -1.0,
            "scores": {name: values[item] for name, values in scores.items() if item in values},
        }
        for item in items
    ]
