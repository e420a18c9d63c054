"""Tables show the primary score, and ranks are said to be by it or by what stands in for it; CSV has the rest."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, write
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.report.blocks import Paragraph
from medcot_bench.report.document import document
from medcot_bench.report.exporters.markdown import Markdown
from medcot_bench.report.exporters.summary import Summary
from medcot_bench.report.score_tables import describe_scores, describe_tasks, overview_table, overview_tasks
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
    write_sealed(root / "plan.json", {**plan, "analysis": {"primary": primary}})
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
    table = overview_table(board)
    assert table.headers[2:4] == [f"{task}: {shown}" for task in board.tasks]
    for row, line in zip(board.rows, table.rows, strict=True):
        value = row.tasks["manuals_qa"].scores[shown]
        assert line[3] == f"{value.value:.3f} ±{value.stderr:.3f}"
    assert "| incomplete" not in Markdown().export(board)


def test_an_overview_has_three_tasks_and_names_the_others_below(tmp_path: Path) -> None:
    board = planted(tmp_path, "answer", ("answer",))
    names = ("k8s_qa", "k8s_qa@unseen_range", "manuals_qa", "kubectl", "medqa_cot")
    tasks = {name: f"{name}[bundled-v1]" for name in names}
    more = replace(board, tasks=tasks, domains=dict.fromkeys(names, "any"))
    assert overview_tasks(more) == ["k8s_qa", "manuals_qa", "kubectl"]
    assert len(overview_table(more).headers) == 7
    (said,) = (
        block.text for block in document(more) if isinstance(block, Paragraph) and "In the appendix" in block.text
    )
    assert said.endswith("In the appendix: k8s_qa@unseen_range and medqa_cot.")
    alone = replace(more, tasks={"k8s_qa@unseen_range": more.tasks["k8s_qa@unseen_range"]})
    assert overview_tasks(alone) == ["k8s_qa@unseen_range"]


def test_items_groups_and_chance_stand_below_the_overview_once() -> None:
    assert describe_tasks(whole()) == (
        "k8s_qa[bundled-v1]: 4 items in 2 groups, chance accuracy 0.25. "
        "manuals_qa[file:manuals.jsonl]: 4 items in 2 groups. lm_eval:prose.yaml[file:prose.yaml]: 4 documents."
    )
    assert Markdown().export(whole()).count("chance accuracy 0.25") == 1


def test_a_row_with_fewer_items_says_how_many(tmp_path: Path) -> None:
    board = planted(tmp_path, "answer", ("answer",))
    row = board.rows[1]
    part = row.tasks["k8s_qa"]
    fewer = replace(part, scores={"answer": replace(part.scores["answer"], items=7)})
    board = replace(board, rows=(board.rows[0], replace(row, tasks={**row.tasks, "k8s_qa": fewer})))
    assert [line[2].endswith(" (7)") for line in overview_table(board).rows] == [False, True]


def test_a_task_s_table_has_its_main_score_first_and_names_those_left_out(tmp_path: Path) -> None:
    scores = ("answer", "parsed", "choice", "gold_nll", "rouge_l", "exact")
    board = planted(tmp_path, "rouge_l", scores)
    text = Markdown().export(board)
    assert text.count("| method   | trained on   | rank   | rouge_l") == 2
    assert text.count("In leaderboard.csv and leaderboard.json too: gold_nll and exact.") == 2


def test_a_row_that_is_scored_otherwise_only_is_not_called_unfinished(tmp_path: Path) -> None:
    board = planted(tmp_path, "answer", ("answer", "gold_nll"))
    first, second = board.rows
    part = second.tasks["k8s_qa"]
    part = replace(part, scores={"gold_nll": part.scores["gold_nll"]})
    board = replace(board, rows=(first, replace(second, tasks={**second.tasks, "k8s_qa": part})))
    text = Markdown().export(board)
    assert "no answer" in text
    assert "| incomplete" not in text


def test_what_ranks_are_by_is_named_with_what_stands_in_for_it(tmp_path: Path) -> None:
    board = planted(tmp_path, "gold_nll", ("gold_nll",))
    assert "Ranks are by gold_nll, the study's primary score, among the rows" in describe_scores(board)
    board = planted(tmp_path / "choice", "choice", ("answer", "gold_nll"))
    assert (
        "Ranks are by choice, the study's primary score (by answer on k8s_qa, manuals_qa, which have none), among"
        in describe_scores(board)
    )


def test_the_summary_has_ranks_intervals_differences_verdicts_and_how_many_rates_were_tried() -> None:
    board = whole()
    found = csv.DictReader(io.StringIO(Summary().export(board)))
    lines = {(line["method"], line["task"], line["metric"]): line for line in found}
    lora, full, none = (lines[name, SHIFT, "answer"] for name in ("lora", "full", "none"))
    gap = board.rows[2].tasks[SHIFT].gaps["answer"]
    assert (float(lora["gap_low"]), float(lora["gap_high"])) == gap.interval()
    assert (lora["rank"], full["rank"], none["rank"]) == ("2=", "1", "2=")
    judged = board.persistence[0]
    assert judged.did
    assert float(lora["did"]) == judged.did.found.value
    ends = (float(lora["did_low"]), float(lora["did_high"]))
    assert ends == judged.did.found.interval()
    assert (lora["verdict"], full["verdict"]) == ("persists", "")
    assert lines["lora", FOREIGN, "word_perplexity"]["rank"] == ""
    assert float(lora["did_p"]) == judged.did.difference
    assert (lora["rates_tried"], full["rates_tried"], none["rates_tried"]) == ("2", "0", "")
