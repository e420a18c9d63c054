"""What `plan` says of a precision rule: seeds at least and at most, how far it has come, and what to expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from medcot_bench.cli.plan_power import Power
from medcot_bench.planning.estimates.precision import Forecast, forecast
from medcot_bench.planning.plan import Plan
from medcot_bench.report.precision import write_asked, write_floor, write_precision
from medcot_bench.results.precision_looks import PrecisionReport
from medcot_bench.study.durations import spoken
from medcot_bench.text import counted


@dataclass(frozen=True, kw_only=True)
class PlannedPrecision:
    """A precision rule, and the plans that it begins and ends with at most."""

    report: PrecisionReport
    begin: Plan
    most: Plan
    power: Power
    """Of the study, with the variances that are known beforehand."""

    def write(self) -> Iterator[str]:
        """Yield sentences."""
        seeds, runs = ([count(self.begin), count(self.most)] for count in (_seeds, lambda plan: len(plan.cells)))
        span = f"{seeds[0]} to {seeds[1]} seeds of every method, {runs[0]} to {runs[1]} training runs"
        within = f", those added within {spoken(self.report.budget)}" if self.report.budget else ""
        yield f"precision: {span}{within}, until half width {write_asked(self.report)}"
        if self.report.looks:
            yield write_precision(self.report)
        elif self.expected:
            yield f"precision, by {self.power.source}: {self._write_expected(self.expected, seeds[1])}"

    @property
    def facts(self) -> dict[str, Any]:
        """What JSON has of it."""
        found = {"rule": asdict(self.report), "seeds": [_seeds(self.begin), _seeds(self.most)]}
        return found | {"expected": asdict(self.expected) if self.expected else None}

    @cached_property
    def expected(self) -> Forecast | None:
        """What the variances known beforehand say; None where they say nothing."""
        return forecast(self.begin, self.power.known)

    def _write_expected(self, found: Forecast, most: int) -> str:
        if found.floor > self.report.half_width:
            return write_floor(self.report, found.floor, found.items, found.items_needed)
        if found.seeds is None:
            more = f"; about {found.items_needed} items per task would do" if found.items_needed else ""
            return f"more than {counted(most, 'seed')} are to be expected{more}"
        bound = f"{found.seeds_bounded}" if found.seeds_bounded else f"more than {most}"
        by_bound = f"{bound} by the upper bound of the variance between seeds (80%)"
        return f"about {counted(found.seeds, 'seed')} are to be expected, {by_bound}"


def _seeds(plan: Plan) -> int:
    return len({cell.seed for cell in plan.cells} - {None})
