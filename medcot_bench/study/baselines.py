"""The names of prompting baselines: other prompts of the base model, to say whether training is needed."""

from __future__ import annotations

import re
from typing import Any

ZERO_SHOT, FEW_SHOT, COT, NO_CONTEXT = "zero_shot", "few_shot", "cot", "no_context"
KNOWN = (ZERO_SHOT, f"{FEW_SHOT}=K", COT, NO_CONTEXT)


def read_baselines(value: Any) -> Any:
    """Return the baselines of a list or a string. Raises ValueError with every error; other types pass through.

    >>> read_baselines("zero_shot, few_shot=05 cot")
    ('zero_shot', 'few_shot=5', 'cot')
    """
    if not isinstance(value, str | list | tuple):
        return value
    chunks = [value] if isinstance(value, str) else value
    names, problems = [], []
    for typed in (part for chunk in chunks for part in re.split(r"[,\s]+", str(chunk)) if part):
        name, equals, number = typed.partition("=")
        if name == FEW_SHOT and re.fullmatch("[0-9]{1,4}", number) and int(number):
            typed = f"{FEW_SHOT}={int(number)}"
        elif name == FEW_SHOT:
            problems.append(f"{typed}: give the number of solved examples, e.g. {FEW_SHOT}=5")
        elif name not in KNOWN:
            problems.append(f"no baseline '{typed}' (known: {', '.join(KNOWN)})")
        elif equals:
            problems.append(f"{typed}: {name} takes no number")
        if typed in names:
            problems.append(f"{typed} is named twice")
        names.append(typed)
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(names)


def shots_of(baseline: str, plain: int) -> int:
    """Return the number of solved examples before a prompt; `plain` is the study's own number.

    >>> [shots_of(name, 2) for name in ("", "few_shot=5", "zero_shot", "cot", "no_context")]
    [2, 5, 0, 0, 2]
    """
    name, _, number = baseline.partition("=")
    if name == FEW_SHOT:
        return int(number)
    return 0 if name in (ZERO_SHOT, COT) else plain
