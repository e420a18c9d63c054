"""Expected errors: one line for the user and an exit code. Anything else is a bug and shows its traceback."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from traceback import extract_tb

OK = 0
SOME_FAILED = 1
USAGE = 2
CONFLICT = 3
INTERRUPTED = 130
TERMINATED = 143


class MedcotError(Exception):
    """An error that the user can mend. `str()` is one line: what went wrong, where, what to do.

    The program ends with `exit_code`: that of the class, unless one is given.

    >>> MedcotError("the folders differ", exit_code=CONFLICT).exit_code, StoreError("in use").exit_code
    (3, 3)
    """

    exit_code = USAGE

    def __init__(self, message: str, *, exit_code: int | None = None):
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class ConfigError(MedcotError):
    """Something in the study, the command line or the input files is wrong."""


class ConfigErrors(ConfigError):
    """Every configuration error at once, one a line."""

    def __init__(self, errors: Iterable[str]):
        self.errors = tuple(errors)
        super().__init__("\n".join(self.errors))


class ModelError(ConfigError):
    """What `--model` names can't be found, read or used."""


class DataError(ConfigError):
    """A data file is missing or malformed; the text names the file and, where there is one, the line."""


class PluginError(MedcotError):
    """A plugin could not be loaded, or failed in one of its methods."""


class StoreError(MedcotError):
    """The result folder is locked, can't be written, or holds a record that can't be read."""

    exit_code = CONFLICT


class Diverged(MedcotError):
    """A training's loss or gradient is no longer finite."""

    exit_code = SOME_FAILED


class GateError(MedcotError):
    """An evaluation would be invalid, for example because the answer stands in the prompt."""

    exit_code = SOME_FAILED


def describe_error(error: BaseException) -> str:
    """Return the kind and the text of an unexpected error, in one line; where it was raised if it has no text.

    >>> describe_error(ValueError("no\\nnumber"))
    'ValueError: no number'
    """
    text = " ".join(str(error).split())
    if text:
        return f"{type(error).__name__}: {text}"
    frames = extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}, {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class Terminated(KeyboardInterrupt):
    """The program was told to end by SIGTERM: like Ctrl-C, nothing to be handled on the way out."""


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C. A bare KeyboardInterrupt was then raised by some code."""


def is_from_user(error: BaseException) -> bool:
    """Whether an exception says that the program is to end: by Ctrl-C or a signal, not by code that raises it.

    Where Python's own handler of Ctrl-C is in place the two look alike, and it counts as the user's.
    """
    if type(error) is KeyboardInterrupt:
        return signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return isinstance(error, KeyboardInterrupt)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of an error line: the names that are most like one that isn't there, empty without any.

    Case and `_` for `-` don't count. Where `known` maps names to what they mean, a name is also found by the first
    words of its meaning.

    >>> suggest("arc_eazy", ["arc_easy", "mmlu"]), suggest("rank", {"r": "rank of the update"})
    ('; did you mean arc_easy?', '; did you mean r?')
    """
    names = {_fold(key): key for key in sorted(known)}
    wanted = _fold(name)
    said = known.items() if isinstance(known, Mapping) else ()
    meanings = {key: _fold(meaning) for key, meaning in said if isinstance(meaning, str)}
    meant = [key for key, meaning in meanings.items() if wanted and re.match(rf"{re.escape(wanted)}\b", meaning)]
    close = [names[key] for key in get_close_matches(wanted, names, n=3)]
    found = [names[wanted]] if wanted in names else [*dict.fromkeys([*meant, *close])]
    *first, last = found or [""]
    return f"; did you mean {', '.join(first)}{' or ' if first else ''}{last}?" if found else ""


def suggest_or_list(name: str, known: Iterable[str]) -> str:
    """Return what `suggest` does, or all names where none is near.

    >>> suggest_or_list("pdf", ["csv", "html"])
    '; known: csv, html'
    """
    return suggest(name, known) or f"; known: {', '.join(known) or 'none'}"


def _fold(text: str) -> str:
    return re.sub(r"[_\s]", "-", text.casefold()).lstrip("-")
