"""Chats as a question and its answer: turns in the forms of OpenAI, ShareGPT and Alpaca."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from medcot_bench.data.formats import parse_nested
from medcot_bench.errors import DataError
from medcot_bench.security.foreign_text import quote
from medcot_bench.types import Turn

CHATS = ("messages", "conversations")
"""Columns that hold chats."""
CALLS = ("tools", "functions")
"""Columns beside them that hold what an assistant may call."""
_FORMS = (("role", "content"), ("from", "value"))
"""Keys of a turn's role and of its text."""
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
_SILENT = {
    *("name", "id", "message_id", "parent_id", "turn_id", "timestamp", "created_at", "date", "time"),
    *("model", "lang", "language", "weight", "mask"),
    *("train", "training", "trainable", "label", "loss", "loss_mask", "loss_weight"),
}
"""Keys of a turn whose strings say nothing. Under other keys only numbers and nothing are left unread."""
_UNTRAINED = ("weight", "train", "training", "trainable", "label", "loss", "loss_mask", "loss_weight")
"""Keys of a turn that keep an answer out of training where they are false or, but for a label, 0."""
_ZERO = re.compile(r"[-+]?0+(?:\.0*)?")


def read_chat(where: str, column: str, value: Any) -> tuple[tuple[Turn, ...], str]:
    """Return the turns before the last answer of a chat, and that answer.

    Raises DataError, with the turn, for what can't be read as text.
    """
    turns = parse_nested(value)
    if not isinstance(turns, list):
        raise DataError(f"{where}: '{column}' must be a list of turns, each with a role and a text")
    read = [_turn(f"{where}: turn {number} of '{column}'", turn) for number, turn in enumerate(turns, start=1)]
    if not read or read[-1][0] != "assistant":
        raise DataError(f"{where}: the last of '{column}' must have the role assistant: it is the answer")
    for key in _UNTRAINED:
        mark = str(turns[-1].get(key)).strip().lower()
        if mark == "false" or (key != "label" and _ZERO.fullmatch(mark)):
            raise DataError(
                f"{where}: turn {len(turns)} of '{column}' has '{key}' {turns[-1][key]}: its answer is not to be "
                "trained on; leave such rows out"
            )
    before = (turn for turn in read[:-1] if turn[0] != "system" or turn[1].strip())
    return tuple(before), read[-1][1]


def read_history(where: str, column: str, value: Any) -> tuple[Turn, ...]:
    """Return the turns of Alpaca's history: pairs of what was asked and what was answered. Raises DataError."""
    pairs = parse_nested(value)
    if is_empty(pairs):
        return ()
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(text, str) for text in pair)
        for pair in pairs
    ):
        raise DataError(f"{where}: '{column}' must be a list of pairs of texts: what was asked, what was answered")
    return tuple(turn for asked, said in pairs for turn in (("user", asked), ("assistant", said)))


def refuse_calls(where: str, row: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Raise DataError for a row that gives an assistant something to call."""
    for column in columns:
        if not is_empty(parse_nested(row.get(column))):
            raise DataError(f"{where}: '{column}' can't be trained on; leave such rows out, or remove the column")


def flatten(turns: Sequence[Turn]) -> str:
    """Return turns as one text: system turns that come first as they are, then a line per turn with its role.

    >>> flatten([("system", "Be brief."), ("user", "Where?")])
    'Be brief.\\n\\nWhere?'
    >>> flatten([("user", "Where?"), ("assistant", "Here."), ("user", "When?")])
    'user: Where?\\nassistant: Here.\\nuser: When?'
    """
    first = [text for _, text in takewhile(lambda turn: turn[0] == "system", turns)]
    others = turns[len(first) :]
    lines = [text if len(others) == 1 else f"{role}: {text}" for role, text in others]
    return "\n\n".join([*first, *(["\n".join(lines)] if lines else [])])


def is_empty(value: Any) -> bool:
    """Return whether a cell, or all that is nested in it, holds nothing: tables have a place for every key."""
    if isinstance(value, Mapping):
        return all(map(is_empty, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_empty, value))
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _turn(where: str, turn: Any) -> Turn:
    if not isinstance(turn, Mapping):
        raise DataError(f"{where} must be an object with a role and a text, not a {type(turn).__name__}")
    said, told = next((form for form in _FORMS if not is_empty(turn.get(form[0]))), _FORMS[0])
    for key, value in turn.items():
        silent = key in (said, told) or (key in _SILENT and isinstance(value, str))
        if not silent and isinstance(value, str | bytes | list | Mapping) and not is_empty(parse_nested(value)):
            raise DataError(f"{where} has {quote(key)}, which can't be trained on; leave such rows out")
    role, text = turn.get(said), turn.get(told)
    if not isinstance(role, str) or role.casefold() not in _ROLES:
        raise DataError(f"{where} has the role {quote(role)}; roles: {', '.join(_ROLES)}")
    if not isinstance(text, str):
        raise DataError(f"{where}: '{told}' must be text, not a {type(text).__name__}")
    return _ROLES[role.casefold()], text
