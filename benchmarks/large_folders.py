"""What large studies and large files cost: CPU seconds and peak memory of each command, on made-up records.

    python benchmarks/large_folders.py [--cells 500 2000] [--rows 200000] [--items 30]

Plans a study of so many training runs with a tiny model, each scored on five tasks. Writes a record and samples of
each without training anything, and calls `plan`, `run` (with nothing left to do), `export` and `compare` on them;
then `plan` on a file of so many rows. Twice as many runs should take twice as long. Memory is read on Linux only.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from medcot_bench import cli as program
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.digests import add_digest
from medcot_bench.results.records import CellRecord, EvaluationRecord
from medcot_bench.study.schema import Study
from medcot_bench.testing.example_results import whole_results
from medcot_bench.testing.tiny import make_tiny_model

SEEDS = 5
TRAINED = ("k8s_qa", "manuals_qa")
SCORED = ("kubectl", "medqa_cot", "medcalc_cot")
WORDS = ["kubectl", "get", "pods", "--namespace", "web", "--output", "wide"]
MEASURED = """
import os, sys
from pathlib import Path
from medcot_bench.cli import main
status = main(sys.argv[1:])
used = os.times()
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(f"{used.user + used.system:.1f} s of CPU, {peak / 1024:.0f} MB, exit status {status}", file=sys.stderr)
"""
"""Calls the program in a process of its own, and says what that took."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="*", default=[500, 2000])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = make_tiny_model(folder / "tiny")
        for cells in options.cells:
            study = write(folder / str(cells), study_of(model, cells), options.items)
            for command in ("plan", "run", "export", "compare"):
                measure(command, study if command in ("plan", "run") else study.parent / "out")
        if options.rows:
            file = write_rows(folder / "rows.jsonl", options.rows)
            print(f"{options.rows} rows, {file.stat().st_size / 1e6:.0f} MB")
            measure("plan", "--train", file, "--adapters", "lora", "--model", model, "-o", folder / "own")
    return 0


def measure(*arguments: object) -> None:
    """Call the program; print its CPU seconds and its peak memory."""
    command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(f"  {arguments[0]}: {done.stderr.splitlines()[-1]}", flush=True)


def study_of(model: Path, cells: int) -> dict[str, object]:
    """Return the fields of a study of about so many training runs: one of full fine-tuning, others of LoRA."""
    adapters = cells // (SEEDS * len(TRAINED))
    return {
        "model": str(model),
        "tasks": [*TRAINED],
        "eval_tasks": [*SCORED],
        "adapters": ["none", "full", *(f"lora:r=4,alpha={alpha}" for alpha in range(1, adapters))],
        "seeds": [*range(SEEDS)],
        "limit": 30,
    }


def write(folder: Path, fields: dict[str, object], items: int) -> Path:
    """Write a study and the records of all its runs; return the study's file."""
    folder.mkdir()
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump({**fields, "output_dir": str(folder / "out")}))
    plan = make_plan(Study.model_validate({**fields, "output_dir": str(folder / "out")}))
    evaluations: dict[str, list[Evaluation]] = {}
    for evaluation in plan.evaluations:
        evaluations.setdefault(evaluation.cell, []).append(evaluation)
    for cell in plan.cells:
        write_cell(folder / "out", plan, cell, evaluations[cell.id], items)
    program.main(["run", str(study), "-q"])  # writes plan.json
    print(f"{len(plan.cells)} training runs, {len(plan.evaluations)} evaluations of {items} items", flush=True)
    return study


def write_cell(root: Path, plan: Plan, cell: Cell, evaluations: list[Evaluation], items: int) -> None:
    folder = root / "cells" / cell.name
    for name in ("scores", "samples"):
        (folder / name).mkdir(parents=True)
    dump(folder / "cell.json", cell_record(cell))
    for evaluation in evaluations:
        given = [*answers(cell, evaluation.task, items)]
        samples = "".join(json.dumps(sample) + "\n" for sample in given)
        (folder / "samples" / f"{evaluation.name}.jsonl").write_text(samples)
        digest = sha256(samples.encode()).hexdigest()
        mean = fmean(sample["scores"]["answer"] for sample in given)
        record = evaluation_record(plan, cell, evaluation, digest, items)
        dump(folder / "scores" / f"{evaluation.name}.json", replace(record, results={"answer,none": mean}))


def dump(path: Path, record: CellRecord | EvaluationRecord) -> None:
    path.write_text(json.dumps(add_digest(asdict(record))))


def cell_record(cell: Cell) -> CellRecord:
    base, _, trained = whole_results().cells
    record = (trained if cell.task else base).record
    assert record
    full = cell.adapter == "full"
    return replace(
        record,
        cell_id=cell.id,
        name=cell.name,
        task=cell.task,
        adapter=cell.adapter,
        seed=cell.seed,
        request=cell.request,
        trainable_parameters=record.total_parameters if full else record.trainable_parameters,
        update="full" if full else "low_rank" if cell.task else "none",
    )


def evaluation_record(plan: Plan, cell: Cell, score: Evaluation, digest: str, items: int) -> EvaluationRecord:
    record = whole_results().cells[0].evaluations["k8s_qa"]
    return replace(
        record,
        score_id=score.id,
        cell_id=cell.id,
        task=score.task,
        relation=score.relation,
        domain=plan.domain(score.task),
        source=plan.source(score.task),
        request=score.request,
        counts={**record.counts, "items": items},
        samples_sha256=digest,
    )


def answers(cell: Cell, task: str, items: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(f"{cell.id} {task}")
    mean = 0.4 + 0.2 * random.Random(cell.adapter).random() if cell.task else 0.3
    for item in range(items):
        answer = float(rng.random() < mean)
        text = " ".join(WORDS * 6)
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


def write_rows(file: Path, count: int) -> Path:
    """Write rows of some 200 bytes, all different."""
    rng = random.Random(0)
    with file.open("w") as rows:
        for number in range(count):
            question = " ".join(rng.choices(WORDS, k=18))
            row = {"question": f"{question} {number}?", "answer": " ".join(rng.choices(WORDS, k=8))}
            rows.write(json.dumps(row) + "\n")
    return file


if __name__ == "__main__":
    raise SystemExit(main())
