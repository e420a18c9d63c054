"""Ratios of two contrasts, whose denominator may be zero."""

from __future__ import annotations

import math
from dataclasses import dataclass

from medcot_bench.stats.contrasts import Part, contrast_of, forms_of, on_common_seeds, read_tables
from medcot_bench.stats.crossed import Weighed


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio with its confidence set; without `low` and `high` it is unbounded, and the value means nothing."""

    value: float | None
    """None where the denominator is 0."""
    low: float | None
    high: float | None


def fieller(over: Part, under: Part, level: float = 0.95) -> Ratio | None:
    """Return over / under with its confidence set (Fieller 1954), None without standard errors.

    The set holds every r for which `over - r * under` is not significant: (a - r b)^2 <= q^2 V(r), with q the
    quantile of Student's t at the smaller degrees of freedom. Where too few groups of either differ to say how far
    others may (`Contrast.sparse`), it is unbounded. V is the largest of five quadratic forms in r (see
    `contrasts.forms`), so the set joins the sets of all; each is an interval around a / b where it has ends,
    which is where the denominator is significantly different from zero. Only seeds that both have count; without
    any: ValueError.
    """
    from scipy.special import stdtrit

    tables = read_tables(on_common_seeds([over, under]) or [over, under])
    one, other = (contrast_of([table]) for table in tables)
    if one.df is None or other.df is None:
        return None
    a, b = one.value, other.value
    if b == 0:
        return Ratio(None, None, None)
    if one.sparse or other.sparse:
        return Ratio(a / b, None, None)
    q2 = float(stdtrit(min(one.df, other.df), (1 + level) / 2)) ** 2
    ends = [(a / b, a / b)]
    for v_over, v_under, covariance in _forms(*tables):
        square = b * b - q2 * v_under
        if square <= 0:
            return Ratio(a / b, None, None)
        middle = a * b - q2 * covariance
        under_root = middle**2 - square * (a * a - q2 * v_over)
        if under_root > 0:
            ends += [((middle - math.sqrt(under_root)) / square, (middle + math.sqrt(under_root)) / square)]
    return Ratio(a / b, min(low for low, _ in ends), max(high for _, high in ends))


def _forms(over: Weighed, under: Weighed) -> list[tuple[float, float, float]]:
    """Return the variance of each and their covariance, for each form."""

    def weighed(one: float, other: float) -> tuple[float, ...]:
        return forms_of([(one, over[1]), (other, under[1])]) or ()

    plus, minus = weighed(1, 1), weighed(1, -1)
    shared = [(p - m) / 4 for p, m in zip(plus, minus, strict=True)]
    return [*zip(weighed(1, 0), weighed(0, 1), shared, strict=True)]
