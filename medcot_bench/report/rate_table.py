"""The table of verdicts at the learning rates that the search could not tell from the best."""

from __future__ import annotations

from medcot_bench.report.blocks import Table
from medcot_bench.results.rate_checks import RateCheck

RATE_CHECKS = (
    "Learning rates that a race by seeds left beside the chosen one are within the noise of it, and trained with "
    "every seed. Gaps are the least and the largest over all pairs of such rates, full fine-tuning's and the "
    "adapter's. A verdict is robust to rates where every pair has it."
)


def rate_check_table(checks: tuple[RateCheck, ...]) -> Table:
    """Return how verdicts fare over all kept rates."""
    rows = [
        [
            check.found.task,
            check.found.adapter,
            check.found.out_of_domain.task,
            check.found.score,
            _range(check.in_domain),
            _range(check.out_of_domain),
            read_rate_check(check),
        ]
        for check in checks
    ]
    headers = ["trained on", "adapter", "out of domain", "score", "gap in domain", "gap out of domain", "verdict"]
    return Table(headers, rows)


def read_rate_check(check: RateCheck) -> str:
    """Say whether a verdict holds at all pairs of kept rates."""
    pairs = len(check.pairs)
    if check.robust:
        return f"robust to rates ({pairs} pairs)"
    return f"depends on the rate (the same at {check.agreeing} of {pairs} pairs)"


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:+.3f} to {ends[1]:+.3f}"
