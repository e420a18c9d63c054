"""Text to tokens, one way for training and scoring."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from medcot_bench.chosen import ChosenTask
from medcot_bench.data.items import checked_prompt, checked_target
from medcot_bench.errors import ModelError
from medcot_bench.plugins import blame
from medcot_bench.types import Example, Target


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes prompts and targets as this study's models see them, and encodes them."""

    tokenizer: Any
    chat_template: bool = False
    system_prompt: str = ""

    def __post_init__(self) -> None:
        if self.chat_template and not self.tokenizer.chat_template:
            raise ModelError("the model has no chat template; leave --chat-template out")

    def prompt(self, text: str, shots: Sequence[tuple[str, str]] = ()) -> str:
        """Return the whole prompt: system prompt, solved examples (prompt, target), then `text`."""
        if not self.chat_template:
            parts = [self.system_prompt] if self.system_prompt else []
            return "\n\n".join([*parts, *(prompt + target for prompt, target in shots), text])
        messages = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        for prompt, target in shots:
            messages += [
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": target.strip()},
            ]
        messages.append({"role": "user", "content": text})
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def target(self, target: Target) -> str:
        """Return the target's text; after a chat template's own line break it needs no space."""
        return target.text.lstrip() if self.chat_template else target.text

    def encode(self, text: str) -> list[int]:
        """Return the tokens with the special ones that the tokenizer adds, never a second BOS."""
        bos = self.tokenizer.bos_token
        twice = bool(bos) and text.startswith(bos)
        return list(self.tokenizer.encode(text, **({"add_special_tokens": False} if twice else {})))

    def pair(self, prompt: str, target: str) -> tuple[list[int], list[int]]:
        """Return the tokens of a prompt and of the target after it, split as lm-eval splits them.

        Whitespace at the border belongs to the target, and the border is where the prompt's own tokens end.
        """
        bare = prompt.rstrip()
        whole = self.encode(prompt + target)
        context = self.encode(bare)
        return context, whole[len(context) :]


@dataclass(frozen=True, slots=True)
class Written:
    """One item as a model sees it, with the example as it was written (its context may be shortened)."""

    example: Example
    prompt: str
    target: str
    shortened: bool = False


def write(
    chosen: ChosenTask,
    encoder: Encoder,
    example: Example,
    shots: Sequence[tuple[str, str]] = (),
    *,
    answered: bool = True,
) -> Written:
    """Write one item; one that is not `answered` has an empty target.

    A plugin's exception becomes a PluginError that names it.
    """
    with blame(chosen.entry, f"prompt or target of item '{example.id}'"):
        text = checked_prompt(chosen.task.prompt(example, chosen.template))
        target = checked_target(chosen.task.target(example)) if answered else Target("")
    return Written(example, encoder.prompt(text, shots), encoder.target(target))


def write_within(
    chosen: ChosenTask,
    encoder: Encoder,
    example: Example,
    limit: int,
    *,
    room: int = 0,
    shots: Sequence[tuple[str, str]] = (),
    shorten: bool,
    answered: bool = True,
) -> Written | None:
    """Write one item in at most `limit` tokens, of which the larger of `room` and the target follow the prompt.

    Where it is longer and `shorten` is set, the end of the context is cut, as little as needed. Returns None
    where that is not allowed or not enough.
    """

    def fits(written: Written) -> bool:
        prompt, target = encoder.pair(written.prompt, written.target)
        return len(prompt) + max(len(target) + 1, room) <= limit  # one more for EOS

    written = write(chosen, encoder, example, shots, answered=answered)
    if fits(written):
        return written
    pieces = _pieces(example.context or "")
    if not shorten or not pieces:
        return None
    fitting, low, high = None, 1, len(pieces) - 1
    while low <= high:
        middle = (low + high) // 2
        shorter = replace(example, context="".join(pieces[:middle]))
        candidate = write(chosen, encoder, shorter, shots, answered=answered)
        if fits(candidate):
            fitting, low = Written(shorter, candidate.prompt, candidate.target, shortened=True), middle + 1
        else:
            high = middle - 1
    return fitting


def _pieces(text: str) -> list[str]:
    """Split a text where it may be cut: after words, or anywhere in a script that uses no spaces."""
    words = re.findall(r"\s*\S+", text)
    return words if len(words) > len(text) / 20 else list(text)
