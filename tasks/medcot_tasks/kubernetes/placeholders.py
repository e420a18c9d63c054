"""Placeholders in commands: `<pod_name>`, `{{name}}`, and words in capitals such as NODE_NAME."""

from __future__ import annotations

import re

_CAPITALS = r"[A-Z](?=[A-Z0-9_-]{2})[A-Z0-9]*(?:[_-][A-Z0-9]+)*"
_MARKED = r"<[^\s<>][^<>\n]*>|\{\{ ?(?!end\b|else\b)[A-Za-z_][\w-]* ?\}\}"
_FIND_MARKED = re.compile(_MARKED)
_FIND_ANY = re.compile(f"{_MARKED}|{_CAPITALS}")
# Capitals are a placeholder where nothing else is in the word: NAME, deployment/NAME, KEY=VALUE, not ENV=prod.
_ALL_CAPITALS = re.compile(rf"(?:[a-z]+/)?{_CAPITALS}(?:[/=:]{_CAPITALS})*")
_PROTOCOLS = {"TCP", "UDP", "SCTP", "HTTP", "HTTPS"}
_TAKES_SLASH = re.compile(r"/|path|file|dir|image|url|server|key|socket|prefix|output|command|arg", re.IGNORECASE)
_TAKES_COLON = re.compile(r":|image|url|server", re.IGNORECASE)
_NEVER = r"""\s=,"'{}<>|&;"""


def has_placeholder(text: str) -> bool:
    """Say whether a word (without quotes) holds a placeholder.

    >>> [has_placeholder(word) for word in ("deployment/<name>", "NODE_NAME", "ENV=prod", "UDP")]
    [True, True, False, False]
    """
    return bool(_finder(text).search(text)) and text not in _PROTOCOLS


def fits(gold: str, given: str) -> bool:
    """Say whether a word is the same as the gold's but for its placeholders.

    A placeholder takes any other placeholder or a plain word, never a flag. Only one that stands for a path, an
    image or the like takes `/` and `:`, and only one that holds `=` takes `=`.

    >>> fits("<namespace>/<pod>:/tmp", "web/api-0:/tmp"), fits("<pod>:/tmp", "web/api-0:/tmp")
    (True, False)
    """
    if gold == given:
        return True
    if not has_placeholder(gold):
        return False
    pattern, end = "", 0
    for found in _finder(gold).finditer(gold):
        pattern += re.escape(gold[end : found.start()]) + _pattern(found.group())
        end = found.end()
    return re.fullmatch(pattern + re.escape(gold[end:]), given) is not None


def without_placeholders(text: str) -> str:
    """Return the word with every marked placeholder taken out."""
    return _FIND_MARKED.sub("", text)


def _finder(text: str) -> re.Pattern[str]:
    return _FIND_ANY if _ALL_CAPITALS.fullmatch(text) else _FIND_MARKED


def _pattern(placeholder: str) -> str:
    never = _NEVER
    if not _TAKES_SLASH.search(placeholder):
        never += "/"
    if not _TAKES_COLON.search(placeholder):
        never += ":"
    word = f"[^{never}-][^{never}]*"
    if "=" in placeholder:
        word = f"{word}={word}"
    return f"(?:{_MARKED}|{word})"
