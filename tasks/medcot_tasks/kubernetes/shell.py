"""One shell line, taken apart: words, redirects, and what joins the parts. Never raises on any text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from medcot_tasks.kubernetes.quotes import PIECE, PLACEHOLDER, without_quotes

_CONTINUED = re.compile(r"\\\r?\n")
_OTHERS = r"(?P<space>[ \t\r]+)|(?P<comment>\#[^\n]*)"
_OPERATORS = r"(?P<redirect>(?:\d*|&)(?:>>|>&|<<<|<<|<&|>|<))|(?P<joint>\|\||&&|\||;|&|\n)"


def _token(piece: str, before: str = "") -> re.Pattern[str]:
    return re.compile(f"{before}{_OTHERS}|{_OPERATORS}|(?P<word>(?:{piece})+)", re.DOTALL)


_TOKEN = _token(PIECE)
_TOKEN_WITH_PLACEHOLDERS = _token(
    f"{PLACEHOLDER}|{PIECE}",
    # A word that begins with a placeholder is no redirect.
    f"(?P<marked>(?:{PLACEHOLDER})(?:{PLACEHOLDER}|{PIECE})*)|",
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One program's words, and its redirects, e.g. (">", "out.yaml"); quotes are gone: see `without_quotes`."""

    words: tuple[str, ...]
    redirects: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Segments in order, with what stands after each but the last: `|`, `&&`, `||`, `;`, `&` or a line break."""

    segments: tuple[Segment, ...]
    joints: tuple[str, ...]


def read_script(text: str, *, lines: int | None = None, placeholders: bool = False) -> Script | None:
    """Take the first `lines` lines with a command in them apart (None: all); None where the shell could not.

    With `placeholders`, `<any text>` is a part of a word. A line ends at a line break outside quotes that no
    backslash hides.

    >>> script = read_script("kubectl get pods -o 'wide' | head -3 > top.txt")
    >>> [segment.words for segment in script.segments], script.joints
    ([('kubectl', 'get', 'pods', '-o', 'wide'), ('head', '-3')], ('|',))
    """
    reader = _Reader()
    token = _TOKEN_WITH_PLACEHOLDERS if placeholders else _TOKEN
    text = _CONTINUED.sub("", text).replace("\0", "")  # as the shell does
    at = 0
    while at < len(text) and (lines is None or reader.lines < lines):
        found = token.match(text, at)
        if found is None or not reader.take(found):
            return None
        at = found.end()
    return reader.script()


class _Reader:
    def __init__(self) -> None:
        self.lines = 0
        self._segments: list[Segment] = []
        self._joints: list[str] = []
        self._words: list[str] = []
        self._redirects: list[tuple[str, str]] = []
        self._redirect: str | None = None

    def take(self, found: re.Match[Any]) -> bool:
        """Take one token in; False where it may not stand here."""
        kind, text = found.lastgroup, found.group()
        if kind in ("word", "marked"):
            self._word(without_quotes(text))
        elif kind == "redirect":
            if self._redirect is not None:
                return False
            self._redirect = text
        elif kind == "joint":
            return self._join(text)
        return True

    def script(self) -> Script | None:
        """Return what was read; None where it is empty or ends in the middle."""
        if self._redirect is not None:
            return None
        if self._words:
            self._end_segment()
        elif self._joints and self._joints[-1] in ("\n", ";"):
            self._joints.pop()
        elif self._joints and self._joints[-1] != "&":
            return None
        return Script(tuple(self._segments), tuple(self._joints)) if self._segments else None

    def _word(self, word: str) -> None:
        if self._redirect is None:
            self._words.append(word)
        else:
            self._redirects.append((self._redirect, word))
            self._redirect = None

    def _join(self, joint: str) -> bool:
        if self._redirect is not None:
            return False
        if not self._words:
            # An empty line, or a pipe that goes on in the next line.
            return joint == "\n" and not self._redirects
        self._end_segment()
        self._joints.append(joint)
        self.lines += joint == "\n"
        return True

    def _end_segment(self) -> None:
        self._segments.append(Segment(tuple(self._words), tuple(self._redirects)))
        self._words, self._redirects = [], []
