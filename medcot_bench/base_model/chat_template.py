"""Whether a model's chat template takes a system prompt, found out without loading its tokenizer."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

SAID = "Answer in one word."


class _Refused(Exception):
    """What a template raises on purpose."""


def why_no_system_prompt(folder: Path) -> str:
    """Return why the chat template in a model folder takes no system prompt, "" where it takes one.

    So it does for a template that isn't found or that needs more than plain Jinja: the tokenizer will tell.
    """
    template = _read(folder)
    if template is None:
        return ""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise _Refused(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals |= {"raise_exception": refuse, "strftime_now": date(2000, 1, 1).strftime}
    messages = [{"role": "system", "content": SAID}, {"role": "user", "content": "Why?"}]
    try:
        written = environment.from_string(template).render(
            messages=messages, add_generation_prompt=True, bos_token="", eos_token="", tools=None
        )
    except _Refused as error:
        return f"it says: {' '.join(str(error).split())}"
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError):
        return ""
    return "" if SAID in written else "it leaves it out"


def _read(folder: Path) -> str | None:
    """Return the template that transformers takes from a folder, None where there is not one and only one."""
    try:
        if (folder / "chat_template.jinja").is_file():
            return (folder / "chat_template.jinja").read_text(encoding="utf-8")
        settings: Any = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        template = settings.get("chat_template")
    except (OSError, ValueError, AttributeError):
        return None
    return template if isinstance(template, str) else None
