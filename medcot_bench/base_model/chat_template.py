"""Whether a model's chat template takes a system prompt, found out without loading its tokenizer."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

SAID = "Answer in one word."
LONGEST = 30.0
"""Seconds that a template gets to write two turns, and the process that it writes them in to start."""
MEMORY = 2_000_000_000
"""Bytes that this process may take."""


class _Refused(Exception):
    """What a template raises on purpose."""


def why_no_system_prompt(folder: Path) -> str:
    """Return why the chat template in a model folder takes no system prompt, "" where it takes one.

    So it does for a template that isn't found or that needs more than plain Jinja: the tokenizer will tell.
    """
    template = _read(folder)
    if template is None:
        return ""
    # A template is a program of whoever made the model: one without an end must not keep this process.
    command = [sys.executable, "-P", "-m", "medcot_bench.base_model.chat_template"]
    try:
        done = subprocess.run(command, input=template.encode(), capture_output=True, timeout=LONGEST, check=True)
    except subprocess.TimeoutExpired:
        return f"it is not done with two turns after {LONGEST:.0f} s"
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode().strip()


def without_system_prompt(why: str) -> str:
    """Return what is told of such a template, to be put after whose it is."""
    return f"chat template takes no system prompt ({why}); leave out system_prompt, or chat_template"


def find_refusal(template: str) -> str:
    """Return why a template takes no system prompt, as `why_no_system_prompt` does; it may take for ever."""
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
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError, OverflowError):
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


def _main() -> None:
    with suppress(ImportError, OSError, ValueError):  # no such limit on this system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.stdout.buffer.write(find_refusal(sys.stdin.buffer.read().decode()).encode())


if __name__ == "__main__":
    _main()
