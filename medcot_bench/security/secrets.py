"""Secrets kept out of messages, logs and records: those of the environment, and tokens known by their form.

Rows, prompts and answers of a model are never changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

MASK = "[secret]"
LEAST = 8
"""Characters of a value that is looked for: shorter ones would be found inside of words."""
_NAMES = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_TOKENS = re.compile(r"\b(?:hf_[A-Za-z0-9]{16,}|gh[oprsu]_[A-Za-z0-9]{20,}|sk-(?:[a-z]+-)?[A-Za-z0-9]{20,})")
"""Tokens of the Hugging Face hub, of GitHub and of OpenAI-like services."""
_LOGIN = re.compile(r"(?<=://)[^\s/@'\"]+(?=@)")
"""The login in a URL, as proxies have it: `http://user:password@host`."""


def scrub(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return text with every secret in it masked; `environment` is by default this process's.

    >>> scrub("401 for s3cr3t-value at http://me:pw@proxy:80", {"MY_API_KEY": "s3cr3t-value"})
    '401 for [secret] at http://[secret]@proxy:80'
    >>> scrub("token hf_" + "a" * 34, {})
    'token [secret]'
    """
    variables = os.environ if environment is None else environment
    for value in _values(frozenset(variables.items())):
        text = text.replace(value, MASK)
    return _TOKENS.sub(MASK, _LOGIN.sub(MASK, text))


@lru_cache(maxsize=4)
def _values(variables: frozenset[tuple[str, str]]) -> tuple[str, ...]:
    """Return the secrets of an environment, the longest first: one may be a part of another."""
    found = {part for name, value in variables for part in _secrets_of(name, value) if len(part) >= LEAST}
    return tuple(sorted(found, key=lambda part: (-len(part), part)))


def _secrets_of(name: str, value: str) -> Iterator[str]:
    """Yield what is secret of a variable: its value, each of its lines, or the password of a URL in it."""
    for login in _LOGIN.findall(value):
        password = login.partition(":")[2]
        yield from (password, unquote(password))
    own = name.startswith("MEDCOT_")  # a study's field, as MEDCOT_TRAINING__TRAIN_TOKENS
    if _NAMES.search(name) and not own and not _is_path(value):
        yield value
        yield from value.split("\n")


def _is_path(value: str) -> bool:
    """Whether a value is a place, as of SSL_KEY_FILE, and no secret."""
    try:
        return value.startswith(("/", "~")) and Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False
