"""How numbers and foreign text are written in tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_bench.security.foreign_text import UNSEEN
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.ratios import Ratio


def one_line(text: str) -> str:
    """Return text from a model, a file or a plugin in one line that shows all there is in it.

    >>> one_line(" a\\r\\n\\n b\\x00c\\u2028d ")
    'a b c d'
    """
    return " ".join(UNSEEN.sub(" ", text).split())


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


def interval(found: Contrast | None, *, signed: bool = False) -> str:
    """Write a value with its 95% CI.

    >>> interval(Contrast(0.25, 0.05, 1e9, 40, 20, 3, 20), signed=True)
    '+0.250 (+0.152 to +0.348)'
    """
    if found is None:
        return ""
    sign = "+" if signed else ""
    ends = found.interval()
    text = f"{found.value:{sign}.3f}"
    return text if ends is None else f"{text} ({ends[0]:{sign}.3f} to {ends[1]:{sign}.3f})"


def better_by(found: Contrast, digits: int = 3) -> str:
    """Write how much better something is, or worse, with its 95% CI: true of scores of which less is better too.

    >>> better_by(Contrast(-0.25, 0.05, 1e9, 40, 20, 3, 20))
    'worse by 0.250, 95% CI 0.152 to 0.348'
    """
    side = "worse" if found.value < 0 else "better"
    ends = found.interval()
    low, high = (0.0, 0.0) if ends is None else ends if found.value >= 0 else (-ends[1], -ends[0])
    between = f", 95% CI {low:.{digits}f} to {high:.{digits}f}" if ends else ""
    return f"{side} by {abs(found.value):.{digits}f}{between}"


def ratio(found: Ratio | None) -> str:
    """Write a ratio with its confidence set, or that the data give it no ends.

    >>> ratio(Ratio(0.5, 0.25, 1.125)), ratio(Ratio(-16.8, None, None))
    ('0.50 (0.25 to 1.12)', 'unbounded')
    """
    if found is None:
        return ""
    if found.value is None or found.low is None or found.high is None:
        return "unbounded"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def percent(share: float | None) -> str:
    """Write a share as a percentage.

    >>> percent(0.654), percent(None)
    ('65%', '')
    """
    return "" if share is None else f"{share:.0%}"


def listed(names: Sequence[str]) -> str:
    """Write names as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def rounded(value: float) -> str:
    """Write a value in a sentence, with two digits and without a negative zero.

    >>> rounded(0.148), rounded(-0.001)
    ('0.15', '0.00')
    """
    return f"{round(value, 2) + 0.0:.2f}"


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
