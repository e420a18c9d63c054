"""Results -> how each verdict fares at the learning rates that a race left beside the chosen ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

from medcot_bench.analysis.per_item import Key, references, rows_of
from medcot_bench.analysis.persistence import estimate_persistence
from medcot_bench.results.comparisons import Persistence
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.rate_checks import AtRates, RateCheck

AtRate = tuple[Key, float]
"""A row, and another rate than its own."""


def check_rates(results: Results, found: Sequence[Persistence]) -> tuple[RateCheck, ...]:
    """Return every comparison at each pair of rates that full fine-tuning and the adapter have.

    P-values are adjusted as at the chosen rates: one pair at a time takes the place of these, and a claim that
    must hold for all pairs needs no further adjustment. Rates with unfinished trainings are left out. Empty
    without kept rates.
    """
    kept = finished_rates(results)
    if not kept:
        return ()
    rows = rows_of(results)
    against = references(rows)

    @cache
    def compared(*swaps: AtRate) -> Mapping[tuple[str, ...], Persistence]:
        swapped = swap_rates(results, [cell for key, rate in swaps for cell in kept[key][rate]])
        return {_name(one): one for one in estimate_persistence(swapped)}

    checks = []
    for one in found:
        own, full = (one.adapter, one.task), against[one.adapter, one.task]
        rates = [[_rate(rows[key][0]), *kept.get(key, {})] for key in (full, own)]
        pairs = [AtRates(rates[0][0], rates[1][0], one)]
        for of_full, of_own in [*product(*rates)][1:]:
            swaps = [(key, rate) for key, rate in ((full, of_full), (own, of_own)) if rate in kept.get(key, {})]
            if other := compared(*swaps).get(_name(one)):
                pairs.append(AtRates(of_full, of_own, other))
        if len(pairs) > 1:
            checks.append(RateCheck(tuple(pairs)))
    return tuple(checks)


def finished_rates(results: Results) -> dict[Key, dict[float, list[CellResult]]]:
    """Return row -> rate -> its models, those rates whose every model is there."""
    found: defaultdict[Key, defaultdict[float, list[CellResult]]] = defaultdict(lambda: defaultdict(list))
    for cell in results.kept_rates:
        if cell.whole:
            found[cell.row, cell.cell.task][_rate(cell)].append(cell)
    seeds = {key: {cell.cell.seed for cell in cells} for key, cells in rows_of(results).items()}
    finished = {
        key: {rate: cells for rate, cells in rates.items() if {cell.cell.seed for cell in cells} == seeds[key]}
        for key, rates in found.items()
    }
    return {key: rates for key, rates in finished.items() if rates}


def swap_rates(results: Results, others: Sequence[CellResult]) -> Results:
    """Return results with these models in the places of those of the same row and seed."""
    places = {(cell.row, cell.cell.task, cell.cell.seed): cell for cell in others}
    cells = (places.get((cell.row, cell.cell.task, cell.cell.seed), cell) for cell in results.cells)
    return replace(results, cells=tuple(cells))


def _rate(cell: CellResult) -> float:
    return float(cell.record.request["recipe"]["lr"]) if cell.record else 0.0


def _name(found: Persistence) -> tuple[str, ...]:
    return found.task, found.adapter, found.score, found.out_of_domain.task
