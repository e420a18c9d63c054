"""Results of a study that grows by its precision rule: those of the seeds at which the product's rule stops."""

from __future__ import annotations

from dataclasses import replace

from medcot_bench.analysis.precision import look_at
from medcot_bench.results.folder import Results
from medcot_bench.results.precision_looks import PrecisionLook
from medcot_bench.study.precision import Precision


def grow_by_rule(results: Results, rule: Precision) -> tuple[Results, PrecisionLook]:
    """Return the results of the seeds that a rule comes to, of those of its most seeds, and its last look."""
    looks: list[PrecisionLook] = []
    for seeds in range(rule.min_seeds, rule.max_seeds + 1):
        grown = replace(results, cells=tuple(cell for cell in results.cells if (cell.cell.seed or 0) < seeds))
        looks.append(look_at(grown, looks))
        if looks[-1].stop:
            return grown, looks[-1]
    raise ValueError("a rule stops at its most seeds")
