"""Five adapters on two real tasks with the default model, and whether each training did what it should.

    python benchmarks/real_grid.py --data FOLDER -o real_grid

FOLDER holds medical/medqa_cot.jsonl, kubernetes/k8s_qa.jsonl and manuals/manuals_qa.jsonl in the `file:` form.
Takes about an hour on two cores; the same command goes on where it was stopped.

Several studies share the result folder and so the trained models: some look at 50 of the items trained on, one at
validation items (of medqa_cot, whose evaluation items have no reasoning), the last is the leaderboard's. Exit
status 1 if a check fails.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tabulate import tabulate

from medcot_bench import Results, Study
from medcot_bench.cli.progress import Lines
from medcot_bench.results.folder import load
from medcot_bench.runner.run import run_study

TASKS = ("medqa_cot", "k8s_qa")
ADAPTERS = ("none", "full", "lora", "layer_lora", "qlora")
FILES = {
    "medqa_cot": "medical/medqa_cot.jsonl",
    "k8s_qa": "kubernetes/k8s_qa.jsonl",
    "manuals_qa": "manuals/manuals_qa.jsonl",
}
STEPS, BATCH, LIMIT, TRAIN_PROBE = 25, 4, 24, 50


def study(data: Path, output: Path, **changes: Any) -> Study:
    """One study on the shared trainings: each item is trained on once."""
    fields: dict[str, Any] = {
        "tasks": TASKS,
        "eval_tasks": ("manuals_qa",),
        "adapters": ADAPTERS,
        "data": {name: f"file:{data / path}" for name, path in FILES.items()},
        "limit": LIMIT,
        "training": {"train_items": STEPS * BATCH, "max_steps": STEPS, "batch_size": BATCH},
        "keep_weights": "all",
        "output_dir": str(output),
    }
    return Study.model_validate(fields | changes)


def look_at(task: str, split: str, limit: int) -> dict[str, Any]:
    """A study that only measures likelihood, of one task's own models on another split than the leaderboard's."""
    scoring = {"split": split, "scores": ("gold_nll",)}
    return {"tasks": (task,), "eval_tasks": (), "scoring": scoring, "limit": limit}


def nll(results: Results, adapter: str, trained_on: str | None, task: str) -> float:
    """gold_nll of one model on one task."""
    for cell in results.cells:
        if (cell.cell.adapter, cell.cell.task) == (adapter, trained_on):
            return cell.evaluations[task].results["gold_nll,none"]
    raise LookupError(f"{adapter} on {trained_on} was not scored")


def main() -> int:
    """Run the three studies and print the checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, default=Path("real_grid"))
    parser.add_argument("--threads", type=int, help="default: every core")
    parser.add_argument("--device", default="auto", help="default: CUDA where there is one, else the CPU")
    options = parser.parse_args()
    data, output = options.data.resolve(), options.output
    where = {"threads": options.threads, "device": options.device}
    seen: dict[str, Results] = {}
    for name, changes in {
        "medqa_cot train": look_at("medqa_cot", "train", TRAIN_PROBE),
        "medqa_cot validation": look_at("medqa_cot", "validation", LIMIT),
        "k8s_qa train": look_at("k8s_qa", "train", TRAIN_PROBE),
        "leaderboard": {},
    }.items():
        print(f"== {name}", flush=True)
        show = Lines(lambda line: print(line, flush=True), verbose=False)
        run_study(study(data, output, **where, **changes), listen=show)
        seen[name] = load(output)
    rows, good = [], True
    for task, held_out in (("medqa_cot", "medqa_cot validation"), ("k8s_qa", "leaderboard")):
        for adapter in ADAPTERS[1:]:
            before, after = (nll(seen[f"{task} train"], a, t, task) for a, t in (("none", None), (adapter, task)))
            base, tuned = (nll(seen[held_out], a, t, task) for a, t in (("none", None), (adapter, task)))
            passed = after < before and tuned < base
            good &= passed
            rows.append([task, adapter, before, after, base, tuned, "yes" if passed else "NO"])
    headers = ["trained on", "adapter", f"{TRAIN_PROBE} training items: before", "after"]
    headers += ["held-out items: base", "tuned", "both lower"]
    print(tabulate(rows, headers, tablefmt="pipe", floatfmt=".3f"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
