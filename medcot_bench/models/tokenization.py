"""Tokenise text: prompts and targets to tokens, the same for training and scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medcot_bench.errors import ModelError, describe_error
from medcot_bench.types import Target


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes prompts and targets as this study's models see them, and encodes them."""

    tokenizer: Any
    chat_template: bool = False
    system_prompt: str = ""

    def __post_init__(self) -> None:
        if self.chat_template and not self.tokenizer.chat_template:
            raise ModelError("the model has no chat template; leave out --chat-template")
        try:
            self.prompt("a", [("b", "c")])
        except Exception as error:  # a template is code, and raises by its own rules
            raise ModelError(
                f"the model's chat template can't write a prompt: {describe_error(error)}; leave out "
                "--chat-template, or a system prompt that it does not take"
            ) from None

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
