"""Text of files, models, plugins and arguments, as it may stand in a message or on a terminal."""

from __future__ import annotations

import re
import reprlib
from typing import Any

from medcot_bench.security.secrets import scrub

UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters, halves of surrogate pairs, what turns the direction of text around, and no characters."""
_ON_TERMINALS = re.compile(f"(?![\n\t]){UNSEEN.pattern}")
VALUE, LINE = 200, 1000
"""Most characters of a value in a message, and of a message."""


def make_visible(text: str) -> str:
    r"""Return text as a terminal may get it: what would steer it is written as an escape, as JSON has them.

    Ends of lines and tabs stay.

    >>> print(make_visible("a\x1b[2Jb\u202ec\r\nd"))
    a\u001b[2Jb\u202ec
    d
    """
    return _ON_TERMINALS.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def shorten(text: str, most: int = VALUE) -> str:
    """Return text without secrets in one line of at most `most` characters, cut in its middle.

    What went wrong stands at the beginning of a message, what to do at its end.

    >>> shorten("abc\\n def"), shorten("0123456789", 5)
    ('abc def', '01…89')
    """
    line = " ".join(scrub(text).split())
    if len(line) <= most:
        return line
    end = (most - 1) // 2
    return f"{line[: most - 1 - end]}…{line[len(line) - end :]}"


_REPR = reprlib.Repr()
_REPR.maxlevel = 6
_REPR.maxdict = _REPR.maxlist = _REPR.maxtuple = _REPR.maxset = 50
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = LINE


def quote(value: Any) -> str:
    """Return a value for the end of a message, as Python writes it, shortened, however large it is.

    >>> quote("a"), len(quote("a" * 1000))
    ("'a'", 200)
    """
    return shorten(_REPR.repr(value))
