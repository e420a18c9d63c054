"""Tokenise text: prompts and targets to tokens, the same for training and scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from medcot_bench.errors import ModelError, describe_error
from medcot_bench.types import Target, Turn


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes prompts and targets as this study's models see them, and encodes them."""

    tokenizer: Any
    chat_template: bool = False
    system_prompt: str = ""

    def __post_init__(self) -> None:
        if self.chat_template and not self.tokenizer.chat_template:
            raise ModelError("the model has no chat template; leave out --chat-template")
        if self.chat_template:
            self.prompt("a", [("b", "c")])

    def prompt(
        self,
        text: str,
        shots: Sequence[tuple[str, str]] = (),
        before: Sequence[Turn] = (),
        after: Sequence[Turn] = (),
    ) -> str:
        """Return the whole prompt: system prompt, solved examples (prompt, target), then `text`.

        `before` and `after` are the other turns of a chat that a template writes; what of the system comes first
        there is one turn with the system prompt. Raises ModelError where the template can't write a turn.
        """
        if not self.chat_template:
            parts = [self.system_prompt] if self.system_prompt else []
            return "\n\n".join([*parts, *(prompt + target for prompt, target in shots), text])
        first = [said for _, said in takewhile(lambda turn: turn[0] == "system", before)]
        system = "\n\n".join([self.system_prompt, *first] if self.system_prompt else first)
        solved = (turn for prompt, target in shots for turn in (("user", prompt), ("assistant", target.strip())))
        return self._write(
            [*([("system", system)] if system else []), *solved, *before[len(first) :], ("user", text), *after]
        )

    def _write(self, turns: Sequence[Turn]) -> str:
        messages = [{"role": role, "content": text} for role, text in turns]
        try:
            written = str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        except Exception as error:  # a template is code, and raises by its own rules
            roles = ", ".join(role for role, _ in turns)
            raise ModelError(
                f"the model's chat template can't write these turns ({roles}): {describe_error(error)}; "
                "leave out --chat-template"
            ) from None
        if left_out := [role for role, text in turns if text.strip() not in written]:
            raise ModelError(
                f"the model's chat template leaves out text of the role {left_out[0]}; leave out --chat-template"
            )
        return written

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
