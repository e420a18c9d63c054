"""How long each preset takes here, from the records of finished runs.

    python benchmarks/times.py out/smoke out/quick out/study

Prints, for each folder, the cells, the minutes of loading, training, measuring (how far training took a model from
its base) and scoring, and the machine. Starting takes some ten seconds more; older records lack the measuring.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tabulate import tabulate

import medcot_bench


def main(folders: list[str]) -> int:
    rows = []
    for folder in folders:
        cells = [cell for cell in medcot_bench.load(folder).cells if cell.record]
        phases = [cell.record.phases for cell in cells if cell.record]
        load, train, measure = (
            sum(phase[name].seconds for phase in phases if name in phase) for name in ("load", "train", "measure")
        )
        scores = [score for cell in cells for score in (*cell.evaluations.values(), *cell.checkpoints.values())]
        score = sum(score.phase.seconds for score in scores)
        where = {c.record.provenance.machine for c in cells if c.record}
        times = [
            f"{seconds / 60:.1f} min" for seconds in (load, train, measure, score, load + train + measure + score)
        ]
        rows.append([Path(folder).name, len(cells), *times, "; ".join(sorted(where))])
    print(tabulate(rows, ["run", "cells", "load", "train", "measure", "score", "in all", "on"], tablefmt="pipe"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or sys.exit(str(__doc__))))
