"""Overviews show the primary score and ranks are said to be by it, or by what stands in where it is lacking."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, write

from medcot_bench.analysis.build import build
from medcot_bench.report.document import Table, document, scales
from medcot_bench.report.exporters.csv import Csv
from medcot_bench.report.exporters.markdown import Markdown
from medcot_bench.report.terminal import overview
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.testing.example_leaderboards import FOREIGN, SHIFT, whole


def planted(root: Path, primary: str, scores: tuple[str, ...]) -> Leaderboard:
    rng = random.Random(0)
    made = [
        Made(
            adapter=adapter,
            seed=seed,
            scores={
                task: {name: {str(n): rng.random() for n in range(8)} for name in scores}
                for task in ("k8s_qa", "manuals_qa")
            },
        )
        for adapter in ("full", "lora")
        for seed in range(2)
    ]
    write(root, *made)
    plan = json.loads((root / "plan.json").read_text())
    (root / "plan.json").write_text(json.dumps({**plan, "analysis": {"primary": primary}}))
    return build(load(root))


@pytest.mark.parametrize(
    ("primary", "scores", "shown"),
    [
        ("gold_nll", ("gold_nll",), "gold_nll"),
        ("gold_nll", ("answer", "gold_nll"), "gold_nll"),
        ("answer", ("gold_nll",), "gold_nll"),
        ("rouge_l", ("answer", "rouge_l"), "rouge_l"),
    ],
)
def test_overviews_show_the_primary_score_of_finished_rows(
    primary: str, scores: tuple[str, ...], shown: str, tmp_path: Path
) -> None:
    board = planted(tmp_path, primary, scores)
    table = next(block for block in document(board) if isinstance(block, Table))
    assert table.headers[3:5] == [f"{board.tasks[task]}: {shown}" for task in board.tasks]
    for row, line in zip(board.rows, table.rows, strict=True):
        value = row.tasks["manuals_qa"].scores[shown]
        assert line[4] == f"{value.value:.3f} ±{value.stderr:.3f} (8), shift"
    assert "not finished" not in Markdown().export(board)
    terminal = overview(board)
    assert "not finished" not in terminal
    assert terminal.splitlines()[1].split().count(shown) == 2


def test_on_a_terminal_graded_shifts_are_named_below_the_table(tmp_path: Path) -> None:
    board = planted(tmp_path, "answer", ("answer",))
    before = overview(board)
    more = replace(board, tasks={**board.tasks, "k8s_qa@unseen_range": "k8s_qa@unseen_range[bundled-v1]"})
    assert overview(more) == f"{before}\nin the leaderboard too: k8s_qa@unseen_range"
    alone = replace(more, tasks={"k8s_qa@unseen_range": more.tasks["k8s_qa@unseen_range"]})
    assert "k8s_qa@unseen_range[bundled-v1]" in overview(alone).splitlines()[0]


def test_a_row_that_is_scored_otherwise_only_is_not_called_unfinished(tmp_path: Path) -> None:
    board = planted(tmp_path, "answer", ("answer", "gold_nll"))
    first, second = board.rows
    part = second.tasks["k8s_qa"]
    part = replace(part, scores={"gold_nll": part.scores["gold_nll"]})
    board = replace(board, rows=(first, replace(second, tasks={**second.tasks, "k8s_qa": part})))
    for text in (Markdown().export(board), overview(board)):
        assert "no answer" in text
        assert "not finished" not in text


def test_what_ranks_are_by_is_named_with_what_stands_in_for_it(tmp_path: Path) -> None:
    board = planted(tmp_path, "gold_nll", ("gold_nll",))
    assert "Ranks are by gold_nll, the study's primary score, among the rows" in scales(board)
    board = planted(tmp_path / "choice", "choice", ("answer", "gold_nll"))
    assert (
        "Ranks are by choice, the study's primary score (by answer on k8s_qa[file:k8s_qa.jsonl], "
        "manuals_qa[file:manuals_qa.jsonl], where it is lacking), among the rows of one" in scales(board)
    )


def test_csv_has_ranks_intervals_changes_verdicts_and_how_many_rates_were_tried() -> None:
    board = whole()
    lines = {line["adapter"]: line for line in csv.DictReader(io.StringIO(Csv().export(board)))}
    lora, full, none = lines["lora"], lines["full"], lines["none"]
    column = f"{board.tasks[SHIFT]}.answer"
    gap = board.rows[2].tasks[SHIFT].gaps["answer"]
    assert (float(lora[f"{column}.gap.low"]), float(lora[f"{column}.gap.high"])) == gap.interval()
    assert (lora[f"{column}.rank"], full[f"{column}.rank"], none[f"{column}.rank"]) == ("2=", "1", "2=")
    found = board.persistence[0]
    assert found.change
    assert float(lora[f"{column}.change"]) == found.change.found.value
    ends = (float(lora[f"{column}.change.low"]), float(lora[f"{column}.change.high"]))
    assert ends == found.change.found.interval()
    assert (lora[f"{column}.verdict"], full[f"{column}.verdict"]) == ("persists", "")
    assert f"{board.tasks[FOREIGN]}.word_perplexity.rank" not in lora
    assert (lora["rates_tried"], full["rates_tried"], none["rates_tried"]) == ("2", "0", "")
