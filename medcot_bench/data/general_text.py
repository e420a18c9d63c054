"""The general text that forgetting is measured on: the bundled one, or the user's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from medcot_bench.errors import ConfigError
from medcot_bench.security.regular_files import read_regular

OWN = Path(__file__).with_name("general.txt")
"""Eight kilobytes written for this project: scenes, a letter, explanations, a recipe, news, a dialogue, code."""


def read_general_text(path: str) -> str:
    """Return the text of a file, or the bundled text where none is named. Raises ConfigError."""
    named = path or OWN.name
    try:
        text = read_regular(Path(path).expanduser() if path else OWN).decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"general_text: {named} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"general_text: {named}: {error.strerror}; name a text file") from None
    except (RuntimeError, ValueError) as error:  # no home folder of this name, a null character
        raise ConfigError(f"general_text: {named}: {error}; name a text file") from None
    if not text.strip():
        raise ConfigError(f"general_text: {named} is empty; give at least a thousand words")
    return text


def text_digest(text: str) -> str:
    """Return the digest that names a text in records."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
