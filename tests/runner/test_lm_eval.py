"""A run with tasks of lm-eval beside the study's own: records, leaderboard, comparison, and failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness_tasks import write_tasks

import medcot_bench
from medcot_bench import Results
from medcot_bench.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_workers")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return write_tasks(tmp_path)


@pytest.fixture
def run(study_fields: dict[str, Any], folder: Path) -> Callable[..., Results]:
    def with_tasks(*names: str, **changes: Any) -> Results:
        specs = [f"lm_eval:{folder}/{name}.yaml" for name in names]
        return medcot_bench.run(study_fields | {"eval_tasks": specs, "limit": None} | changes)

    return with_tasks


def test_models_are_scored_and_compared_item_by_item(
    run: Callable[..., Results], capsys: pytest.CaptureFixture[str]
) -> None:
    results = run("both", "prose", adapters="none,full,lora:lr=1e-2")
    both, prose = ("lm_eval:both.yaml", "lm_eval:prose.yaml")
    assert [cell.failure for cell in results.cells] == [None] * 3
    for cell in results.cells:
        record = cell.evaluations[both]
        assert record.relation == ("lm_eval" if cell.cell.task else "base")
        assert record.domain == "lm_eval"
        assert record.counts["n_acc"] == 14
        assert set(record.subtasks) == {"colours", "more_colours"}
    board = (results.root / "leaderboard.md").read_text()
    for text in ("word_perplexity (lower is better)", ": acc"):
        assert text in board
    frame = results.to_pandas()
    one = frame[(frame.method == "full") & (frame.task == both) & (frame.metric == "acc")]
    record = results.cells[1].evaluations[both]
    assert one["value"].item() == pytest.approx(record.results["acc,none"])
    assert one["groups"].item() <= one["items"].item() == 14
    whole = frame[(frame.method == "full") & (frame.metric == "word_perplexity")]
    record = results.cells[1].evaluations[prose]
    assert whole["value"].item() == record.results["word_perplexity,none"]
    assert whole["groups"].isna().all()
    assert set(frame[frame.task == prose].metric) == {"word_perplexity", "byte_perplexity", "bits_per_byte"}

    assert main(["compare", str(results.root), "--score", "acc"]) == 0
    table = capsys.readouterr().out
    assert "both.yaml" in table
    assert "14 items" in " ".join(table.split())
    assert main(["compare", str(results.root), "--score", "word_perplexity"]) == 2  # no value an item


def test_the_same_command_again_runs_nothing_and_another_file_scores_anew(
    run: Callable[..., Results], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run("colours", adapters="none")
    study = str(first.root / "study.yaml")
    assert main(["plan", study]) == 0
    assert "0 to train, 0 to score only, 1 done" in capsys.readouterr().out
    text = (folder / "colours.yaml").read_text().replace("Answer:", "Colour:")
    (folder / "colours.yaml").write_text(text)
    assert main(["plan", study]) == 0
    assert "1 of 2 evaluations missing" in capsys.readouterr().out


def test_a_folder_is_compared_with_its_rerun_from_elsewhere(
    study_fields: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    first = medcot_bench.run(study_fields | {"eval_tasks": "lm_eval:./colours.yaml", "adapters": "none"})
    study = str(first.root.absolute() / "study.yaml")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert main(["run", study, "-o", "again"]) == 0
    capsys.readouterr()
    assert main(["compare", str(first.root), "again", "--baseline", "none", "--score", "acc"]) == 0
    assert "colours.yaml" in capsys.readouterr().out


def test_a_task_that_fails_leaves_the_other_scores(run: Callable[..., Results], folder: Path) -> None:
    config = yaml.safe_load((folder / "repeats.yaml").read_text())
    config["generation_kwargs"]["max_gen_toks"] = 5000  # more than the model's window: seen when it is run
    (folder / "repeats.yaml").write_text(yaml.safe_dump(config))
    results = run("repeats", "colours", adapters="lora")
    [cell] = results.cells
    assert set(cell.evaluations) == {"k8s_qa", "lm_eval:colours.yaml"}
    assert cell.failure is not None
    assert cell.failure.score == "lm_eval:repeats.yaml"
    assert cell.failure.error == "answers of 5000 tokens leave a prompt no room in 2048 tokens"


def test_what_can_not_be_loaded_is_told_before_anything_is_trained(
    run: Callable[..., Results], folder: Path, study_fields: dict[str, Any]
) -> None:
    text = (folder / "colours.yaml").read_text().replace("test_split: test", "test_split: tset")
    (folder / "colours.yaml").write_text(text)
    with pytest.raises(medcot_bench.MedcotError, match="lm-eval can't load it: KeyError: 'tset'"):
        run("colours")
    assert not Path(study_fields["output_dir"]).exists()


def test_code_runs_once_it_is_trusted(run: Callable[..., Results], folder: Path) -> None:
    (folder / "utils.py").write_text("def text(doc):\n    return doc['question']\n")
    text = (folder / "more.yaml").read_text().replace('"{{question}} It is"', "!function utils.text")
    (folder / "more.yaml").write_text(text)
    with pytest.raises(medcot_bench.MedcotError, match=r"!function utils\.text runs code"):
        run("more")
    results = run("more", adapters="none", trust_task_code=True)
    assert set(results.cells[0].evaluations) == {"k8s_qa", "lm_eval:more.yaml"}
