"""How numbers are written in tables."""

from __future__ import annotations

from medcot_bench.analysis.estimates import Estimate


def estimate(value: Estimate | None, *, signed: bool = False, count: bool = False) -> str:
    """Write a mean with its standard error.

    >>> estimate(Estimate(0.41234, 0.0222, 24), count=True)
    '0.412 ±0.022 (24)'
    >>> estimate(Estimate(0.1, None, 1), signed=True)
    '+0.100'
    """
    if value is None:
        return ""
    text = f"{value.mean:+.3f}" if signed else f"{value.mean:.3f}"
    text += "" if value.stderr is None else f" ±{value.stderr:.3f}"
    return f"{text} ({value.n})" if count else text


def size(count: float | None) -> str:
    """Write a number of bytes.

    >>> size(538_000_000), size(740)
    ('538 MB', '740 B')
    """
    if count is None:
        return ""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def number(count: float | None) -> str:
    """Write a large number.

    >>> number(4_884_480), number(812.4), number(0)
    ('4.88 M', '812', '0')
    """
    if count is None:
        return ""
    for least, scale, unit in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if count >= least:
            return f"{count / scale:.3g}{unit}"
    return f"{count:.0f}"
