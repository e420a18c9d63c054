"""What each adapter costs to train, side by side in one run: tokens/s and peak memory, also as ratios to full.

    python benchmarks/costs.py -o costs

Trains every adapter on the example rows with each of three seeds, scores next to nothing, and prints medians.
Leave the machine alone meanwhile: other work moves the seconds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from tabulate import tabulate

import medcot_bench
from medcot_bench.report.format import number, size

ADAPTERS = ("full", "lora", "layer_lora", "layer_lora:k=4", "qlora")
EXAMPLES = Path(__file__).parent.parent / "examples" / "k8s_qa.jsonl"


def main() -> int:
    """Run the study and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, default=Path("costs"))
    options = parser.parse_args()
    results = medcot_bench.run(
        {
            "model": options.model,
            "tasks": ("k8s_qa",),
            "adapters": ADAPTERS,
            "seeds": (0, 1, 2),
            "data": {"k8s_qa": f"file:{EXAMPLES}"},
            "limit": 1,
            "training": {"max_steps": 6, "batch_size": 4},
            "scoring": {"scores": ("gold_nll",)},
            "keep_weights": "none",
            "device": options.device,
            "output_dir": str(options.output),
        }
    )
    records = {name: [c.record for c in results.cells if c.cell.adapter == name and c.record] for name in ADAPTERS}
    if not all(len(found) == 3 for found in records.values()):
        print(f"some cells failed: see {options.output}/leaderboard.md", file=sys.stderr)
        return 1
    speeds, peaks, rows = {}, {}, []
    for name, found in records.items():
        trained = [record.phases["train"] for record in found]
        speeds[name] = median(phase.tokens / phase.seconds for phase in trained)
        peaks[name] = median(phase.peak_bytes for phase in trained)
        counted = found[0].bytes
        rows.append(
            [
                name,
                number(found[0].trainable_parameters),
                size(found[0].adapter_bytes),
                size(counted["weights"]),
                size(counted["gradients"] + counted["states"]),
                size(peaks[name]),
                f"{peaks[name] / peaks['full']:.0%}",
                number(speeds[name]),
                f"{speeds[name] / speeds['full']:.2f}",
            ]
        )
    headers = ["adapter", "trainable", "saved", "base weights", "gradients and states", "peak memory", "of full"]
    print(tabulate(rows, [*headers, "tokens/s", "to full"], tablefmt="pipe", disable_numparse=True))
    where = records["full"][0].provenance
    print(f"\n{where.machine}, {where.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
