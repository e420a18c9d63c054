"""For comparison, what is not in the product: a bootstrap of seeds and groups, and flipped signs of groups."""

from __future__ import annotations

import numpy

from simulation.draw import Array, draw
from simulation.settings import Setting
from simulation.truths import gaps_of

DRAWS = 500


def resample(setting: Setting, studies: int, seed: int = 0) -> tuple[float, float]:
    """Return how often a bootstrap interval of the DiD holds the truth, and how often flipped signs reject no gap.

    The bootstrap draws seeds, then groups within each task (percentile interval); the permutation test flips the
    signs of whole groups of the first adapter's gap in domain.
    """
    covered = rejected = 0
    for number in range(studies):
        rng = numpy.random.default_rng([seed, number, *setting.name.encode()])
        trained = draw(setting, rng).trained
        # [seed, group]: what a group adds to the mean gap of a seed, times the number of groups.
        tables = [
            _by_group(values[0, :, -1] - values[1, :, -1], sizes)
            for values, (sizes, _) in zip(trained, setting.tasks, strict=True)
        ]
        dids = []
        for _ in range(DRAWS):
            seeds = rng.integers(setting.seeds, size=setting.seeds)
            means = [table[seeds][:, rng.integers(table.shape[1], size=table.shape[1])].mean() for table in tables]
            dids.append(means[1] - means[0])
        low, high = numpy.quantile(dids, [0.025, 0.975])
        covered += bool(low <= gaps_of(setting, 1).effects[2] <= high)
        groups = tables[0].mean(axis=0)
        flips = rng.choice([-1.0, 1.0], size=(DRAWS, len(groups)))
        rejected += bool((abs(flips @ groups) >= abs(groups.sum()) - 1e-12).mean() <= 0.05)
    return covered / studies, rejected / studies


def _by_group(gaps: Array, sizes: tuple[int, ...]) -> Array:
    starts = numpy.cumsum([0, *sizes[:-1]])
    sums: Array = numpy.add.reduceat(gaps, starts, axis=1)
    return sums * (len(sizes) / gaps.shape[1])
