"""The licence of a base model, as its own files name it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from medcot_bench.base_model.layout import read_json
from medcot_bench.base_model.resolve import Base
from medcot_bench.errors import ModelError

MOST = 1_000_000
"""Bytes of a model card that are looked at."""
_FRONT = re.compile(r"\A---\n(.*?)^---", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^license:[ \t]*[\"']?([\w.+-]+)[\"']?[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[\w.+-]{1,60}", re.ASCII)


def find_licence(base: Base) -> str | None:
    """Return the licence that a model's card, config or GGUF header names, e.g. `apache-2.0`; None without one.

    The card of a hub model is read where it is cached, and never fetched.
    """
    if base.path is not None and base.kind == "gguf":
        found = _of_gguf(base.path)
    else:
        found = _of_card(base.path / "README.md" if base.path else None) or _of_config(base)
    return found.lower() if found and _NAME.fullmatch(found) else None


def _of_card(card: Path | None) -> str | None:
    """Return the licence in the metadata of a card."""
    if card is None or not card.is_file():
        return None
    with suppress(OSError), card.open("rb") as file:
        front = _FRONT.match(file.read(MOST).decode(errors="replace").replace("\r\n", "\n"))
        line = _LINE.search(front[1]) if front else None
        return line[1] if line else None
    return None


def _of_config(base: Base) -> str | None:
    if base.path is None:
        return None
    with suppress(ModelError):
        found = read_json(base.name, base.path / "config.json").get("license")
        return found if isinstance(found, str) else None
    return None


def _of_gguf(path: Path) -> str | None:
    from gguf import GGUFReader

    field = GGUFReader(path).fields.get("general.license")
    found = field.contents() if field else None
    return found if isinstance(found, str) else None
