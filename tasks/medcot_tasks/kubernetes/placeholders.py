"""Placeholders in commands: `<pod_name>`, `{{name}}`, and words in capitals such as NODE_NAME."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from medcot_tasks.kubernetes.quotes import ACTIVE

_CAPITALS = r"[A-Z](?=[A-Z0-9_-]{2})[A-Z0-9]*(?:[_-][A-Z0-9]+)*"
_MARKED = r"<[^\s<>][^<>\n]*>|\{\{ ?(?!end\b|else\b)[A-Za-z_][\w-]* ?\}\}"
_FIND_MARKED = re.compile(_MARKED)
_FIND_ANY = re.compile(f"{_MARKED}|{_CAPITALS}")
# Capitals are a placeholder where nothing else is in the word: NAME, deployment/NAME, KEY=VALUE, not ENV=prod.
_ALL_CAPITALS = re.compile(rf"(?:[a-z]+/)?{_CAPITALS}(?:[/=:]{_CAPITALS})*")
_PROTOCOLS = {"TCP", "UDP", "SCTP", "HTTP", "HTTPS"}
_TAKES_SLASH = re.compile(r"/|path|file|dir|image|url|server|key|socket|prefix|output|command|arg", re.IGNORECASE)
_TAKES_COLON = re.compile(r":|image|url|server", re.IGNORECASE)
_VARIABLE = rf"{ACTIVE}\$\{{\w+\}}"
_NEVER = r"""\s=,"'{}<>|&;"""


def has_placeholder(text: str) -> bool:
    """Say whether a word (without quotes) holds a placeholder.

    >>> [has_placeholder(word) for word in ("deployment/<name>", "NODE_NAME", "ENV=prod", "UDP")]
    [True, True, False, False]
    """
    return bool(_finder(text).search(text)) and text not in _PROTOCOLS


def fits(gold: str, given: str) -> bool:
    """Say whether a word is the same as the gold's but for its placeholders.

    A placeholder takes any other placeholder, a plain word or a shell variable, never a flag. Only one that stands
    for a path, an image or the like takes `/` and `:`, and only one that holds `=` takes `=`.

    >>> fits("<namespace>/<pod>:/tmp", "web/api-0:/tmp"), fits("<pod>:/tmp", "web/api-0:/tmp")
    (True, False)
    """
    if gold == given:
        return True
    if not has_placeholder(gold):
        return False
    ends, at = {0}, 0
    for found in _finder(gold).finditer(gold):
        # Every place where a placeholder may end at once: a pattern for all of them would try each in turn.
        ends = _taken(found.group(), given, _after(gold[at : found.start()], given, ends))
        at = found.end()
    return len(given) in _after(gold[at:], given, ends)


def _after(text: str, given: str, starts: Iterable[int]) -> set[int]:
    return {start + len(text) for start in starts if given.startswith(text, start)}


def without_placeholders(text: str) -> str:
    """Return the word with every marked placeholder taken out."""
    return _FIND_MARKED.sub("", text)


def _finder(text: str) -> re.Pattern[str]:
    return _FIND_ANY if _ALL_CAPITALS.fullmatch(text) else _FIND_MARKED


def _taken(placeholder: str, given: str, starts: Collection[int]) -> set[int]:
    """Return where a placeholder may end that begins at one of `starts`."""
    marked = {found.end() for start in starts if (found := _FIND_MARKED.match(given, start))}
    ends = _word_ends(placeholder, given, starts)
    if "=" in placeholder:
        ends = _word_ends(placeholder, given, {end + 1 for end in ends if given.startswith("=", end)})
    return marked | ends


def _word_ends(placeholder: str, given: str, starts: Collection[int]) -> set[int]:
    first, later = _letters(placeholder)
    ends: set[int] = set()
    for at in range(len(given)):
        for letter, places in ((first, starts), (later, ends)):
            if at in places and (found := letter.match(given, at)):
                ends.add(found.end())
    return ends


@lru_cache(256)
def _letters(placeholder: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what a word in its place may begin with, and what may follow."""
    never = _NEVER + ACTIVE
    if not _TAKES_SLASH.search(placeholder):
        never += "/"
    if not _TAKES_COLON.search(placeholder):
        never += ":"
    return re.compile(f"{_VARIABLE}|[^{never}-]"), re.compile(f"{_VARIABLE}|[^{never}]")
