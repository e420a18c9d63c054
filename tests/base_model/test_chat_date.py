"""Chat templates that write today's date write one that is always the same, which ids then have."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from huggingface_hub.errors import RemoteEntryNotFoundError
from transformers.utils.chat_template_utils import render_jinja_template

from medcot_bench.base_model.chat_date import DATE, fix_date, writes_date
from medcot_bench.base_model.resolve import Base
from medcot_bench.models.load import load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.study.schema import Study
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.types import ModelInfo

DATED = "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
UNDATED = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


@pytest.mark.parametrize("form", ["%d %b %Y", "%Y-%m-%d", "%A, %-d %B", "%H:%M", "%x", "%c", "%F", "%j"])
def test_every_form_of_a_date_is_that_of_the_fixed_one(form: str) -> None:
    template = fix_date(f"{{% if strftime_now is defined %}}[{{{{ strftime_now('{form}') }}}}]{{% endif %}}")
    (written,), _ = render_jinja_template([[{"role": "user", "content": "q"}]], chat_template=template)
    assert written == f"[{DATE.strftime(form)}]"


def with_template(model: Path, folder: Path, template: str) -> Path:
    shutil.copytree(model, folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


def test_prompts_have_the_fixed_date_and_the_folder_keeps_its_template(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(with_template(tiny_model, tmp_path / "dated", DATED))
    assert Encoder(tokenizer, chat_template=True).prompt("Q?") == "26 Jul 2024Q?"
    tokenizer.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "chat_template.jinja").read_text() == DATED


def test_one_of_several_templates_has_the_fixed_date_too(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = templates = {"default": DATED, "tool_use": f"tools {DATED}"}
    folder = tmp_path / "several"
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(folder)
    loaded = load_tokenizer(folder)
    assert loaded.chat_template == templates
    assert Encoder(loaded, chat_template=True).prompt("Q?") == "26 Jul 2024Q?"


@pytest.mark.parametrize(
    ("template", "used", "date"), [(DATED, True, {"date": "2024-07-26"}), (DATED, False, {}), (UNDATED, True, {})]
)
def test_requests_have_the_date_of_templates_that_write_one(
    template: str, used: bool, date: dict[str, str], study_fields: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    model = with_template(tiny_model, tmp_path / "model", template)
    plan = make_plan(Study(**study_fields | {"model": str(model), "chat_template": used}))
    asked = [*(cell.request for cell in plan.cells if cell.task), *(one.request for one in plan.evaluations)]
    assert {str(request["prompt"]) for request in asked} == {
        str({"chat_template": used, "system_prompt": "", **date})
    }


@pytest.mark.parametrize("template", [DATED, UNDATED])
def test_of_a_model_that_is_still_on_the_hub_only_its_template_is_asked_for(
    template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fetch(name: str, file: str, *, revision: str) -> str:
        assert (name, revision) == ("acme/thing", "c0ffee")
        if file != "chat_template.jinja":
            raise RemoteEntryNotFoundError(file, response=MagicMock())
        (tmp_path / file).write_text(template)
        return str(tmp_path / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    info = ModelInfo(architecture="llama", n_layers=1, hidden_size=8, parameters=9, max_positions=64)
    base = Base(
        name="acme/thing@main",
        origin="hub",
        kind="hub",
        path=None,
        revision="c0ffee",
        digest="d",
        info=info,
        modules=(),
    )
    assert writes_date(base) == (template == DATED)
