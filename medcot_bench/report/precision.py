"""Words for a precision rule and its looks."""

from __future__ import annotations

from medcot_bench.report.format import duration
from medcot_bench.results.precision_looks import PrecisionLook, PrecisionReport, PrecisionStop
from medcot_bench.stats.power import MOST_ITEMS
from medcot_bench.study.durations import spoken
from medcot_bench.study.precision import Aim
from medcot_bench.text import counted

EFFECTS = {
    Aim.IN_DOMAIN: "the gap in domain",
    Aim.OUT_OF_DOMAIN: "the gap out of domain",
    Aim.CHANGE: "the gap's change (DiD)",
}


def write_precision(report: PrecisionReport) -> str:
    """Say how far a study has come by its precision rule, and why it stopped: a sentence without its full stop."""
    if not report.looks:
        return f"Precision rule, no look yet: half width {write_asked(report)}"
    look = report.looks[-1]
    if look.stop is None:
        return f"Precision rule, not done at {counted(look.seeds, 'seed')}: {_width(report, look)}"
    if look.stop is PrecisionStop.ITEMS and look.floor is not None:
        said = write_floor(report, look.floor, look.items, look.items_needed)
    elif look.stop is PrecisionStop.NOTHING:
        said = "no interval; groups of items are too few, or results are missing"
    else:
        said = _width(report, look)
    return f"Stopped at {counted(look.seeds, 'seed')} by {_whose(report, look)}: {said}"


def write_floor(report: PrecisionReport, floor: float, items: int, needed: int | None) -> str:
    """Say that so many items can't make an interval as narrow as asked, and what would."""
    remedy = f"raise --limit to about {needed}" if needed else f"{MOST_ITEMS:,} items would not do either"
    allowed = f"{counted(items, 'item')} per task allow no half width below {floor:.3g} with any number of seeds"
    return f"{allowed}, {write_asked(report)}; {remedy}"


def write_asked(report: PrecisionReport) -> str:
    """Say what a rule asks for."""
    return f"{report.half_width:g} asked (95% CI of {EFFECTS[report.effect]} by {report.score})"


def _whose(report: PrecisionReport, look: PrecisionLook) -> str:
    if look.stop is PrecisionStop.SEEDS:
        return "the max_seeds of its precision rule"
    if look.stop is PrecisionStop.BUDGET:
        spent = f"{duration(look.spent)} of {spoken(report.budget or 0.0)} spent"
        return f"the budget of its precision rule ({spent}, {duration(look.next_seed)} for another seed)"
    return "its precision rule"


def _width(report: PrecisionReport, look: PrecisionLook) -> str:
    if look.half_width is None:
        return f"no interval yet, {write_asked(report)}"
    widest = f"the widest is of {look.adapter} trained on {look.trained}"
    return f"half width {look.half_width:.3g} of {write_asked(report)}; {widest}"
