"""The gaps, the tests behind their verdicts, and what stands under them: margin, seeds, groups."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from planted import Made, write

from medcot_bench.analysis.build import build
from medcot_bench.report.exporters.html import Html
from medcot_bench.report.exporters.latex_all import LatexAll
from medcot_bench.report.exporters.markdown import Markdown
from medcot_bench.report.exporters.summary import Summary
from medcot_bench.report.gap_tables import gap_table, p_value_table, write_limits
from medcot_bench.report.needed_table import needed_table
from medcot_bench.results.comparisons import Effect, Needed, Persistence, Showing, Sizes
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.power import detectable
from medcot_bench.stats.verdict import Standing, Verdict


def planted(root: Path, items: int, seeds: int) -> Leaderboard:
    made = []
    for adapter, apart in (("full", 0.0), ("lora", 0.001)):
        values = {str(n): n / items + apart * (-1) ** n for n in range(items)}
        scores = {task: {"answer": values, "gold_nll": values} for task in ("k8s_qa", "manuals_qa")}
        made += [Made(adapter=adapter, seed=seed, scores=scores) for seed in range(seeds)]
    return build(load(write(root, *made)))


def by_answer(board: Leaderboard) -> list[Persistence]:
    return [found for found in board.persistence if found.score == "answer"]


def test_little_is_said_of_a_study_that_is_sound(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    (margin, said) = write_limits(by_answer(board))
    assert margin == "The margin is 0.05."
    (found,) = by_answer(board)
    gaps = (found.in_domain.gap.found, found.out_of_domain.gap.found)
    in_domain, out_of_domain = (f"{detectable(gap.stderr or 0, gap.df or 0):.3f}" for gap in gaps)
    start = "Minimum detectable effect (80% power, uncorrected): in-domain gaps "
    assert said.startswith(f"{start}{in_domain}, out-of-domain gaps {out_of_domain}")


def test_every_inconclusive_effect_has_a_row_with_what_would_settle_it(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    (found,) = by_answer(board)
    now = Sizes(3, 20, 20)
    ways = (Sizes(5, 20, 20, 240.0), Sizes(3, 90, 90, 5400.0))
    kinds = (
        Needed(Showing.DIFFERENCE, 0.0712, now, ways),
        Needed(Showing.EQUIVALENCE, 0.05, now, ()),
        None,
    )
    in_domain, out_of_domain, did = (Effect(found.in_domain.gap.found, 0.2, 0.3, needed) for needed in kinds)
    open_one = replace(
        found,
        in_domain=replace(found.in_domain, gap=in_domain),
        out_of_domain=replace(found.out_of_domain, gap=out_of_domain),
        did=did,
    )
    elsewhere = replace(
        open_one,
        out_of_domain=replace(
            open_one.out_of_domain, task="medqa_cot", gap=Effect(out_of_domain.found, 0.01, 0.3)
        ),
        did=None,
    )
    assert needed_table([open_one, elsewhere]).rows == [
        [
            *("k8s_qa", "lora", "gap in domain", "difference (0.071)"),
            "2 more seeds (4 min) or 90 items per task instead of 20 (1 h 30 min)",
        ],
        ["k8s_qa", "lora", "gap on manuals_qa", "equivalence (0.050)", "out of reach"],
        ["k8s_qa", "lora", "DiD to manuals_qa", "", "unknown: too few groups of items differ"],
    ]
    changed = replace(board, persistence=(open_one,))
    assert "would be settled by" in Markdown().export(changed)
    lines = csv.DictReader(io.StringIO(Summary().export(changed)))
    wanted = ("lora", "manuals_qa", "answer")
    line = next(line for line in lines if (line["method"], line["task"], line["metric"]) == wanted)
    assert line["needed_in_domain"].startswith("2 more seeds (4 min) or")
    assert line["needed_out_of_domain"] == "out of reach"
    assert line["needed_change"] == "unknown: too few groups of items differ"
    assert needed_table([replace(open_one, verdict=replace(found.verdict, descriptive=True))]).rows == []


def test_one_seed_and_few_groups_are_said(tmp_path: Path) -> None:
    assert write_limits(by_answer(planted(tmp_path, items=9, seeds=1))) == [
        "The margin is 0.05.",
        "One seed compares trained models, not methods.",
        "Intervals from 9 groups of items are rough.",
    ]


def test_what_two_seeds_can_t_tell_is_said(tmp_path: Path) -> None:
    said = write_limits(by_answer(planted(tmp_path, items=40, seeds=2)))
    assert said[1] == "Two seeds say too little about the variance between seeds for a verdict."


def test_a_score_without_a_margin_says_so(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    without = [replace(found, margin=None) for found in by_answer(board)]
    assert write_limits(without)[0] == "Without a margin in the study no gap is called level."


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_no_hypothesis_is_marked(tmp_path: Path, declared: bool) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    board = replace(board, persistence=tuple(replace(found, declared=declared) for found in board.persistence))
    rows = gap_table(by_answer(board)).rows
    assert [row[-1] for row in rows] == ["level throughout" + ("" if declared else " (exploratory)")]


def test_what_is_not_comparable_says_so_in_both_tables(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    (same, *_) = board.persistence
    verdict = Verdict(Standing.BEHIND, Standing.INCONCLUSIVE, None)
    board = replace(board, persistence=(replace(same, did=None, ratio=None, verdict=verdict),))
    (estimates,) = gap_table(board.persistence).rows
    (tests,) = p_value_table(board.persistence).rows
    assert estimates[5:] == ["not comparable", "behind in domain, change not comparable"]
    assert tests[5:] == ["not comparable", ""]
    text = Markdown().export(board)
    assert [line.count("not comparable |") for line in text.splitlines() if "not comparable |" in line] == [2, 1]


@pytest.mark.parametrize(
    ("value", "difference", "equivalence", "seeds", "told"),
    [
        (0.148, 0.065, 0.97, 3, "n.s. (p = 0.065; equivalence p = 0.97)"),
        (0.148, 0.04, 0.97, 3, "> 0 (p = 0.04; equivalence p = 0.97)"),
        (-0.01, 0.001, 0.002, 3, "< 0, within the margin (p = 0.001; equivalence p = 0.002)"),
        (0.001, 0.6, 0.002, 3, "n.s., within the margin (p = 0.6; equivalence p = 0.002)"),
        (0.148, 0.04, None, 3, "> 0 (p = 0.04)"),
        (0.148, None, None, 3, "n.s."),
        (0.148, 0.04, 0.97, 1, "descriptive (p = 0.04; equivalence p = 0.97)"),
    ],
)
def test_the_tests_that_decide_are_shown_beside_the_verdict(
    value: float, difference: float | None, equivalence: float | None, seeds: int, told: str, tmp_path: Path
) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    effect = Effect(Contrast(value, 0.05, 10.0, 20, 20, seeds, 20), difference, equivalence)
    (found,) = by_answer(board)
    board = replace(board, persistence=(replace(found, in_domain=replace(found.in_domain, gap=effect)),))
    table = p_value_table(board.persistence)
    assert [*table.headers[3:]] == ["gap in domain", "gap out of domain", "DiD", "gap ratio"]
    assert [row[3] for row in table.rows] == [told]
    for exporter, escaped in ((Markdown(), escape(told)), (Html(), escape(told)), (LatexAll(), None)):
        text = exporter.export(board)
        assert "Intervals are not corrected" in text
        assert escaped is None or escaped in text
