"""A chat template that can't write the turns of some rows is told before anything is trained, with the item."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.errors import ModelError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.study.own_task import OwnTask
from medcot_bench.study.schema import Study
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.worker.check_models import check_chats

ONE_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' and not loop.first %}{{ raise_exception('too late') }}"
    "{% endif %}{{ m['content'] }}{% endfor %}"
)
NO_THINKING = "{% for m in messages %}{{ m['content'].split('</think>')[-1] }}{% endfor %}"
"""As Qwen3's, in short."""
ONE_TURN = "{% if messages|length > 1 %}{{ raise_exception('one turn') }}{% endif %}{{ messages[0]['content'] }}"


def planned(fields: dict[str, Any], path: Path, thinks: int = -1, **changes: Any) -> Plan:
    rows = []
    for number in range(8):
        said = "<think>Hm.</think>Here." if number == thinks else f"Here, {number}."
        turns = [
            ("user", f"Where is {number}?"),
            ("assistant", said),
            ("user", "When?"),
            ("assistant", f"At {number}"),
        ]
        messages = [{"role": role, "content": text} for role, text in turns]
        rows.append({"messages": messages, "split": "train" if number % 2 else "eval"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = {"data": {}, "own": {"rows": OwnTask(data=str(path))}, "tasks": "rows", **changes}
    return make_plan(Study(**fields | changes | {"chat_template": True}))


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_every_chat_that_is_used_is_written(number: int, study_fields: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = NO_THINKING
    encoder = Encoder(tokenizer, chat_template=True)
    check_chats(planned(study_fields, path), encoder)
    said = (
        rf"^task rows, item '\w+-{number + 1}': the model's chat template leaves out text of the role assistant; "
    )
    with pytest.raises(ModelError, match=said):
        check_chats(planned(study_fields, path, number), encoder)


@pytest.mark.parametrize("shots", [0, 1])
def test_solved_examples_are_tried_where_they_are_asked_for(shots: int, study_fields: dict[str, Any]) -> None:
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = ONE_TURN
    scoring = study_fields.get("scoring", {}) | {"num_fewshot": shots}
    plan = make_plan(Study(**study_fields | {"scoring": scoring, "chat_template": True}))
    refused = pytest.raises(ModelError, match=r"^task \w+, item '.*can't write these turns .*one turn")
    with refused if shots else nullcontext():
        check_chats(plan, Encoder(tokenizer, chat_template=True))


def test_the_first_item_that_a_template_refuses_is_named(study_fields: dict[str, Any], tmp_path: Path) -> None:
    said = [
        ("system", "Be brief."),
        ("user", "Where?"),
        ("assistant", "Here."),
        ("user", "When?"),
        ("assistant", ""),
    ]
    rows = []
    for number in range(8):
        turns = [{"role": role, "content": text or f"At {number}"} for role, text in said]
        turns[1:1] = [{"role": "user", "content": "Hi"}, turns.pop(0)] if number == 5 else []
        rows.append({"messages": turns, "split": "train" if number % 2 else "eval"})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = {"rows": OwnTask(data=str(path))}
    fields = study_fields | {"data": {}, "own": own, "tasks": "rows", "chat_template": True}
    plan = make_plan(Study(**fields))
    tokenizer = make_tiny_tokenizer()
    check_chats(plan, Encoder(tokenizer, chat_template=True))
    tokenizer.chat_template = ONE_SYSTEM
    check_chats(plan, Encoder(tokenizer))
    with pytest.raises(
        ModelError, match=r"task rows, item '\w+-6': the model's chat template can't write .*too late"
    ):
        check_chats(plan, Encoder(tokenizer, chat_template=True))
