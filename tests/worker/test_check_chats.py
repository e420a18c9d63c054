"""A chat template that can't write the turns of some rows is told before anything is trained, with the item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.errors import ModelError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.study.own_task import OwnTask
from medcot_bench.study.schema import Study
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.worker.check_models import check_chats

ONE_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' and not loop.first %}{{ raise_exception('too late') }}"
    "{% endif %}{{ m['content'] }}{% endfor %}"
)


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
