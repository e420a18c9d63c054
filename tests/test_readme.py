"""README and docs say what the program does: their code, flags and fields are the real ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from medcot_bench.cli import parser
from medcot_bench.study.analysis import Analysis
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Scoring, Study, Training

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "guide.md").read_text()
PLUGIN = "docs/plugin_template"
PAGES = [ROOT / "docs" / "plugins.md", *sorted((ROOT / "docs" / "plugins").glob("*.md"))]


def block(marker: str) -> str:
    """The code block right after a comment in the README."""
    found = re.search(rf"<!-- {re.escape(marker)} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, marker
    return found[1]


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 160


def test_the_plugin_shown_is_the_one_tested_and_short() -> None:
    path = f"{PLUGIN}/src/medcot_example/task.py"
    code = (ROOT / path).read_text()
    assert block(path) == code
    assert sum(bool(line.strip()) for line in code.splitlines()) < 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_of_the_plugin_pages_is_code_that_is_tested(page: Path) -> None:
    blocks = re.findall(r"(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    for marker, language, code in blocks:
        if (marker, language) != ("commands", "bash"):  # run by tests/test_plugins.py
            assert marker.startswith((f"{PLUGIN}/", "tests/"))
            assert f"\n\n{code}" in f"\n\n{(ROOT / marker).read_text()}"


def test_the_entry_points_shown_are_those_tested() -> None:
    shown = block(f"{PLUGIN}/pyproject.toml")
    assert "medcot_bench.tasks" in shown
    assert shown in (ROOT / PLUGIN / "pyproject.toml").read_text()


def test_every_flag_shown_exists() -> None:
    program = parser()
    help_texts = program.format_help()
    for action in program._subparsers._group_actions[0].choices.values():  # type: ignore[union-attr]
        help_texts += action.format_help()
    for line in f"{README}{GUIDE}".split("medcot-bench run")[1:]:
        for flag in re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", line.split("```")[0]):
            assert flag in help_texts


def test_the_study_file_shown_is_whole_and_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "study.md").read_text()
    shown = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    path = tmp_path / "study.yaml"
    path.write_text(shown)
    _, errors = load_study(path)
    assert errors == []
    fields = yaml.safe_load(shown)
    assert set(fields) == set(Study.model_fields)
    assert set(fields["training"]) == set(Training.model_fields)
    assert set(fields["scoring"]) == set(Scoring.model_fields)
    assert set(fields["analysis"]) == set(Analysis.model_fields)


def test_every_link_of_the_docs_leads_to_a_file() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
