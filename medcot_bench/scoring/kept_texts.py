"""What a sample keeps of an item so that people can read it: question, options, context and the prompt shown."""

from __future__ import annotations

from typing import Any

from medcot_bench.types import Example

QUESTION, OPTION, CONTEXT, PROMPT = 1000, 200, 600, 1000
"""Most characters that are kept of each; of a longer one, its beginning and its end."""
LEAST = 16
"""Characters from which on a text is not repeated within the prompt."""


def keep_texts(example: Example, prompt: str) -> dict[str, Any]:
    """Return what a sample keeps of an example and of the prompt that was written from it.

    In the prompt `[question]` and `[context]` stand for the two where it repeats them: every sample has them once.

    >>> example = Example(id="1", group="1", question="Which port is it?", answer="80")
    >>> keep_texts(example, "Question: Which port is it?\\nAnswer:")["prompt"]
    'Question: [question]\\nAnswer:'
    """
    for name, text in (("context", example.context), ("question", example.question)):
        repeated = (text or "").strip()
        if len(repeated) >= LEAST:
            prompt = prompt.replace(repeated, f"[{name}]")
    options = {letter: cut_middle(text, OPTION) for letter, text in example.options.items()}
    return {
        "question": cut_middle(example.question, QUESTION),
        **({"options": options} if options else {}),
        "context": None if example.context is None else cut_middle(example.context, CONTEXT),
        "prompt": cut_middle(prompt, PROMPT),
    }


def cut_middle(text: str, most: int) -> str:
    """Return a text; of one of more than `most` characters, so many from both ends, and how many are left out.

    >>> cut_middle("0123456789", 4)
    '01 [... 6 characters left out ...] 89'
    """
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - end]} [... {len(text) - most} characters left out ...] {text[-end:]}"
