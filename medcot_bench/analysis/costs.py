"""What the training runs of a row cost, means over seeds, and what more of them would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum
from statistics import fmean
from typing import NamedTuple

from medcot_bench.analysis.per_item import Key
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Costs
from medcot_bench.results.trials import Trial


def average_peak(cells: Iterable[CellResult]) -> float | None:
    """Return the mean peak memory of training in bytes, None where nothing is trained yet."""
    peaks = [cell.record.phases["train"].peak_bytes for cell in cells if cell.record]
    return fmean(peaks) if peaks else None


def average_costs(
    key: Key,
    cells: Sequence[CellResult],
    trials: Iterable[Trial],
    kept_rates: Iterable[CellResult],
    peak_of_full: float | None,
) -> Costs | None:
    """Return the costs of a row, None where nothing is trained yet; trials and kept rates are of all rows."""
    records = [cell.record for cell in cells if cell.record]
    if not records:
        return None
    train = [record.phases["train"] for record in records]
    tokens, seconds = fmean(phase.tokens for phase in train), fmean(phase.seconds for phase in train)
    peak = fmean(phase.peak_bytes for phase in train)
    measured = [record.phases["measure"].seconds for record in records if "measure" in record.phases]
    scored = [
        sum(score.phase.seconds for score in cell.evaluations.values()) for cell in cells if cell.evaluations
    ]
    return Costs(
        trainable_parameters=records[0].trainable_parameters,
        adapter_bytes=records[0].adapter_bytes,
        peak_bytes=round(peak),
        peak_vs_full=peak / peak_of_full if peak_of_full else None,
        train_tokens=tokens,
        train_seconds=seconds,
        tokens_per_second=tokens / seconds if tokens and seconds else None,
        score_seconds=fmean(scored) if scored else 0.0,
        tuning_seconds=_tuning(
            [trial for trial in trials if (trial.adapter, trial.task) == key],
            [cell for cell in kept_rates if (cell.row, cell.cell.task) == key],
        ),
        lr=records[0].request.get("recipe", {}).get("lr"),
        steps=records[0].training.steps,
        measure_seconds=fmean(measured) if measured else None,
        machines=tuple(sorted({record.provenance.machine for record in records})),
    )


def _tuning(trials: Sequence[Trial], kept: Sequence[CellResult]) -> float:
    """Return what the search cost beside the study's own trainings, models at kept rates with their scoring."""
    tried = {(trial.rate, trial.seed) for trial in trials}
    seconds = [trial.cost for trial in trials]
    for cell in kept:
        seconds += [score.phase.seconds for score in cell.evaluations.values()]
        if cell.record and (cell.record.request["recipe"]["lr"], cell.cell.seed) not in tried:
            seconds.append(cell.record.phases["train"].seconds)
    return fsum(seconds)


class Prices(NamedTuple):
    """Seconds that more seeds of a whole study take, and more items."""

    train: float
    """Training every row once, KL and forgetting measured."""
    score: float
    """Scoring every row once."""
    again: float
    """What of `train` more items take too: models whose weights are not kept by default."""

    def seconds(self, now: int, seeds: int, items: float) -> float | None:
        """Return what so many seeds take instead of those there are now, each scored on so many times the items.

        Evaluations on more items are made anew, all of them. None where nothing is known.
        """
        added = (seeds - now) * (self.train + items * self.score)
        remade = now * (self.again + items * self.score) if items > 1 else 0.0
        return added + remade or None


def estimate_prices(results: Results) -> Prices:
    """Return the prices of a study, with the rates that a race left, by its own seconds."""
    rows: defaultdict[tuple[str, str, float], list[Prices]] = defaultdict(list)
    for cell in (*results.cells, *results.kept_rates):
        if cell.cell.task and cell.record:
            phases = cell.record.phases
            train = phases["train"].seconds + (phases["measure"].seconds if "measure" in phases else 0.0)
            made = [*cell.evaluations.values(), *cell.checkpoints.values()]
            is_gone = cell.record.updates == "full" or cell.checkpoints
            row = cell.row, cell.cell.task, cell.record.request.get("recipe", {}).get("lr")
            rows[row].append(Prices(train, fsum(one.phase.seconds for one in made), train if is_gone else 0.0))
    means = [[fmean(column) for column in zip(*several, strict=True)] for several in rows.values()]
    return Prices(*map(fsum, zip(*means, strict=True))) if means else Prices(0.0, 0.0, 0.0)
