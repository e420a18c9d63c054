"""How long the leaderboard of a large study takes, and how much memory.

    python benchmarks/large_export.py [--adapters 200] [--seeds 5] [--items 30] [--without-full]

Writes a made-up result folder of adapters x seeds x 2 training tasks, each scored on both tasks, then reads it,
builds its leaderboard and exports it, with the seconds of each step and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from medcot_bench.analysis.build import build
from medcot_bench.plugins.manager import installed
from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.folder import load
from medcot_bench.results.plan_file import PlanFile, PlannedCell, PlannedTask, written
from medcot_bench.results.records import CellRecord, EvaluationRecord
from medcot_bench.testing.example_results import whole_results

TASKS = {"k8s_qa": "kubernetes", "manuals_qa": "manuals"}
T = TypeVar("T")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapters", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--items", type=int, default=30)
    parser.add_argument("--without-full", action="store_true")
    options = parser.parse_args()
    adapters = ["full", *(f"lora:r={r}" for r in range(1, options.adapters))]
    if options.without_full:
        adapters[0] = "lora:r=0"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cells = write(root, adapters, options.seeds, options.items)
        print(f"{cells} cells, {cells * len(TASKS)} evaluations of {options.items} items")
        results = timed("read records", lambda: load(root))
        board = timed("build the leaderboard", lambda: build(results))
        for name in ("md", "csv", "json", "html"):
            exporter = installed().make_exporter(name)
            text = timed(f"write {name}", lambda exporter=exporter: exporter.export(board))
            print(f"  {len(text) / 1e6:.1f} MB")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return 0


def timed(what: str, step: Callable[[], T]) -> T:
    began = time.process_time()
    made = step()
    print(f"{what}: {time.process_time() - began:.1f} s", flush=True)
    return made


def write(root: Path, adapters: list[str], seeds: int, items: int) -> int:
    """Write a result folder; return its number of cells."""
    planned = [
        write_cell(root, CellKey(id=f"{number:012x}", task=task, adapter=adapter, seed=seed), items)
        for number, (adapter, task, seed) in enumerate(grid(adapters, seeds))
    ]
    base = whole_results().base
    tasks = {task: PlannedTask(source="bundled-v1", domain=domain) for task, domain in TASKS.items()}
    plan = PlanFile(base=base, tasks=tasks, made_with=None, cells=tuple(planned))
    (root / "plan.json").write_bytes(written(plan))
    return len(planned)


def grid(adapters: list[str], seeds: int) -> Iterator[tuple[str, str | None, int | None]]:
    yield "none", None, None
    yield from ((adapter, task, seed) for adapter in adapters for task in TASKS for seed in range(seeds))


def write_cell(root: Path, key: CellKey, items: int) -> PlannedCell:
    folder = root / "cells" / key.name
    for name in ("scores", "samples"):
        (folder / name).mkdir(parents=True)
    keys = [EvaluationKey(id=f"{key.id}{task[:3]}", cell=key.id, task=task) for task in TASKS]
    dump(folder / "cell.json", cell_record(key))
    for evaluation in keys:
        samples = "".join(json.dumps(sample) + "\n" for sample in answers(key, evaluation.task, items))
        (folder / "samples" / f"{evaluation.name}.jsonl").write_text(samples)
        digest = sha256(samples.encode()).hexdigest()
        dump(folder / "scores" / f"{evaluation.name}.json", evaluation_record(key, evaluation, digest, items))
    return PlannedCell(key=key, evaluations=tuple(keys))


def dump(path: Path, record: CellRecord | EvaluationRecord) -> None:
    path.write_text(json.dumps(asdict(record)))


def cell_record(key: CellKey) -> CellRecord:
    base, _, trained = whole_results().cells
    record = (trained if key.task else base).record
    assert record
    name = key.adapter.partition(":")[0]
    request = {"adapter": {"name": name, "selector": {"name": "all", "targets": "all"}}, "recipe": {"lr": 1e-4}}
    everything = record.total_parameters if name == "full" else record.trainable_parameters
    update = "full" if name == "full" else "low_rank" if key.task else "none"
    return replace(
        record,
        cell_id=key.id,
        name=key.name,
        task=key.task,
        adapter=key.adapter,
        seed=key.seed,
        request=request,
        trainable_parameters=everything,
        update=update,
    )


def evaluation_record(key: CellKey, evaluation: EvaluationKey, digest: str, items: int) -> EvaluationRecord:
    record = whole_results().cells[0].evaluations["k8s_qa"]
    relation = "base" if key.task is None else "same_task" if key.task == evaluation.task else "shift"
    return replace(
        record,
        score_id=evaluation.id,
        cell_id=key.id,
        task=evaluation.task,
        relation=relation,
        counts={**record.counts, "items": items},
        samples_sha256=digest,
    )


def answers(key: CellKey, task: str, items: int) -> Iterator[dict[str, object]]:
    rng = random.Random(f"{key.id} {task}")
    mean = 0.4 + 0.2 * random.Random(key.adapter).random() if key.task else 0.3
    for item in range(items):
        answer = float(rng.random() < mean)
        text = "kubectl get pods --namespace web --output wide " * 6
        scores = {"answer": answer, "parsed": 1.0, "gold_nll": rng.gauss(1 - mean, 0.1), "truncated": 0.0}
        yield {
            "id": f"{task} {item}",
            "group": f"page {item // 2}",
            "prompt_sha256": "0" * 64,
            "target": text,
            "prediction": f"{text}{rng.random()}",
            "gold_loglikelihood": -rng.random(),
            "scores": scores,
        }


if __name__ == "__main__":
    raise SystemExit(main())
