"""A chat template without a place for the system prompt is told before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medcot_bench.base_model import chat_template
from medcot_bench.base_model.chat_template import why_no_system_prompt
from medcot_bench.errors import ModelError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.testing.tiny import make_tiny_tokenizer

TURNS = "{% for m in messages %}<bos>{{ m['role'] }}\n{{ m['content'] }}<eos>\n{% endfor %}"
REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
DROPS = "{% for m in messages if m['role'] != 'system' %}{{ m['content'] }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "why"),
    [(TURNS, ""), (REFUSES + TURNS, "System role not supported"), (DROPS, "it leaves it out")],
    ids=["takes it", "refuses it", "drops it"],
)
@pytest.mark.parametrize("file", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_template_without_a_system_role_is_one_line(tmp_path: Path, template: str, why: str, file: str) -> None:
    text = template if file.endswith("jinja") else json.dumps({"chat_template": template})
    (tmp_path / file).write_text(text)
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = template
    assert why_no_system_prompt(tmp_path) == (f"it says: {why}" if "not supported" in why else why)
    if not why:
        assert "Be brief." in Encoder(tokenizer, chat_template=True, system_prompt="Be brief.").prompt("Q?")
        return
    with pytest.raises(ModelError, match=rf"^the model's chat template takes no system prompt \(.*{why}\); "):
        Encoder(tokenizer, chat_template=True, system_prompt="Be brief.")


def test_a_template_without_an_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = "{% for n in range(99999) %}"
    (tmp_path / "chat_template.jinja").write_text(f"{loop * 3}{'{% endfor %}' * 3}")
    monkeypatch.setattr(chat_template, "LONGEST", 2.0)
    assert why_no_system_prompt(tmp_path) == "it is not done with two turns after 2 s"


def test_a_template_that_takes_all_memory_is_left_to_the_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("{{ 'x' * 10**10 }}")
    assert why_no_system_prompt(tmp_path) == ""


@pytest.mark.parametrize("template", ["{% generation %}{% endgeneration %}", "{{ tools | length }}", "{{"])
def test_what_plain_jinja_can_t_write_is_left_to_the_tokenizer(tmp_path: Path, template: str) -> None:
    (tmp_path / "chat_template.jinja").write_text(template)
    assert why_no_system_prompt(tmp_path) == why_no_system_prompt(tmp_path / "nowhere") == ""
