"""Task sentences to kubectl commands, made on the spot or read from a file, compared as commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.bundled import OPTIONS, SHIFTS, Family, Level
from medcot_tasks.kubernetes.command import holds_placeholder, read_command, same_command
from medcot_tasks.kubernetes.intents import BASIC, INTENTS
from medcot_tasks.kubernetes.intents.item import make_item

_ALL = [*BASIC, *(intent.name for intent in INTENTS if intent.name not in BASIC)]
FAMILIES: Mapping[Level, Family] = {
    "basic": Family("kubectl", 1, BASIC),
    "medium": Family("kubectl", 1, _ALL),
    "hard": Family("kubectl", 1, _ALL),
}
SPEC = TaskSpec(
    name="kubectl",
    version=1,
    domain="kubernetes",
    form=Form(context="none", answer="command"),
    licence="bundled items: Apache-2.0; otherwise of the file given",
    description="A task in words to a kubectl command; correct if every word and flag is.",
    sources={"bundled": f"generated from {len(INTENTS)} intents in six phrasings, without end"},
    options=OPTIONS,
    shifts=SHIFTS,
    templates=("default", "other_prompt"),
    pool={"train": 600, "validation": 64, "eval": 100},
    scores=("answer",),
    max_new_tokens=64,
    stop=("\n",),
)


class Kubectl:
    """The task plugin. A shift changes which bundled items the evaluation split holds."""

    def __init__(self, shift: str = "", level: Level = "basic", seed: int = 0):
        self.shift, self.level, self.seed = shift, level, seed
        self.spec = SPEC

    def examples(self, split: Split) -> Iterator[Example]:
        """Yield items without end."""
        for draw in FAMILIES[self.level].draws(split, shift=self.shift, level=self.level, seed=self.seed):
            question, command = make_item(draw)
            yield Example(id=draw.id, group=draw.group, question=question, answer=command)

    def prompt(self, example: Example, template: str) -> str:
        """Return the task sentence and the mark of the command."""
        if template != "default":
            return f"Which kubectl command does this?\n{example.question}\n$"
        return f"Task: {example.question}\nCommand:"

    def target(self, example: Example) -> Target:
        """Return the command."""
        return Target(example.answer)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: there are no options."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return 1 for the same command, 0 for another, None where there is none to read."""
        placeholders = holds_placeholder(example.answer)
        if read_command(completion, placeholders=placeholders) is None:
            return {"answer": None}
        return {"answer": float(same_command(example.answer, completion, placeholders))}


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> Kubectl:
    """Build the task; a name such as `kubectl@unseen_template` carries the shift."""
    return Kubectl(shift=name.partition("@")[2], **options)
