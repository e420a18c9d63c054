"""What `@unseen_range` changes in k8s_qa: every name and number that isn't one of Kubernetes' own words."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import pytest
import yaml
from lanes import FAST_LOADER, draw

from medcot_tasks.bundled import LEVELS, TEMPLATES, Level
from medcot_tasks.kubernetes import clusters
from medcot_tasks.reading import Document, Values

DRAWN = draw(quick=60, slow=300)
KINDS = pytest.mark.parametrize("entity", clusters.FAMILY.entities)
WORDS = {
    *("kind", "type", "phase", "accessModes", "sessionAffinity", "concurrencyPolicy"),
    *("metrics/resource/name", "jobTemplate/spec/template/spec/containers/name"),
    *("STATUS", "TYPE"),
}
"""Ends of the paths (or columns) that hold Kubernetes' own words: the same in both ranges."""
WORD_ANSWERS = {
    *("type", "policy", "mode", "scarce", "which_history_is_longer", "key", "STATUS of row", "TYPE of row"),
    *("may_connect", "port_in_range", "fits", "above_target"),
}
"""Kinds of questions that Kubernetes' own words, a key, or yes and no answer."""


@lru_cache(maxsize=2)
def documents(entity: str, count: int) -> Mapping[bool, Sequence[Document]]:
    """Documents of the seen range (False) and the unseen one (True)."""
    return {unseen: [document(entity, unseen, number) for number in range(count)] for unseen in (False, True)}


def document(entity: str, unseen: bool, number: int) -> Document:
    values = Values(random.Random(f"{entity} {number}"), unseen=unseen, hard=number % 2 == 0)
    return clusters.document(entity, values)


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}/{key}")
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, path)
    else:
        yield path, str(node)


def places(entity: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield each value in a document and the field or column in which it stands."""
    if entity in clusters.MANIFESTS:
        for doc in yaml.load_all(text, FAST_LOADER):
            yield from leaves(doc)
    else:
        header, *rows = (re.split(r" {2,}", line) for line in text.splitlines()[1:])
        for row in rows:
            yield from zip((f"/{column}" for column in header), row, strict=True)


def collected(texts: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], set[str]]:
    values = defaultdict(set)
    for entity, text in texts:
        for place, value in places(entity, text):
            values[entity, place].add(value)
    return values


def of_kubernetes(entity: str, place: str) -> bool:
    return place.endswith(tuple(f"/{word}" for word in WORDS)) or (entity, place) in {
        ("pods", "/READY"),
        ("stateful set", "/spec/template/spec/containers/name"),
    }


def by_unit(values: set[str]) -> Mapping[str, list[int]]:
    """Return the numbers among some values, apart for each unit."""
    numbers = defaultdict(list)
    for value in values:
        if match := re.fullmatch(r"(\d+)([a-zA-Z%]*)", value):
            numbers[match[2]].append(int(match[1]))
    return numbers


@KINDS
@DRAWN
def test_every_value_of_an_unseen_document_is_from_outside_the_range_of_training(entity: str, count: int) -> None:
    made = documents(entity, count)
    seen, unseen = (collected((entity, each.text) for each in made[unseen]) for unseen in (False, True))
    assert seen.keys() == unseen.keys()
    fixed = {place for place in seen if of_kubernetes(*place)}
    for place in seen.keys() - fixed:
        assert not seen[place] & unseen[place], place
        above = by_unit(unseen[place])
        for unit, numbers in by_unit(seen[place]).items():
            assert max(numbers) < min(above[unit]), place
    for place in fixed:
        assert seen[place] == unseen[place], place


@pytest.mark.parametrize("level", LEVELS)
@draw(quick=200, slow=600)
def test_no_item_of_unseen_range_shares_a_value_with_training(level: Level, count: int) -> None:
    seen, unseen = (
        collected((item.meta["entity"], item.context or "") for item in islice(items, count))
        for items in (
            clusters.examples("train", level=level),
            clusters.examples("eval", "unseen_range", level),
        )
    )
    assert seen.keys() == unseen.keys()
    assert not [place for place in seen if seen[place] & unseen[place] and not of_kubernetes(*place)]


@KINDS
@DRAWN
def test_no_answer_on_an_unseen_document_is_one_of_training_but_for_words_and_counts(
    entity: str, count: int
) -> None:
    answers: dict[bool, dict[str, set[str]]] = {False: defaultdict(set), True: defaultdict(set)}
    for unseen, of_range in answers.items():
        for made in documents(entity, count)[unseen]:
            for question in made.questions:
                of_range[question.kind].add(question.answer)
    assert answers[False].keys() == answers[True].keys()
    for kind in answers[False].keys() - WORD_ANSWERS:
        if not kind.startswith("count "):
            assert not answers[False][kind] & answers[True][kind], kind


@KINDS
@pytest.mark.parametrize("unseen", [False, True])
@DRAWN
def test_every_kind_of_question_can_be_asked_in_every_template(entity: str, unseen: bool, count: int) -> None:
    # A wording that names the answers ("a normal one or a warning?") would never be used.
    asked: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for made in documents(entity, count)[unseen]:
        for question in made.questions:
            for template in range(TEMPLATES):
                phrased = question.phrased(template, clusters.FRAMES).casefold()
                holds = re.search(rf"(?<!\w){re.escape(question.answer.casefold())}(?!\w)", phrased)
                asked[question.kind, template].append(not holds)
    rare = [key for key, could in asked.items() if sum(could) < 0.9 * len(could)]
    assert not rare
