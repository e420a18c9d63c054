"""Whether the bundled items fit the default model: full fine-tuning on each task by its default recipe.

    python benchmarks/bundled.py -o bundled

Trains and scores one model a task, and prints what the untouched base and the trained model score on the task's
own evaluation items, with the tokens of training. Goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tabulate import tabulate

import medcot_bench

TASKS = {
    "medqa_cot": ("value", "letter_fits", "step_f1"),
    "medcalc_cot": ("step_f1", "arithmetic"),
    "k8s_qa": ("exact",),
    "kubectl": (),
    "manuals_qa": ("exact",),
}
"""Task -> what is shown beside answer, parse rate and gold_nll."""
LOWEST, HIGHEST = 0.3, 0.9
"""Where `answer` has to be for the task to tell models apart: room above, and something learnt."""
LETTER = 0.45
"""What full fine-tuning has to reach on the letter of medqa_cot, where chance is 0.25."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=[*TASKS], help=f"of {', '.join(TASKS)}; all by default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("bundled"))
    options = parser.parse_args()
    rows = []
    fits = True
    for task in options.tasks:
        shown = (*TASKS[task], "parsed", "gold_nll")
        results = medcot_bench.run(
            {
                "tasks": (task,),
                "adapters": ("none", "full"),
                "seeds": (options.seed,),
                "scoring": {"scores": ("answer", *shown)},
                "keep_weights": "none",
                "device": options.device,
                "output_dir": str(options.output / task),
            }
        )
        base, full = results.cells
        if base.record is None or full.record is None or not (base.evaluations and full.evaluations):
            print(f"a cell failed: see {options.output / task}/leaderboard.md", file=sys.stderr)
            return 1
        (before,), (after,) = base.evaluations.values(), full.evaluations.values()
        answer = after.results["answer,none"]
        fits &= (LETTER if task == "medqa_cot" else LOWEST) <= answer <= HIGHEST
        training = full.record.training
        rows.append(
            [
                f"{task}[{after.source}]",
                training.items,
                training.tokens,
                f"{before.results['answer,none']:.2f}",
                f"{answer:.2f}",
                ", ".join(f"{name} {after.results[f'{name},none']:.2f}" for name in shown),
            ]
        )
    print(tabulate(rows, ["task", "items", "tokens", "base", "full", "also, full"], tablefmt="pipe"))
    print("every task fits" if fits else "some task does not fit")
    return 0 if fits else 1


if __name__ == "__main__":
    raise SystemExit(main())
