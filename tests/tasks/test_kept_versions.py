"""Tasks whose version stays score their own items as before: published predictions keep their scores."""

from __future__ import annotations

import bz2
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from lanes import draw, slow

from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import resolve_task
from medcot_bench.scoring.item_scores import cut
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.text import tokens as rouge_tokens
from medcot_bench.text import words
from medcot_bench.types import SPLITS
from medcot_tasks.bundled import LEVELS, SHIFTS
from medcot_tasks.medical.medqa_cot import read_letter
from medcot_tasks.normal_form import comparable, is_sign, normal_form, tokens
from medcot_tasks.text_answer import score_text

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def predictions(study: str, task: str) -> Iterator[dict[str, Any]]:
    for path in sorted((RESULTS / study).glob(f"cells/*/samples/{task}*.bz2")):
        with bz2.open(path, "rt", encoding="utf-8") as file:
            yield from (row for row in map(json.loads, file) if row["prediction"] is not None)


@pytest.mark.parametrize("study", ["quick", slow("study"), slow("persistence")])
@pytest.mark.parametrize("task", ["k8s_qa", "manuals_qa"])
def test_published_text_answers_keep_their_scores(study: str, task: str) -> None:
    rows = list(predictions(study, task))
    assert rows
    for row in rows:
        found = score_text(row["target"].strip(), row["prediction"])
        assert (found["answer"] or 0.0) == pytest.approx(row["scores"]["answer"], abs=1e-12), row
        assert found["exact"] == row["scores"].get("exact"), row


@pytest.mark.parametrize("study", [slow("study"), "persistence"])
def test_published_letters_keep_their_scores(study: str) -> None:
    rows = list(predictions(study, "medqa_cot"))
    assert rows
    for row in rows:
        letter, right = read_letter(row["prediction"], "ABCD"), re.search(r"\((\w)\)$", row["target"])
        assert right
        assert float(letter is not None) == row["scores"]["parsed"], row
        assert float(letter == right[1]) == row["scores"]["answer"], row


@pytest.mark.parametrize("study", ["quick", slow("study"), slow("persistence")])
def test_published_predictions_have_no_thinking_and_the_same_words_for_rouge(study: str) -> None:
    for row in predictions(study, ""):
        assert cut(row["prediction"], ()) == row["prediction"]
        for text in (row["prediction"], row["target"]):
            assert rouge_tokens(text) == words(text)


@pytest.mark.parametrize("name", ["k8s_qa", "manuals_qa"])
@pytest.mark.parametrize("level", LEVELS)
@draw(quick=100, slow=3000)
def test_own_answers_have_no_form_that_is_compared_in_a_new_way(name: str, level: str, count: int) -> None:
    for shift in ("", *SHIFTS):
        task = resolve_task(parse_specs(f"{name}{shift and '@'}{shift}:level={level}")[0], installed()).task
        for split in SPLITS if not shift else ("eval",):
            for item in islice(task.examples(split), count):
                plain = re.sub(r"\b(the|an|a) ", "", item.answer.casefold())
                assert normal_form(item.answer) == plain  # every number is in its shortest form
                assert comparable(item.answer) == re.sub(r"(?<=\d) (?=\D)", "", plain)
                assert not any(map(is_sign, tokens(item.answer)))
                split_words = re.sub(r"(?<!\w)(\d+(?:\.\d+)?)(?=[^\W\d_])", r"\1 ", plain)
                assert len(tokens(item.answer)) == len(words(split_words))
