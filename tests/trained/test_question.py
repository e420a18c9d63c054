"""A typed question becomes an item of a task, or is refused with all that is wrong with it."""

from __future__ import annotations

import pytest

from medcot_bench.errors import ConfigErrors
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.trained.question import ask

OPTIONS = {"A": "aspirin", "B": "warfarin"}


def task(typed: str) -> ResolvedTask:
    return resolve_task(parse_specs(typed)[0], installed())


def test_a_question_is_written_as_the_items_of_its_task_are() -> None:
    example = ask(task("medqa_cot"), " Which one?\n", None, OPTIONS)
    written = task("medqa_cot").task.prompt(example, "default")
    assert written.startswith("Question: Which one?\nA. aspirin\nB. warfarin\nReason step by step")
    assert ask(task("k8s_qa"), "Which port?", "Port 80.", {}).context == "Port 80."
    assert ask(task("k8s_qa:context=none"), "Which port?", None, {}).context is None


@pytest.mark.parametrize(
    ("typed", "question", "context", "options", "said"),
    [
        (
            "k8s_qa",
            "",
            None,
            {},
            ["the question is empty", "task k8s_qa needs a context: add --context TEXT or"],
        ),
        ("k8s_qa", "Why?", "A text.", OPTIONS, ["task k8s_qa takes no options"]),
        ("k8s_qa:context=none", "Why?", "A text.", {}, ["task k8s_qa:context=none takes no context"]),
        ("medqa_cot", "Why?", None, {}, ["task medqa_cot needs options: add --option A=TEXT"]),
    ],
)
def test_what_a_prompt_lacks_or_has_no_place_for_is_said_at_once(
    typed: str, question: str, context: str | None, options: dict[str, str], said: list[str]
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        ask(task(typed), question, context, options)
    assert len(caught.value.errors) == len(said)
    for error, beginning in zip(caught.value.errors, said, strict=True):
        assert error.startswith(beginning)
