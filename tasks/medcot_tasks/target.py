"""Whether a model is trained to reason before it answers: the option `target` of every task with reasoning."""

from __future__ import annotations

from typing import Literal

from medcot_bench import Option

Kind = Literal["cot", "answer"]
OPTION = {
    "target": Option(
        str,
        "cot",
        "what the target is: reasoning and answer, or the answer alone, of the same items",
        choices=("cot", "answer"),
        added=True,
    )
}
ANSWER_TOKENS = 24
"""New tokens at most where no reasoning is asked for."""
