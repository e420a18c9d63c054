"""Your own rows, without code: questions with text answers, from a context or not, with reasoning or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from medcot_bench import ConfigError, Example, Form, Option, Split, Target, TaskSpec, hookimpl
from medcot_tasks.text_answer import SCORES, reasoned, score_after_mark, score_text

OPTIONS = {
    "domain": Option(str, "own", "domain of the rows; a task of another domain is out-of-domain"),
    "context": Option(bool, False, "whether rows have a context, shown in the prompt"),
    "reasoning": Option(bool, False, "whether rows have reasoning, trained before the answer"),
    "prompt": Option(str, "", "the prompt, with {question} and, if rows have one, {context}"),
    "max_new_tokens": Option(int, 0, "longest answer in tokens; 0: 128, with reasoning 512"),
}
_FIELD = re.compile(r"\{(question|context)\}")


class Own:
    """The task plugin. A prompt of the user's own is the only one; the built-in one has a second wording."""

    def __init__(
        self,
        domain: str = "own",
        context: bool = False,
        reasoning: bool = False,
        prompt: str = "",
        max_new_tokens: int = 0,
    ):
        self._context, self._reasons, self._prompt = context, reasoning, prompt.rstrip()
        if prompt:
            wanted = {"question", "context"} if context else {"question"}
            if set(_FIELD.findall(prompt)) != wanted:
                named = " and ".join(f"{{{name}}}" for name in sorted(wanted, reverse=True))
                raise ConfigError(f"task own: prompt: it must contain {named}, and no other field")
        self.spec = TaskSpec(
            name="own",
            version=2,
            domain=domain,
            form=Form(context="given" if context else "none", answer="text"),
            licence="of the file given",
            description="Your own rows, without code: --train FILE, or a task file (docs/own_data.md).",
            options=OPTIONS,
            templates=("default",) if prompt else ("default", "other_prompt"),
            usable_with=("context",) if context else (),
            trainable_with=("reasoning",) if reasoning else (),
            scores=SCORES,
            max_new_tokens=max_new_tokens or (512 if reasoning else 128),
            stop=("\nQuestion:", "\nQ:"),
        )

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: rows are the user's."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return the context, the question, and what to write; or the user's own text."""
        if self._prompt:
            fields = {"question": example.question, "context": example.context or ""}
            return _FIELD.sub(lambda found: fields[found[1]], self._prompt).rstrip()
        if template != "default":
            passage = f"Read this passage.\n\n{example.context}\n\n" if self._context and example.context else ""
            how = "Think it through, then write 'Answer:' and the answer.\n" if self._reasons else ""
            return f"{passage}Q: {example.question}\n{how}A:"
        passage = f"Documentation:\n{example.context}\n\n" if self._context and example.context else ""
        how = "Reason first, then give the answer.\nReasoning:" if self._reasons else "Answer:"
        return f"{passage}Question: {example.question}\n{how}"

    def target(self, example: Example) -> Target:
        """Return the reasoning, where there is one, then the answer."""
        return reasoned(example, asked=self._reasons)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: the answer is free."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return token F1 and equality; after reasoning, of what follows the last answer mark."""
        score = score_after_mark if self._reasons else score_text
        return score(example.answer, completion)


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> Own:
    """Build the task."""
    return Own(**options)
