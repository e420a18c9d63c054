"""Which recipe each adapter gets by default at 135 M: chosen on validation items, one setting after another.

    python benchmarks/recipes.py -o recipes

Every adapter is trained on each task at several learning rates, then at the best one with other schedules and
batch sizes; what counts is gold_nll on the task's validation items. Seeds and items are those of data seed 100, so
that no published number (seeds 0 to 2) had a say. Goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import fmean

from tabulate import tabulate

import medcot_bench

SEED = 100
TASKS = ("k8s_qa", "medqa_cot")
RATES = {
    "full": (3e-5, 1e-4, 3e-4),
    "lora": (3e-4, 1e-3, 3e-3, 1e-2),
    "layer_lora": (3e-4, 1e-3, 3e-3, 1e-2),
    "qlora": (3e-4, 1e-3, 3e-3, 1e-2),
}
"""Adapter -> the learning rates tried; LoRA's are ten times those of full updates."""
SCHEDULES = ("cosine", "linear", "constant")
BATCHES = (2, 4, 8)
Setting = tuple[float, str, int]
"""Learning rate, schedule, batch size."""
DEFAULT = ("cosine", 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapters", nargs="*", default=[*RATES], help=f"of {', '.join(RATES)}; all by default")
    parser.add_argument("--tasks", nargs="+", default=[*TASKS])
    parser.add_argument("--train-tokens", type=int, nargs="+", default=[3000, 12000], help="the last is chosen on")
    parser.add_argument("--rates-only", action="store_true", help="leave schedules and batch sizes as they are")
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, default=Path("recipes"))
    options = parser.parse_args()
    rows = []
    edges = []
    for adapter in options.adapters:
        for tokens in options.train_tokens:
            losses: dict[Setting, list[float]] = {}
            _try(losses, adapter, [(rate, *DEFAULT) for rate in RATES[adapter]], tokens, options)
            best = _best(losses)
            if best[0] in (RATES[adapter][0], RATES[adapter][-1]):
                edges.append(f"{adapter} at {tokens} tokens: {best[0]:g} is the edge of what was tried")
            if not options.rates_only and tokens == options.train_tokens[-1]:
                _try(losses, adapter, [(best[0], schedule, DEFAULT[1]) for schedule in SCHEDULES], tokens, options)
                best = _best(losses)
                _try(losses, adapter, [(best[0], best[1], batch) for batch in BATCHES], tokens, options)
                best = _best(losses)
            for setting, values in sorted(losses.items()):
                mark = "chosen" if setting == best else ""
                rate, schedule, batch = setting
                rows.append([adapter, tokens, f"{rate:g}", schedule, batch, *(f"{v:.4f}" for v in values), mark])
    print(tabulate(rows, ["adapter", "tokens", "lr", "schedule", "batch", *options.tasks, ""], tablefmt="pipe"))
    print("\n".join(edges) or "no choice lies at the edge of what was tried")
    return 0


def _try(
    losses: dict[Setting, list[float]],
    adapter: str,
    settings: list[Setting],
    tokens: int,
    options: argparse.Namespace,
) -> None:
    """Add the validation gold_nll of every setting on every task."""
    new = [setting for setting in settings if setting not in losses]
    for task in options.tasks:
        results = medcot_bench.run(
            {
                "tasks": (task,),
                "adapters": tuple(f"{adapter}:lr={r!r},schedule={s},batch_size={b}" for r, s, b in new),
                "seeds": (SEED,),
                "data_seed": SEED,
                "training": {"train_tokens": tokens},
                "scoring": {"split": "validation", "scores": ("gold_nll",)},
                "keep_weights": "none",
                "device": options.device,
                "output_dir": str(options.output / f"{task}-{tokens}"),
            }
        )
        for setting, cell in zip(new, results.cells, strict=True):
            if task not in cell.evaluations:
                sys.exit(f"a cell failed: {cell.cell.title}; see {results.root}/leaderboard.md")
            losses.setdefault(setting, []).append(cell.evaluations[task].results["gold_nll,none"])


def _best(losses: dict[Setting, list[float]]) -> Setting:
    """Return the setting with the least mean over tasks of gold_nll, each task's relative to its best."""
    least = [min(values) for values in zip(*losses.values(), strict=True)]
    return min(losses, key=lambda s: fmean(v / low for v, low in zip(losses[s], least, strict=True)))


if __name__ == "__main__":
    raise SystemExit(main())
