"""P-values: of a difference from zero, equivalence within a margin, McNemar's and the binomial test; Holm's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import exp, lgamma, log
from sys import float_info
from typing import TYPE_CHECKING

from medcot_bench.stats.contrasts import Contrast

if TYPE_CHECKING:
    from numpy import ndarray

ENOUGH_SEEDS = 5
"""Seeds from which on their estimated variance is near enough for Student's t."""
POINTS = 10
"""Two to this power of points stand for the variances that a few seeds leave possible."""


def difference(found: Contrast) -> float | None:
    """Return the two-sided p-value of `the contrast is 0`, by Student's t; below ENOUGH_SEEDS see `_tail`.

    None without a standard error, and where too few groups differ to tell (`Contrast.sparse`); where no value
    differs from any other, it is that value.
    """
    if found.stderr is None or found.df is None or (found.sparse and found.stderr):
        return None
    return 2 * _tail(abs(found.value), found, found.stderr, found.df)


def equivalence(found: Contrast, margin: float) -> float | None:
    """Return the p-value of `the contrast is `margin` or more away from 0`: two one-sided tests.

    Schuirmann 1987 (J. Pharmacokinet. Biopharm. 15:657): the larger of the two one-sided p-values; by Student's t
    it is below 0.05 exactly where the 90% interval lies within the margin. None without a standard error, and
    where too few groups differ to tell (`Contrast.sparse`).
    """
    if found.stderr is None or found.df is None or found.sparse:
        return None
    distances = (margin - found.value, margin + found.value)
    return max(_tail(distance, found, found.stderr, found.df) for distance in distances)


def above_zero(found: Contrast) -> float | None:
    """Return the one-sided p-value of `the contrast is 0 or less`.

    None without a standard error, and where too few groups differ to tell (`Contrast.sparse`).
    """
    if found.stderr is None or found.df is None or found.sparse:
        return None
    return _tail(found.value, found, found.stderr, found.df)


def holm(p_values: Sequence[float | None], tests: int = 0) -> list[float | None]:
    """Return p-values adjusted for being looked at together (Holm 1979), in the order given.

    None, a test that could not be made, stays None and does not count. `tests` is the size of a larger family of
    which these are some: the others count as if their p-values were larger, which errs on the safe side.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    >>> holm([0.01, 0.25], tests=4)
    [0.04, 0.75]
    """
    adjusted: list[float | None] = [None] * len(p_values)
    made = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    count, least = max(tests, len(made)), 0.0
    for rank, (p, place) in enumerate(made):
        least = max(least, min(1.0, (count - rank) * p))
        adjusted[place] = least
    return adjusted


def mcnemar(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the exact two-sided p-value of McNemar's test on the items of both, each right (1) or wrong (0).

    It takes items as independent and the two models as they are: one seed, nothing about methods. Raises
    ValueError where a value is neither 0 nor 1.
    """
    from scipy.special import bdtr

    shared = one.keys() & other.keys()
    if not all(values[item] in (0.0, 1.0) for values in (one, other) for item in shared):
        raise ValueError("McNemar's test is for items that are right or wrong")
    only_one = sum(one[item] > other[item] for item in shared)
    only_other = sum(one[item] < other[item] for item in shared)
    discordant = only_one + only_other
    return min(1.0, 2 * float(bdtr(min(only_one, only_other), discordant, 0.5)))


def binomial(hits: int, trials: int, chance: float) -> float:
    """Return the exact one-sided p-value of a binomial test: the probability of at least so many hits.

    >>> binomial(5, 5, 0.5), round(binomial(1, 3, 0.1), 3)
    (0.03125, 0.271)
    """
    if hits <= 0 or chance >= 1:
        return 1.0
    if chance <= 0:
        return 0.0
    whole = lgamma(trials + 1)
    logs = (
        whole - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(chance) + (trials - k) * log(1 - chance)
        for k in range(hits, trials + 1)
    )
    return min(1.0, sum(map(exp, logs)))


def _tail(distance: float, found: Contrast, stderr: float, df: float) -> float:
    """Return how probable it is that a contrast is by chance as far as this on one side.

    Student's t. Where a few seeds agree by chance, V_seeds - V_rest is estimated as zero, and t takes the many
    degrees of freedom of the groups: p-values of 0.001 come many times too often. So below ENOUGH_SEEDS it is the
    mean of the normal tail over the variances that the estimates leave possible (fiducial: Weerahandi 1993, JASA
    88:899), V_groups / U_groups + max(V_seeds / U_seeds - V_rest / U_rest, 0) with each U a chi-square over its
    degrees of freedom. With no error at all the side of zero decides.
    """
    from scipy.special import ndtr, stdtr

    if stderr == 0:
        return 0.5 if distance == 0 else float(distance < 0)
    if found.estimates is None or found.seeds >= ENOUGH_SEEDS:
        return float(stdtr(df, -distance / stderr))
    *groups, seeds, rest = (*found.estimates.groups, found.estimates.seeds, found.estimates.rest)
    *of_groups, of_seeds, of_rest = _chi_squares(tuple(estimate.df for estimate in (*groups, seeds, rest)))
    of_means = sum(estimate.variance / over for estimate, over in zip(groups, of_groups, strict=True))
    variances = of_means + (seeds.variance / of_seeds - rest.variance / of_rest).clip(min=0.0)
    return float(ndtr(-distance / variances.clip(min=float_info.min) ** 0.5).mean())


@lru_cache(maxsize=256)
def _chi_squares(dfs: tuple[float, ...]) -> ndarray:
    """Return evenly spread values of independent chi-squares over their degrees of freedom: a row for each.

    Sobol's sequence, its points moved to the middle of their cells: the same at every call.
    """
    from numpy import array
    from scipy.special import chdtri
    from scipy.stats.qmc import Sobol

    points = Sobol(len(dfs), scramble=False).random_base2(POINTS) + 0.5 ** (POINTS + 1)
    return array([chdtri(df, 1 - points[:, place]) / df for place, df in enumerate(dfs)])
