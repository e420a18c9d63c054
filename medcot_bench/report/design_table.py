"""Designs that fit a time budget, beside the study as typed, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_bench.planning.estimates.designs import HalfWidth, Offer
from medcot_bench.report.blocks import Table
from medcot_bench.report.format import duration, listed
from medcot_bench.report.terminal import draw_table, wrap
from medcot_bench.study.precision import Aim

NAMES = {Aim.IN_DOMAIN: "in domain", Aim.OUT_OF_DOMAIN: "out of domain", Aim.CHANGE: "DiD"}
TYPED = "typed"
COLUMNS = (
    "Half widths: half the 95% interval to be expected, of the hypothesis with the widest one, by the variance "
    "between seeds as estimated and by its upper bound (80%). Designs are ordered by the latter. Time: of "
    "what is left to run. Fewer tokens teach less: effects may be others."
)
NO_DRIFT = "Designs measure no drift from the base model (drift: false), which no gap needs."


def write_designs(
    offers: Sequence[Offer], typed: Offer, *, budget: float, aim: Aim, score: str, costs: str
) -> str:
    """Say what the best designs are; `costs` says whose seconds the times are by."""
    narrow = f"for the narrowest interval {_aimed(aim)} by {score}"
    title = f"Designs within {duration(budget)}, {narrow}; times by {costs}:"
    rows = [_row(name, offer) for name, offer in _named(offers, typed)]
    headers = ["design", "seeds x items (answers)", "tokens", *NAMES.values(), "time"]
    lines = [wrap(title), "", draw_table(Table(headers, rows)), ""]
    by_adapters: dict[tuple[str, ...], list[str]] = {}
    for name, offer in _named(offers, typed):
        by_adapters.setdefault(offer.design.adapters, []).append(name)
    lines += [wrap(f"{listed(names)}: {', '.join(adapters)}") for adapters, names in by_adapters.items()]
    dropped = typed.design.drift and not any(offer.design.drift for offer in offers)
    return "\n".join([*lines, wrap(f"{NO_DRIFT} {COLUMNS}" if dropped else COLUMNS)])


def _aimed(aim: Aim) -> str:
    return "of the gap's change (DiD)" if aim is Aim.CHANGE else f"of the gap {NAMES[aim]}"


def _named(offers: Sequence[Offer], typed: Offer) -> list[tuple[str, Offer]]:
    return [(TYPED, typed), *((str(number), offer) for number, offer in enumerate(offers, 1))]


def _row(name: str, offer: Offer) -> list[str]:
    design = offer.design
    return [
        name,
        f"{design.seeds} x {design.items} ({design.answers})",
        "" if design.tokens is None else str(design.tokens),
        *(_write_width(offer.half_widths.get(aim)) for aim in NAMES),
        duration(offer.seconds),
    ]


def _write_width(width: HalfWidth | None) -> str:
    if width is None:
        return "-"
    return " to ".join(dict.fromkeys(f"{size:.3f}" for size in (width.at_best, width.bounded)))
