"""A plugin's declared options, checked against those typed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from medcot_bench.errors import ConfigError, suggest_or_list
from medcot_bench.security.foreign_text import shorten
from medcot_bench.types import Option

TYPE_NAMES = {str: "a string", int: "an int", float: "a float", bool: "a bool"}


def check(owner: str, declared: Mapping[str, Option], typed: Mapping[str, str]) -> dict[str, Any]:
    """Return every declared option with its value: the typed one, converted, or the default.

    `owner` names the plugin in errors, e.g. "adapter lora". Raises ConfigError with the valid options.
    """
    unknown = [key for key in typed if key not in declared]
    if unknown:
        known = {key: option.help for key, option in declared.items()}
        raise ConfigError(f"{owner}: no option '{unknown[0]}'{suggest_or_list(unknown[0], known)}")
    return {
        key: convert(f"{owner}: {key}", option, typed[key]) if key in typed else option.default
        for key, option in declared.items()
    }


def convert(where: str, option: Option, text: str) -> Any:
    """Convert one typed value. Raises ConfigError that says what `where` takes.

    >>> convert("lora: r", Option(int, 16, "rank"), "8")
    8
    """
    if option.choices and text not in option.choices:
        raise ConfigError(f"{where}={text}: choose one of {', '.join(option.choices)}")
    if option.type is bool:
        if text.lower() in {"true", "yes", "1", "on"}:
            return True
        if text.lower() in {"false", "no", "0", "off"}:
            return False
        raise ConfigError(f"{where}={text}: write true or false")
    if option.type is str:
        return text
    try:
        value = option.type(text)
    except ValueError:
        raise ConfigError(f"{where}={shorten(text)}: not {TYPE_NAMES[option.type]}") from None
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ConfigError(f"{where}={shorten(text)}: must be below 2^63")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}={text}: must be finite")
    return value


def hashed(declared: Mapping[str, Option], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that ids are made of."""
    later = {key: option.default for key, option in declared.items() if option.added}
    return {key: value for key, value in options.items() if key not in later or value != later[key]}
