"""What samples keep of an item: short, each text once, and enough to read what was asked."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.scoring.evaluate import evaluate_task
from medcot_bench.scoring.kept_texts import CONTEXT, OPTION, PROMPT, QUESTION, cut_middle, keep_texts
from medcot_bench.study.schema import Study
from medcot_bench.types import Example

Texts = dict[str, Any]


def kept_of(question: str, context: str | None, prompt: str, **options: str) -> Texts:
    example = Example(id="1", group="1", question=question, answer="x", context=context, options=options)
    return keep_texts(example, prompt)


ASKED = "Which port does the service listen on?"


def test_the_prompt_has_places_where_it_repeats_question_and_context() -> None:
    context = "kind: Service\nport: 8080"
    kept = kept_of(ASKED, context, f"Read:\n{context}\n\nQuestion: {ASKED}\nAnswer:")
    assert kept == {
        "question": ASKED,
        "context": context,
        "prompt": "Read:\n[context]\n\nQuestion: [question]\nAnswer:",
    }
    assert kept_of("Port?", None, "Port? Answer:") == {
        "question": "Port?",
        "context": None,
        "prompt": "Port? Answer:",
    }
    assert kept_of("Port?", None, "", A="80", B="9" * 300)["options"] == {
        "A": "80",
        "B": cut_middle("9" * 300, OPTION),
    }


def test_long_texts_keep_both_ends_and_say_how_much_is_left_out() -> None:
    question, context = ("q" * 40 + "x" * 5000 + "r" * 40, "c" * 40 + "y" * 100_000 + "d" * 40)
    shots = "An example. " * 5000
    kept = kept_of(question, context, f"{shots}{context}\n{question}\nAnswer:")
    for name, most, ends in (
        ("question", QUESTION, ("q" * 40, "r" * 40)),
        ("context", CONTEXT, ("c" * 40, "d" * 40)),
        ("prompt", PROMPT, ("An example. ", "[context]\n[question]\nAnswer:")),
    ):
        text = kept[name]
        assert len(text) <= most + 50
        assert text.startswith(ends[0])
        assert text.endswith(ends[1])
    assert f"[... {100_080 - CONTEXT} characters left out ...]" in kept["context"]
    assert cut_middle("x" * PROMPT, PROMPT) == "x" * PROMPT


@pytest.mark.parametrize("chat_template", [False, True])
def test_a_sample_tells_the_prompt_that_the_model_got(
    study_fields: dict[str, Any], tiny_model: Path, chat_template: bool
) -> None:
    changes = {"chat_template": chat_template, "scoring": {"max_new_tokens": 2, "scores": "gold_nll"}, "limit": 4}
    plan = make_plan(Study.model_validate(study_fields | changes))
    model = load_model(tiny_model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    encoder = Encoder(load_tokenizer(tiny_model), chat_template)
    for score in {score.task: score for score in plan.evaluations}.values():
        found = [evaluate_task(model, encoder, plan, score).samples for _ in range(2)]
        assert json.dumps(found[0]) == json.dumps(found[1])
        for example, sample in zip(plan.items.scored(score.task), found[0], strict=True):
            assert (sample["question"], sample["context"]) == (example.question, example.context)
            whole = sample["prompt"].replace("[context]", (example.context or "").strip())
            whole = whole.replace("[question]", example.question.strip())
            assert sha256(whole.encode()).hexdigest()[:16] == sample["prompt_hash"]
