"""The Python interface: what a study says, short to look at, and the notebook that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas
import pytest

import medcot_bench
from medcot_bench import ConfigError, StudyResults

ROOT = Path(__file__).parents[1]
QUICK = ROOT / "docs" / "results" / "quick"


@pytest.fixture(scope="module")
def quick() -> StudyResults:
    return medcot_bench.load(QUICK)


def test_results_are_shown_in_one_line_and_in_notebooks_as_their_answer(quick: StudyResults) -> None:
    assert repr(quick) == f"<StudyResults {QUICK}: 3 methods, 11 of 11 training runs done>"
    shown = quick._repr_html_()
    assert "<td>layer_lora</td>" in shown
    plain = " ".join(re.sub("<[^>]+>", " ", shown).split())
    for line in ("Verdict: inconclusive after Holm correction.", "Recommended for k8s_qa"):
        assert line in plain
        assert line in " ".join(quick.answer.split())


def test_a_comparison_is_a_table_of_paired_differences(quick: StudyResults) -> None:
    found = quick.compare()
    (row,) = found[(found.method == "layer_lora") & (found.task == "k8s_qa")].to_dict("records")
    gap = next(r for r in quick.leaderboard().rows if r.adapter == "layer_lora").tasks["k8s_qa"].gaps["gold_nll"]
    assert row["difference"] == pytest.approx(-gap.value, abs=1e-9)
    assert (row["seeds"], row["items"]) == (5, 36)
    assert row["low"] < row["difference"] < row["high"]
    assert isinstance(found, pandas.DataFrame)
    with pytest.raises(ConfigError, match="qlora: no such row"):
        quick.compare("qlora")


def test_a_study_is_run_by_keywords_and_tells_what_happens(
    study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fields = study_fields | {"tasks": ["k8s_qa"], "adapters": ["none"], "limit": 2}
    results = medcot_bench.run(**fields, progress=True)
    assert "plan: 1 runs, 1 to do" in capsys.readouterr().out
    assert "Scored on k8s_qa by answer: 2 items" in results.answer
    medcot_bench.run(**fields)
    assert capsys.readouterr().out == ""


def test_a_preset_stands_for_a_study_and_not_beside_one() -> None:
    with pytest.raises(ConfigError, match="give a preset or a study, not both"):
        medcot_bench.run({"tasks": "k8s_qa"}, preset="quick")
    with pytest.raises(ConfigError, match="no preset 'quik'; did you mean quick"):
        medcot_bench.run(preset="quik")


def test_the_cells_of_the_notebook_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "examples")
    cells = json.loads((ROOT / "examples" / "read_results.ipynb").read_text())["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert "Verdict: inconclusive" in capsys.readouterr().out
    assert len(names["scores"]) > 50
