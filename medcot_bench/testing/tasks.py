"""Conformance checks of a task plugin, to subclass in its tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise

import pytest

from medcot_bench.data.leaks import Asked, find_leak
from medcot_bench.interfaces import Task
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.plugins.spec_checks import find_fault
from medcot_bench.plugins.task_checks import checked_items, checked_prompt, checked_target
from medcot_bench.study.schema import BUNDLED
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import SPLITS, Example, Split

NASTY = (
    "",
    " \n\t ",
    "\x00",
    "\ufffd\ufffd",
    "Answer:",
    "Answer: ZZ",
    "nan",
    "-inf",
    "1e999",
    "\u00bd \u0663 \u4e09",
    "\N{MATHEMATICAL BOLD CAPITAL A}",
    "e\u0301" * 50,
    "{} %s {0} \\",
    "<|endoftext|></s>",
)
"""Completions that small models write, or that trip up parsers."""

ENDLESS = (
    "9" * 5000,  # more digits than int() takes
    "(" * 2000,
    "a " * 5000,
)
"""Completions that go on and on. What they trip up is seldom of one item, and each takes long to read."""


def _first(task: Task, split: Split, count: int = 200) -> Iterable[Example]:
    return islice(task.examples(split), count if split in task.spec.pool else None)


class TaskChecks:
    """What holds for every task. Name it in a subclass, and every check runs:

    class TestPorts(TaskChecks):
        name = "ports_qa"

    A task that reads its rows from a file overrides the fixture `items`; one that isn't installed, `task`.
    """

    name: str
    """The task as typed after `--tasks`, e.g. `k8s_qa:context=none`."""
    leaks: int = 0
    """Items whose short target their prompt may say by chance."""

    @pytest.fixture
    def chosen(self) -> ResolvedTask:
        """Return the task with its options, as `name` says."""
        return resolve_task(parse_specs(self.name)[0], installed())

    @pytest.fixture
    def task(self, chosen: ResolvedTask) -> Task:
        """Return the task to check."""
        return chosen.task

    @pytest.fixture
    def items(self, task: Task) -> Mapping[Split, Sequence[Example]]:
        """Return the items of every split: the task's own unless overridden, 200 of an endless one."""
        return {split: tuple(_first(task, split)) for split in SPLITS}

    @pytest.fixture
    def everything(self, items: Mapping[Split, Sequence[Example]]) -> list[Example]:
        """Return the items of all splits."""
        return [example for split in SPLITS for example in items[split]]

    def test_spec_is_whole_and_fixed(self, task: Task) -> None:
        """The spec is a (frozen) TaskSpec with a name, a version from 1 up, a template, and the score `answer`.

        Its options, form and names are such as the core can use.
        """
        assert isinstance(task, Task), f"{type(task).__name__} is missing a method of a task"
        spec = task.spec
        assert spec == task.spec, "spec changes from one look to the next"
        wrong = find_fault(spec, "task")
        assert not wrong, wrong

    def test_examples_are_deterministic(self, task: Task) -> None:
        """Every split yields the same items in the same order each time."""
        for split in SPLITS:
            once, again = (list(_first(task, split, 50)) for _ in range(2))
            assert once == again, f"the items of {split} change"

    def test_there_are_whole_items_with_ids_of_their_own(self, everything: list[Example]) -> None:
        """There is something to check, every item is an Example of texts, and no id comes twice."""
        assert everything, "no items; override the fixture `items` for a task that reads a file"
        checked_items(everything)

    def test_own_items_are_a_source(self, task: Task) -> None:
        """What `examples` yields is used where `spec.sources` names it, as `bundled`."""
        own = any(next(iter(_first(task, split)), None) for split in SPLITS)
        assert own == (BUNDLED in task.spec.sources), (
            "examples() yields items, so name them in spec.sources as 'bundled'"
            if own
            else "spec.sources names 'bundled', but examples() yields nothing"
        )

    def test_splits_share_no_group(self, items: Mapping[Split, Sequence[Example]]) -> None:
        """Items of one group lie in one split."""
        found: dict[str, Split] = {}
        for split in SPLITS:
            for example in items[split]:
                first = found.setdefault(example.group, split)
                assert first == split, f"group '{example.group}' lies in {first} and in {split}"

    def test_prompts_are_deterministic_and_end_in_text(self, task: Task, everything: list[Example]) -> None:
        """Under each template a prompt is not empty, ends without whitespace, and is the same each time."""
        for example in everything:
            for template in task.spec.templates:
                prompt = checked_prompt(task.prompt(example, template))
                assert prompt, f"{example.id}: the prompt is empty"
                assert prompt == prompt.rstrip(), f"{example.id}: the prompt ends in whitespace"
                assert prompt == task.prompt(example, template), f"{example.id}: the prompt changes"

    def test_prompts_hide_the_target(self, task: Task, everything: list[Example]) -> None:
        """No prompt gives its own target away by more than others do: stricter than the gate of a study."""
        for template in task.spec.templates:
            items = [Asked(e, task.target(e), task.prompt(e, template)) for e in everything]
            leak = find_leak(items, context_given=task.spec.form.context == "given")
            assert leak.hits <= self.leaks, f"template '{template}': {leak}, e.g. {leak.shown}"

    def test_prompts_do_not_depend_on_the_answer(self, task: Task, everything: list[Example]) -> None:
        """An item with another answer and reasoning has the same prompt."""
        for example in everything:
            letters = [letter for letter in example.options if letter != example.answer_letter]
            other = replace(
                example,
                answer="something else",
                reasoning="For another reason." if example.reasoning else None,
                answer_letter=letters[0] if letters else None,
            )
            for template in task.spec.templates:
                same = task.prompt(other, template) == task.prompt(example, template)
                assert same, f"{example.id}: the prompt tells something of the answer"

    def test_prompts_without_a_context_have_none(self, task: Task, everything: list[Example]) -> None:
        """Where the form gives a context, an item without it can be asked: in fewer words, and no 'None'."""
        if task.spec.form.context == "none":
            return
        for example in everything:
            for template in task.spec.templates:
                whole = task.prompt(example, template)
                bare = task.prompt(replace(example, context=None), template)
                assert bare, f"{example.id}: without a context the prompt is empty"
                assert bare == bare.rstrip(), f"{example.id}: without a context the prompt ends in whitespace"
                assert len(bare) < len(whole), f"{example.id}: the prompt without a context is no shorter"
                assert bare.count("None") <= whole.count("None"), f"{example.id}: the prompt says None"

    def test_targets_can_be_written(self, task: Task, everything: list[Example]) -> None:
        """A target has an answer, is the same each time, and no stop string would cut it."""
        for example in everything:
            target = checked_target(task.target(example))
            assert target.answer.strip(), f"{example.id}: the target has no answer"
            assert target == task.target(example), f"{example.id}: the target changes"
            cut = [stop for stop in task.spec.stop if stop in target.text.lstrip()]
            assert not cut, f"{example.id}: generation would stop at {cut} before the target's end"

    def test_gold_answers_score_one(self, task: Task, everything: list[Example]) -> None:
        """The target itself scores answer 1."""
        for example in everything:
            found = task.score(example, task.target(example).text.strip())["answer"]
            assert found == 1, f"{example.id}: its own target scores {found}"

    def test_empty_completions_score_nothing(self, task: Task, everything: list[Example]) -> None:
        """Where nothing was written the answer is None or 0."""
        for example in everything:
            assert not task.score(example, "")["answer"], f"{example.id}: an empty completion scores"

    def test_other_answers_score_less(self, task: Task, everything: list[Example]) -> None:
        """The targets of other items do not all score 1."""
        pairs = [
            (one, other)
            for one, other in pairwise(everything)
            if task.target(one).answer.split() != task.target(other).answer.split()
        ]
        scores = [task.score(one, task.target(other).text.strip())["answer"] for one, other in pairs]
        assert not pairs or any(score != 1 for score in scores), "every answer scores 1"

    def test_scores_are_shares_of_one(self, task: Task, everything: list[Example]) -> None:
        """Any text gets the declared scores, each None or from 0 to 1, the same each time."""
        for number, example in enumerate(everything):
            for text in (*NASTY, *ENDLESS) if number % 20 == 0 else NASTY:
                scores = task.score(example, text)
                assert set(scores) == set(task.spec.scores), f"score() gives {sorted(scores)}"
                wrong = {name: s for name, s in scores.items() if s is not None and not 0 <= s <= 1}
                assert not wrong, f"{example.id}: {text[:20]!r} scores {wrong}"
                again = task.score(example, text) if number % 5 == 0 else scores
                assert dict(scores) == dict(again), f"{example.id}: scores change"

    def test_options_hold_the_right_one(self, task: Task, everything: list[Example]) -> None:
        """Options differ; the right one scores 1 and is the target's answer, the others do not score."""
        for example in everything:
            options = task.options(example)
            assert options or task.spec.form.answer != "letter", f"{example.id}: answers are letters of no option"
            if not options:
                continue
            right = [letter for letter, one in options.items() if one.answer == task.target(example).answer]
            assert len(right) == 1, f"{example.id}: {len(right)} options are the target's answer"
            named = example.answer_letter in (None, *right)
            assert named, f"{example.id}: the target names another option than '{example.answer_letter}'"
            assert len({option.text for option in options.values()}) == len(options), "two options are the same"
            for letter, option in options.items():
                found = task.score(example, option.text.strip())["answer"] or 0
                assert found == (letter in right), f"{example.id}: option {letter} scores {found}"
