"""Tokenise text: prompts and targets to tokens, the same for training and scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from medcot_bench.base_model.chat_template import SAID, without_system_prompt
from medcot_bench.errors import ModelError, describe_error
from medcot_bench.models.control_tokens import MARK, ControlTokens
from medcot_bench.types import Target, Turn


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes prompts and targets as this study's models see them, and encodes them."""

    tokenizer: Any
    chat_template: bool = False
    system_prompt: str = ""
    control_tokens: ControlTokens = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "control_tokens", ControlTokens(self.tokenizer))
        if self.chat_template and not self.tokenizer.chat_template:
            raise ModelError("the model has no chat template; leave out --chat-template")
        if self.chat_template and self.system_prompt:
            self._check_system_prompt()
        if self.chat_template:
            self.prompt("a")

    def _check_system_prompt(self) -> None:
        messages = [{"role": "system", "content": SAID}, {"role": "user", "content": "Why?"}]
        try:
            kept = SAID in self.tokenizer.apply_chat_template(messages, tokenize=False)
            why = "" if kept else "it leaves it out"
        except Exception as error:  # what a template raises
            why = describe_error(error)
        if why:
            raise ModelError(f"the model's {without_system_prompt(why)}")

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
        return self._encode(text, {"add_special_tokens": False} if twice else {})

    def pair(self, prompt: str, target: str) -> tuple[list[int], list[int]]:
        """Return the tokens of a prompt and of the target after it, split as lm-eval splits them.

        Whitespace at the border belongs to the target. Where a token of the whole text would hold characters of
        both, prompt and target are encoded each by itself: a model that answers has read the prompt's own tokens.
        """
        bare = prompt.rstrip()
        context, whole = self.encode(bare), self.encode(prompt + target)
        after = whole[len(context) :]
        if whole[: len(context)] == context and (after or not target):
            return context, after
        return context, self._continue((prompt + target)[len(bare) :])

    def _continue(self, text: str) -> list[int]:
        """Return the tokens of a text that others come before: some tokenizers put a space before a first one."""
        bare: dict[str, Any] = {"add_special_tokens": False}
        before, both = self._encode("\n", bare), self._encode(f"\n{text}", bare)
        return both[len(before) :] if both[: len(before)] == before else self._encode(text, bare)

    def _encode(self, text: str, settings: dict[str, Any]) -> list[int]:
        if MARK not in text:
            return list(self.tokenizer.encode(text, **settings))
        tokens: list[int] = []
        for part, is_text in self.control_tokens.split(text):
            tokens += self.tokenizer.encode(part, split_special_tokens=is_text, **settings)
            settings = {"add_special_tokens": False}
        return tokens
