"""What a shell makes of a quoted word: which special characters stay themselves, and which it would expand."""

from __future__ import annotations

import re

PLACEHOLDER = r"<[^\s<>][^<>\n]*>"
PIECE = r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^ \t\r\n'"\\|&;<>]"""
ACTIVE = "\0"
"""Stands before a character that the shell would expand; no argument of a program can hold it."""

_PIECES = re.compile(
    rf"(?P<kept>{PLACEHOLDER}|'[^']*'|\\.)|(?P<double>\"(?:[^\"\\]|\\.)*\")|(?P<bare>.)", re.DOTALL
)
_VARIABLE = r"\$(?:(?P<name>[A-Za-z_]\w*|[0-9@*#?$!-])|\{(?P<braced>[A-Za-z_]\w*)\}|(?=[({]))"
_IN_DOUBLE = re.compile(rf"\\(?P<escaped>[\"\\$`])|{_VARIABLE}|`", re.ASCII)
_IN_BARE = re.compile(rf"{_VARIABLE}|(?<!.)~|[`*?\[{{]", re.ASCII | re.DOTALL)
_BRACES = re.compile(r"\{.*,.*\}|\{-?\w+\.\.-?\w+(?:\.\.-?\w+)?\}", re.DOTALL)


def without_quotes(word: str) -> str:
    r"""Return a word as the shell reads it, with `ACTIVE` before every character that it would expand.

    Such are `$` (a variable is written `${NAME}`, so that what follows is no part of its name) and a backtick
    where no single quotes protect them, and `*`, `?`, `[`, a first `~` and braces with a list outside all quotes.

    >>> [without_quotes(word) for word in ("'*.json'", "*.json", '"$A"', "'$A'", "{.items}")]
    ['*.json', '\x00*.json', '\x00${A}', '$A', '{.items}']
    """
    pieces = [(found.lastgroup, found.group()) for found in _PIECES.finditer(word)]
    expands = _BRACES.search("".join(text if kind == "bare" else "_" for kind, text in pieces)) is not None
    plain, run = "", ""
    for kind, text in pieces:
        if kind == "bare":
            run += text
            continue
        if run.endswith("$") and text[0] in "'\"":  # $'...' and $"..." are quotes of another kind
            run, plain = "", plain + _bare(run[:-1], expands, not plain) + 2 * ACTIVE + "$"
        plain += _bare(run, expands, not plain)
        run = ""
        plain += _IN_DOUBLE.sub(_double, text[1:-1]) if kind == "double" else _kept(text)
    return plain + _bare(run, expands, not plain)


def _kept(text: str) -> str:
    return {"'": text[1:-1], "\\": text[1:]}.get(text[0], text)


def _double(found: re.Match[str]) -> str:
    return found["escaped"] or _expanded(found)


def _bare(run: str, expands: bool, first: bool) -> str:
    def one(found: re.Match[str]) -> str:
        special = found.group()
        protected = (special == "{" and not expands) or (special == "~" and not first)
        return special if protected else _expanded(found)

    return _IN_BARE.sub(one, run)


def _expanded(found: re.Match[str]) -> str:
    name = found["name"] or found["braced"]
    return ACTIVE + (f"${{{name}}}" if name else found.group())
