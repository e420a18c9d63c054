"""Whether a model is trained to reason before it answers: the option `target` of every task with reasoning."""

from __future__ import annotations

from typing import Literal

from medcot_bench import Option

Kind = Literal["cot", "answer"]
OPTION = {
    "target": Option(
        str,
        "cot",
        "the target: reasoning and answer, or the answer only, for the same items",
        choices=("cot", "answer"),
        added=True,
    )
}
ANSWER_TOKENS = 24
"""New tokens at most where no reasoning is asked for."""
