"""How numbers and foreign texts are written in tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medcot_bench.stats.contrasts import Contrast

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters, halves of surrogate pairs, what turns the direction of text around, and no characters."""


def one_line(text: str) -> str:
    """Return a text from a model, a file or a plugin in one line that shows all there is in it.

    >>> one_line(" a\\r\\n\\n b\\x00c\\u2028d ")
    'a b c d'
    """
    return " ".join(_UNSEEN.sub(" ", text).split())


def estimate(value: Contrast | None, *, signed: bool = False, count: bool = False) -> str:
    """Write a mean with its standard error.

    >>> estimate(Contrast(0.41234, 0.0222, 7.0, 24, 8, 1, 8), count=True)
    '0.412 ±0.022 (24)'
    >>> estimate(Contrast(0.1, None, None, 1, 1, 1, 1), signed=True)
    '+0.100'
    """
    if value is None:
        return ""
    text = f"{value.value:+.3f}" if signed else f"{value.value:.3f}"
    text += "" if value.stderr is None else f" ±{value.stderr:.3f}"
    return f"{text} ({value.items})" if count else text


def size(count: float | None) -> str:
    """Write a number of bytes.

    >>> size(538_000_000), size(999_700_000), size(740)
    ('538 MB', '1.00 GB', '740 B')
    """
    return "" if count is None else _scaled(count, (" B", " kB", " MB", " GB"))


def number(count: float | None) -> str:
    """Write a large number.

    >>> number(4_884_480), number(812.4), number(0)
    ('4.88 M', '812', '0')
    """
    return "" if count is None else _scaled(count, ("", " k", " M", " G"))


def duration(seconds: float) -> str:
    """Write a time.

    >>> duration(8000), duration(170), duration(50)
    ('2 h 13 min', '3 min', '50 s')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _scaled(count: float, units: tuple[str, ...]) -> str:
    power = 0
    while abs(count) >= 999.5 and power < len(units) - 1:
        count /= 1000
        power += 1
    digits = 0 if power == 0 or count >= 99.95 else 1 if count >= 9.995 else 2
    return f"{count:.{digits}f}{units[power]}"


def span(sizes: Sequence[float]) -> str:
    """Write the least and the most of some sizes.

    >>> span([0.2, 0.11]), span([0.1])
    ('0.110 to 0.200', '0.100')
    """
    return " to ".join(dict.fromkeys(f"{size:.3f}" for size in (min(sizes), max(sizes))))
