"""Controls: what has to come out if the measurement is sound, each with its number.

    python benchmarks/controls.py -o controls

Runs on bundled items of k8s_qa with the default model, on seeds from 100 on. Goes on where it was stopped.

- positive: full fine-tuning gains at least 25 points on its own task, and not with shuffled labels;
- negative: the same training in two folders gives the same bits, and other seeds no gap that is told from zero;
- identity: LoRA after no step answers as the untouched base, to the last digit;
- degradation: rank 1 in one block scores below rank 16 in all.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tabulate import tabulate

import medcot_bench
from medcot_bench.analysis.per_item import values_of
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.stats.contrasts import Part, contrast

TASK = "k8s_qa"
SEEDS = (100, 101, 102)
OTHERS = (103, 104, 105)
GAIN = 0.25
"""What full fine-tuning has to gain in `answer`, and must not gain on shuffled labels."""
SHORT = {"train_tokens": 6000}
"""Enough to see whether two trainings are the same."""
WEAKEST = "lora:r=1,alpha=2,select=layers,layers=15"
Row = tuple[str, str, str, bool]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, default=Path("controls"))
    options = parser.parse_args()

    def run(folder: str, **fields: Any) -> Results:
        study = {"tasks": (TASK,), "data_seed": SEEDS[0], "device": options.device, **fields}
        return medcot_bench.run({**study, "output_dir": str(options.output / folder)})

    rows = [*positive(run), *negative(run), *identity(run), *degradation(run)]
    shown = [[control, what, value, "holds" if holds else "FAILS"] for control, what, value, holds in rows]
    print(tabulate(shown, ["control", "what", "measured", ""], tablefmt="pipe", disable_numparse=True))
    return 0 if all(holds for *_, holds in rows) else 1


def positive(run: Any) -> list[Row]:
    own = run("positive", adapters=("none", "full"), seeds=SEEDS[:1], keep_weights="none")
    base, full = (mean(cell) for cell in own.cells)
    labels = run(
        "shuffled", adapters=("full",), seeds=SEEDS[:1], keep_weights="none", training={"labels": "shuffled"}
    )
    shuffled = mean(labels.cells[0])
    return [
        ("positive", f"full gains {GAIN} or more", f"{base:.2f} to {full:.2f}", full - base >= GAIN),
        ("positive", "with shuffled labels it does not", f"{base:.2f} to {shuffled:.2f}", shuffled - base < GAIN),
    ]


def negative(run: Any) -> list[Row]:
    fields: dict[str, Any] = {"adapters": ("lora",), "training": SHORT}
    first = run("negative", seeds=(*SEEDS, *OTHERS), **fields)
    again = run("negative_again", seeds=SEEDS[:1], **fields)
    same = weights(first, first.cells[0]) == weights(again, again.cells[0])
    same = same and first.samples(first.cells[0], TASK) == again.samples(again.cells[0], TASK)
    values, groups = values_of(first, first.cells, TASK)
    pairs = zip(SEEDS, OTHERS, strict=True)
    apart = {
        one: {item: value - values["answer"][other][item] for item, value in values["answer"][one].items()}
        for one, other in pairs
    }
    gap = contrast([Part(apart, groups)])
    low, high = gap.interval() or (0.0, 0.0)
    return [
        ("negative", "the same training twice", "equal bits" if same else "other bits", same),
        (
            "negative",
            "seeds 100-102 less 103-105",
            f"{gap.value:+.2f} ({low:.2f} to {high:.2f})",
            low <= 0 <= high,
        ),
    ]


def identity(run: Any) -> list[Row]:
    results = run("identity", adapters=("none", "lora:max_steps=0"), seeds=SEEDS[:1])
    untouched, untrained = (results.samples(cell, TASK) for cell in results.cells)
    return [("identity", "LoRA after no step is the base", f"{len(untouched)} items", untouched == untrained)]


def degradation(run: Any) -> list[Row]:
    results = run("degradation", adapters=(WEAKEST, "lora"), seeds=SEEDS[:1])
    weak, strong = (mean(cell) for cell in results.cells)
    return [("degradation", "rank 1 in one block below rank 16", f"{weak:.2f} under {strong:.2f}", weak < strong)]


def mean(cell: CellResult) -> float:
    """Return a cell's `answer` on the task."""
    if TASK not in cell.evaluations:
        raise SystemExit(f"a cell failed: {cell.cell.title}")
    return cell.evaluations[TASK].results["answer,none"]


def weights(results: Results, cell: CellResult) -> bytes:
    """Return a cell's saved adapter."""
    (path,) = results.root.glob(f"cells/*-{cell.cell.id}/adapter/adapter_model.safetensors")
    return path.read_bytes()


if __name__ == "__main__":
    raise SystemExit(main())
