"""The field's words: phrases that were replaced stay out of what users and plugin authors read.

Looked at are strings, comments and docstrings of the package and its plugins, and the documents beside them.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COUNTED = "items?|tokens?|nats|seeds?|examples?|scores|cells|rows?|groups|factors|trainings|documents|lines?"
PER = "tasks?|items?|tokens?|steps?|cells?|bytes?|seeds?|groups?|target|training|optimiser|placed|turn|field|score"
WORDS = {
    r"untouched": "base model",
    r"trained elsewhere": "external adapter",
    r"told from|told apart|not told\b|tells? \w+ apart": "significant, significantly different; else: distinct",
    r"at equal value": "at matched in-domain score",
    r"undetermined": "inconclusive",
    r"sharing its rank": "statistically tied",
    r"worth its cost": "quality per cost",
    r"seeds apart|wobble": "seed-to-seed SD",
    r"learnt less": "under-training",
    r"guessing (among the options )?is right": "chance accuracy",
    r"(is|are|was|were) lacking|not whole": "missing, incomplete",
    r"\bgood: ": "OK: ",
    r"offered twice": "name conflict",
    r"(is|are) there already": "already exists",
    r"that is no\b": "not a, not an",
    r"is no (text|JSON|int|float|number|option|plugin name|hub id|list|mapping)\b": "is not a, is not an",
    r"not a text\b": "not a string",
    r"\d %": "% without a space",
    rf"\b({COUNTED}) an? ({PER})\b": "per",
}
"""Pattern, its spaces standing for any whitespace -> what is written instead."""
EXEMPT = {
    # It reads the sentences of older folders.
    "medcot_bench/results/plan_file.py": r"items a task",
    # A task's own items: their ids hash every word.
    "tasks/medcot_tasks/kubernetes/intents/create.py": r"is there already",
}
"""File -> a phrase that it has to hold."""


def documents() -> list[str]:
    """Paths of everything that is looked at, from the root."""
    packages = ("medcot_bench", "tasks/medcot_tasks", "adapters/medcot_adapters")
    paths = [
        path for package in packages for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".yaml")
    ]
    paths += [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".py")]
    paths += [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    names = (path.relative_to(ROOT).as_posix() for path in paths)
    return sorted(name for name in names if not re.match(r"docs/results/.", name))


def passages(name: str) -> Iterator[tuple[int, str]]:
    """The texts in a file, each with the line that it begins in: the whole of it, but of code what is not code."""
    content = (ROOT / name).read_text(encoding="utf-8")
    if not name.endswith(".py"):
        yield 1, content
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT) or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            yield token.start[0], token.string


PHRASES = {re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE): instead for pattern, instead in WORDS.items()}


def phrases_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line of a text on which a replaced phrase stands, the phrase, and what to write."""
    for phrase, instead in PHRASES.items():
        for found in phrase.finditer(text):
            yield text.count("\n", 0, found.start()), " ".join(found[0].split()), instead


@cache
def found_in(name: str) -> list[str]:
    return [
        f"{name}:{first + line}: {said!r}; write: {instead}"
        for first, text in passages(name)
        for line, said, instead in phrases_in(text)
        if not re.fullmatch(EXEMPT.get(name, ""), said)
    ]


def test_replaced_phrases_stay_out() -> None:
    assert [found for name in documents() for found in found_in(name)] == []


@pytest.mark.parametrize("name", EXEMPT)
def test_an_exempt_phrase_is_still_there(name: str) -> None:
    text = " ".join(" ".join(text.split()) for _, text in passages(name))
    assert re.search(EXEMPT[name], text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("scored by the untouched base", [(0, "untouched", "base model")]),
        ("trained: 200\nitems a\n  task", [(1, "items a task", "per")]),
        ("lora:r=many: that is no int", [(0, "that is no", "not a, not an")]),
        ("Two are told apart.", [(0, "told apart", WORDS[r"told from|told apart|not told\b|tells? \w+ apart"])]),
        ("items per task, not an int, distinct", []),
    ],
)
def test_a_phrase_is_found_in_any_case_and_across_lines(text: str, found: list[tuple[int, str, str]]) -> None:
    assert {*found} <= {*phrases_in(text)}
    assert bool(found) == bool([*phrases_in(text)])
