"""The variances of gaps and of their differences (DiD) that a pilot study shows."""

from __future__ import annotations

from medcot_bench.analysis.per_item import paired_difference, references, rows_of, values_of
from medcot_bench.results.folder import Results
from medcot_bench.stats.contrasts import Part, on_common_seeds
from medcot_bench.stats.power import DID, GAP, Varying
from medcot_bench.stats.variance_components import Components, estimate_components, mean_components


def estimate_variances(pilot: Results) -> dict[Varying, Components]:
    """Return the variances that a pilot shows of each gap and each DiD, the means over its adapters."""
    rows = rows_of(pilot)
    found: dict[Varying, list[Components]] = {}
    for key, reference in references(rows).items():
        trained, cells = str(key[1]), rows[key]
        if key == reference:
            continue
        gaps: dict[str, dict[str, Part]] = {}
        for task in pilot.tasks:
            (best, groups), (own, _) = (values_of(pilot, side, task) for side in (rows[reference], cells))
            for score in own:
                if paired := paired_difference(best.get(score, {}), own[score], score):
                    gaps.setdefault(score, {})[task] = Part(paired, groups)
        for score, parts in gaps.items():
            for task, part in parts.items():
                found.setdefault(Varying(GAP, score, trained, task), []).extend(_of([part]))
                if task != trained and trained in parts:
                    both = [part, parts[trained].weighed(-1.0)]
                    found.setdefault(Varying(DID, score, trained, task), []).extend(_of(both))
    return {effect: mean_components(several) for effect, several in found.items() if several}


def _of(parts: list[Part]) -> list[Components]:
    """Return the components of one effect of one adapter, none where its study says nothing of them."""
    shared = on_common_seeds(parts)
    found = estimate_components(shared) if shared else None
    return [found] if found else []
