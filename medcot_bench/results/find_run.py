"""Find the training run that a row's name, a seed and a training task mean."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_bench.errors import ConfigError, suggest_or_list
from medcot_bench.results.cell_result import CellResult
from medcot_bench.study.spec_strings import Spec


def find_run(
    cells: Sequence[CellResult], row: str, *, seed: int | None = None, trained_on: str | None = None
) -> CellResult:
    """Return the first training run of a row, or that of a seed.

    Options may be left out of a row's name where one row has it. Raises ConfigError where no run is meant, or runs
    of several training tasks are.
    """
    rows = [*dict.fromkeys(cell.row for cell in cells)]
    alike = [name for name in rows if Spec.read(name).name == row]
    name = row if row in rows else alike[0] if len(alike) == 1 else None
    if name is None:
        raise ConfigError(f"no row '{row}'{suggest_or_list(row, alike or rows)}")
    found = [cell for cell in cells if cell.row == name]
    tasks = [*dict.fromkeys(cell.cell.task for cell in found)]
    if trained_on is not None and trained_on not in tasks:
        raise ConfigError(f"{name} was not trained on {trained_on}, but on {_listed(tasks)}")
    if trained_on is None and len(tasks) > 1:
        raise ConfigError(f"{name} was trained on {_listed(tasks)}; name one by trained_on=")
    found = [cell for cell in found if trained_on in (None, cell.cell.task)]
    seeds = [cell.cell.seed for cell in found]
    if seed is not None and seed not in seeds:
        raise ConfigError(f"{name} has no seed {seed}; seeds: {_listed(seeds)}")
    return next(cell for cell in found if seed in (None, cell.cell.seed))


def _listed(names: Sequence[object]) -> str:
    return ", ".join("none" if name is None else str(name) for name in names)
