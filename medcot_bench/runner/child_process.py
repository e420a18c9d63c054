"""A process in a session of its own: read until it is dead, and ended with all that it started there."""

from __future__ import annotations

import codecs
import io
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Self

LOOK = 0.5
"""Seconds between looks at a process that says nothing."""
LEFTOVERS = 5.0
"""Seconds in which what a dead process wrote is read, should another one that it started go on writing."""
LEAVING = 60.0
"""Seconds that a process gets to end after its last word, before it is ended."""
CHUNK = 65536
CHILD = {"PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}
"""Added to the environment of a child: it imports nothing from the working directory, and its pipes are UTF-8,
whatever the terminal's encoding."""


class ChildProcess:
    """A process that is told something on its standard input, which stays open: it can end with this process.

    What it starts may hold its pipes open for ever, so that they are read until it is dead, not to their end.
    Leaving the `with` block ends its session.
    """

    def __init__(self, command: Sequence[str], told: str, on_error: Callable[[str], None]):
        """Start it. `on_error` gets each line, with its end, of its standard error, from another thread."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | CHILD,
            start_new_session=True,  # Ctrl-C reaches this process, which ends it
        )
        self._on_error = on_error
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self.tell(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        self._process.wait()
        self._reader.join(timeout=2 * LEFTOVERS)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):
                _open(stream).close()

    def tell(self, told: str) -> None:
        """Write to its standard input."""
        stdin = _open(self._process.stdin)
        with suppress(BrokenPipeError):  # one that has ended: its status and its last lines say more
            stdin.write(told.encode())
            stdin.flush()

    def lines(self) -> Iterator[str | None]:
        """Yield the lines of its standard output with their ends, the last one as far as it came.

        None stands for LOOK seconds without any.
        """
        return self._lines(_open(self._process.stdout))

    def wait(self) -> int:
        """Return the exit status, negative for a signal. What stays when all was read is ended after LEAVING."""
        try:
            self._process.wait(LEAVING)
        except subprocess.TimeoutExpired:
            self.end()
        status = self._process.wait()
        self._reader.join(timeout=2 * LEFTOVERS)
        return status

    def end(self) -> None:
        """End it and every process of its session, now."""
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses where all of them are dead
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read_errors(self) -> None:
        for line in self._lines(_open(self._process.stderr)):
            if line is not None:
                self._on_error(line)

    def _lines(self, stream: IO[bytes]) -> Iterator[str | None]:
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        rest, last_look = "", None
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while last_look is None or time.monotonic() < last_look:
                dead = self._process.poll() is not None  # asked first: what it wrote is then in the pipe
                if dead and last_look is None:
                    last_look = time.monotonic() + LEFTOVERS
                if not selector.select(0 if dead else LOOK):
                    if dead:
                        break
                    yield None
                    continue
                chunk = os.read(stream.fileno(), CHUNK)
                *whole, rest = (rest + decoder.decode(chunk, final=not chunk)).split("\n")
                yield from (f"{line}\n" for line in whole)
                if not chunk:
                    break
        if rest:
            yield rest


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the process has no pipe")
    return stream
