"""The bundled kubectl items: distinct intents, six phrasings, plain English, always the same.

After a change that is meant, make the golden file again and raise the task's version:
UPDATE_GOLDEN=1 python -m pytest tests/tasks/test_intents.py
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from medcot_bench import Example, Split
from medcot_tasks.bundled import SHIFTS, TEMPLATES, Draw, Level
from medcot_tasks.kubernetes.command import holds_placeholder, read_command
from medcot_tasks.kubernetes.intents import INTENTS
from medcot_tasks.kubernetes.intents.intent import Intent
from medcot_tasks.kubernetes.intents.item import COMMON, EXTRAS, FRAMES, make_item
from medcot_tasks.kubernetes.intents.values import POOLS
from medcot_tasks.kubernetes.kubectl import Kubectl

GOLDEN = Path(__file__).parent / "golden" / "kubectl.jsonl"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
SLOT = re.compile(r"\$\{?([a-z]+\d?)")
LEVELS: tuple[Level, ...] = ("basic", "hard")
PARTS: list[tuple[Split, str]] = [
    ("train", ""),
    ("validation", ""),
    ("eval", ""),
    *(("eval", shift) for shift in SHIFTS),
]


def first(count: int, split: Split, shift: str = "", level: Level = "basic", seed: int = 0) -> list[Example]:
    return list(islice(Kubectl(shift, level, seed).examples(split), count))


def item(intent: Intent, template: int, level: Level = "basic") -> tuple[str, str]:
    draw = Draw("id", "group", intent.name, template, False, level, random.Random(7))
    return make_item(draw)


def wordings(intent: Intent) -> tuple[str, ...]:
    return (*intent.seen, intent.unseen)


def test_no_intent_is_a_renaming_of_another() -> None:
    def signature(intent: Intent) -> tuple[str, ...]:
        command = read_command(intent.command.replace("$", ""))
        assert command is not None
        (step,) = command.steps
        length = 3 if step.words[1] in ("auth", "config", "create", "rollout", "set", "top") else 2
        kinds = [word.partition("/")[0] for word in step.words[length : length + 1]]
        return (*step.words[1:length], *kinds, *(name for name, _ in step.flags), "--" if step.remote else "")

    counts = Counter(map(signature, INTENTS))
    assert not {found for found, count in counts.items() if count > 1}
    assert len({intent.name for intent in INTENTS}) == len(INTENTS) >= 62


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: intent.name)
def test_wordings_fit_every_frame_and_tell_all_that_the_command_needs(intent: Intent) -> None:
    assert len(set(wordings(intent))) == 3
    needed = set(SLOT.findall(intent.command))
    for wording in wordings(intent):
        assert wording[0].islower()
        assert wording[-1] not in ".?! "
        assert not re.search(r"\b(me|my|please)\b", wording)
        assert set(SLOT.findall(wording)) - {"where"} == needed
        assert wording.count("$where") <= (intent.scope in ("namespace", "context"))
    assert set(intent.extras) <= set(EXTRAS)


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: intent.name)
def test_six_phrasings_differ_and_ask_for_the_same_verb(intent: Intent) -> None:
    questions = {item(intent, template)[0] for template in range(TEMPLATES)}
    assert len(questions) == TEMPLATES == len(FRAMES)
    parsed = [read_command(item(intent, template)[1]) for template in range(TEMPLATES)]
    assert len({command and command.steps[0].words[1] for command in parsed}) == 1


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: intent.name)
def test_an_option_has_a_value_of_its_own(intent: Intent) -> None:
    """Else `acting as user pedro` would name the very user that a role is granted to."""
    own = set(SLOT.findall(intent.command))
    for name in (*intent.extras, *COMMON[intent.scope]):
        flag = EXTRAS[name][1]
        if flag.partition("=")[0] not in intent.command:
            assert not own & set(SLOT.findall(flag)), name


@pytest.mark.parametrize("level", LEVELS)
def test_sentences_say_what_a_command_could_leave_open(level: Level) -> None:
    for intent in INTENTS:
        for template in range(TEMPLATES):
            question, command = item(intent, template, level)
            if command.startswith("kubectl events"):
                assert "kubectl events" in question
            if command.startswith("kubectl patch"):
                assert ("strategic" in question) is ("--type=merge" not in command)
                assert ("JSON merge" in question or "type merge" in question) is ("--type=merge" in command)
            if command.startswith("kubectl run ") and "--port" in command:
                assert "container port" in question
            if command.startswith("kubectl kustomize"):
                assert "--kubeconfig" not in command
            assert (" -R" in command) is ("folder" in question and "apply" in question and "server" in question)
            assert command.count("timeout=") <= 1
            assert not re.search("kubectl (exec|port-forward|proxy).*--request-timeout", command)


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: intent.name)
def test_no_option_says_what_holds_anyway(intent: Intent) -> None:
    for number in range(4 * TEMPLATES):
        draw = Draw("id", "group", intent.name, number % TEMPLATES, False, "hard", random.Random(number))
        question, command = make_item(draw)
        assert not re.search(r"\blabel \S+=\S+,\S+=", question), "two labels"
        assert not re.search("delete .*(--all|-l ).*--ignore-not-found", command), "so are found by a selector"
        assert not re.search("--wait=false.*--(dry-run|timeout)", command), "nothing to wait for"
        assert not re.search("--grace-period=[1-9].* --timeout", command), "two times to wait"


def test_sentences_leave_no_other_command_as_right() -> None:
    for intent in INTENTS:
        for number in range(4 * TEMPLATES):
            level: Level = "hard" if number % 2 else "basic"
            draw = Draw("id", "group", intent.name, number % TEMPLATES, False, level, random.Random(number))
            question, command = make_item(draw)
            if command.startswith("kubectl describe"):  # not `get -o yaml`
                assert re.search("[Dd]escrib|description|events", question)
            if command.startswith("kubectl create -f"):  # not `apply -f`
                assert re.search("exist yet|error for those|fail where", question)
            if command.startswith("kubectl logs -l"):  # which prints ten lines unless told
                assert "--tail=" in command
            if "spec.nodeName" in command:  # not `describe node`
                assert "field selector" in question
            if " get all " in command:  # which gets far from all
                assert "category all" in question
            if "--all " in f"{command} " and "context" not in question:  # not -A
                assert "namespace" in question
            if "--dry-run=client -o yaml" in command:  # not --dry-run=server, nor JSON
                assert "YAML" in question
                assert "client" in question


@pytest.mark.parametrize("level", LEVELS)
def test_sentences_do_not_say_the_same_place_twice(level: Level) -> None:
    for intent in INTENTS:
        for template in range(TEMPLATES):
            question = item(intent, template, level)[0]
            assert not re.search(
                r"cluster in the cluster|kubeconfig, using|using the context.*using the", question
            )


def test_a_user_that_acts_is_not_the_user_that_gets_a_role() -> None:
    binding = next(intent for intent in INTENTS if intent.name == "create-rolebinding")
    acting = 0
    for seed in range(60):
        draw = Draw("id", "group", binding.name, seed % TEMPLATES, False, "hard", random.Random(seed))
        command = make_item(draw)[1]
        found = re.search(r"--user=(\w+).*--as=(\w+)", command)
        if found:
            acting += 1
            assert found[1] != found[2], command
    assert acting > 5


def test_two_thousand_golds_are_right_and_hold_no_placeholder() -> None:
    task = Kubectl()
    for level in LEVELS:
        for example in first(1000, "train", level=level):
            assert task.score(example, task.target(example).text.strip()) == {"answer": 1.0}
            assert not holds_placeholder(example.answer)


def test_ten_thousand_items_are_sentences_with_one_command_each() -> None:
    def everything() -> Iterator[Example]:
        for level in LEVELS:
            for split, shift in PARTS:
                yield from first(900, split, shift, level)

    examples = list(everything())
    for example in examples:
        assert not re.search(r"[${}]|  | [,.?:]|\.\.", example.question), example.question
        assert example.question[0].isupper()
        assert example.question[-1] in ".?"
        assert "\n" not in example.question + example.answer
        assert "$" not in example.answer
        assert example.answer.startswith("kubectl ")
    assert len(examples) >= 10_000


@pytest.mark.parametrize(("split", "shift"), PARTS)
@pytest.mark.parametrize("level", LEVELS)
def test_few_items_are_equal(split: Split, shift: str, level: Level) -> None:
    questions = {example.question for example in first(1000, split, shift, level)}
    assert len(questions) > 900


def test_items_are_the_same_every_time_and_others_with_another_seed() -> None:
    assert first(50, "train") == first(50, "train")
    assert first(50, "train") != first(50, "train", seed=1)
    assert not {e.question for e in first(50, "train")} & {e.question for e in first(50, "train", level="hard")}


def test_the_halves_of_every_pool_share_nothing() -> None:
    for kind, (seen, unseen) in POOLS.items():
        assert seen, kind
        assert unseen, kind
        assert not set(seen) & set(unseen), kind


def test_a_shift_changes_the_evaluation_and_nothing_else() -> None:
    for shift in SHIFTS:
        assert first(20, "train", shift) == first(20, "train")
        assert first(20, "eval", shift) != first(20, "eval")


def test_hard_items_are_longer_and_name_a_place() -> None:
    basic, hard = (first(300, "train", level=level) for level in ("basic", "hard"))
    assert sum(len(e.answer) for e in hard) > 1.4 * sum(len(e.answer) for e in basic)


def test_basic_items_are_short() -> None:
    """About 40 tokens of prompt and 35 of target for the default model, at some 3 characters a token."""
    task = Kubectl()
    for split, shift in PARTS:
        for example in first(1000, split, shift):
            assert len(task.prompt(example, "default")) <= 170, example.question
            assert len(task.target(example).text) <= 105, example.answer


def test_rows_with_placeholders_take_names() -> None:
    row = replace(first(1, "eval")[0], answer="kubectl logs <pod_name> -n <namespace>")
    assert Kubectl().score(row, "kubectl logs web-0 --namespace shop") == {"answer": 1.0}
    assert Kubectl().score(row, "kubectl logs web-0") == {"answer": 0.0}


def test_the_first_items_are_these() -> None:
    examples = [*first(20, "train"), *first(10, "eval")]
    for shift in SHIFTS:
        examples += first(10, "eval", shift)
    examples += first(5, "train", level="hard")
    lines = [
        json.dumps({"id": e.id, "group": e.group, "question": e.question, "answer": e.answer}) for e in examples
    ]
    if UPDATE:
        GOLDEN.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8").splitlines() == lines
