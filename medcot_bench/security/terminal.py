"""The one way to the terminal: what is printed can't steer it, and messages tell no secret."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from medcot_bench.security.foreign_text import make_visible
from medcot_bench.security.secrets import scrub


class SafeStream:
    """A text stream that writes what would steer a terminal as escapes, and masks secrets where it `scrubs`."""

    def __init__(self, stream: TextIO, *, scrubs: bool):
        self.stream = stream
        """The stream behind it."""
        self._scrubs = scrubs

    def write(self, text: str) -> int:
        """Write text; return its length, as streams do."""
        self.stream.write(_encodable(make_visible(scrub(text) if self._scrubs else text), self.stream))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class DrawingStream:
    """A text stream for what draws with control characters of its own: all are written."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text; return its length, as streams do."""
        self._stream.write(_encodable(text, self._stream))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def make_output_safe() -> None:
    """Let nothing reach standard output and standard error but through a SafeStream, until the process ends.

    Standard output is not scrubbed: there the user's own rows and a model's answers are shown.
    """
    sys.stdout, sys.stderr = _safe(sys.stdout, scrubs=False), _safe(sys.stderr, scrubs=True)


@contextmanager
def safe_output() -> Iterator[None]:
    """Do as `make_output_safe` does, and put the streams back at the end."""
    streams = sys.stdout, sys.stderr
    make_output_safe()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def drawing_stream() -> TextIO:
    """Return standard output as what draws bars needs it; texts in what it draws must be made visible before."""
    stream = sys.stdout.stream if isinstance(sys.stdout, SafeStream) else sys.stdout
    return cast(TextIO, DrawingStream(stream))


def _safe(stream: TextIO, *, scrubs: bool) -> TextIO:
    return stream if isinstance(stream, SafeStream) else cast(TextIO, SafeStream(stream, scrubs=scrubs))


def _encodable(text: str, stream: TextIO) -> str:
    """Return text with what the stream's encoding lacks as escapes."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
