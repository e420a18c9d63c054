"""The page that people read: overview, answer, costs, appendix; and no table of more than seven columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import published
import pytest

from medcot_bench.plugins.manager import installed
from medcot_bench.report.blocks import Heading, Items, Paragraph, Table
from medcot_bench.report.document import document
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.testing.example_leaderboards import boards, whole

MOST_COLUMNS = 7
"""Of any table on the page."""


def all_boards() -> Mapping[str, Leaderboard]:
    studies = {name: published.read(published.RESULTS / name)[1] for name in published.names()}
    return {**boards(), **studies}


BOARDS = [*boards(), *published.names()]


@pytest.mark.parametrize("kind", BOARDS)
def test_no_table_has_more_than_seven_columns(kind: str) -> None:
    board = all_boards()[kind]
    for block in document(board):
        if isinstance(block, Table):
            assert len(block.headers) <= MOST_COLUMNS, block.headers
            assert {len(row) for row in block.rows} <= {len(block.headers)}
    for name in ("md", "model-card"):
        text = installed().make_exporter(name).export(board)
        assert max(columns_of(text), default=0) <= MOST_COLUMNS


def columns_of(text: str) -> Iterator[int]:
    """Yield the number of columns of every table of a Markdown page."""
    for line in text.splitlines():
        if line.startswith("|:"):
            yield line.count("|") - 1


@pytest.mark.parametrize("kind", BOARDS)
def test_answer_overview_gaps_costs_and_appendix_come_in_this_order(kind: str) -> None:
    blocks = [*document(all_boards()[kind])]
    named = [block.text.partition(",")[0] for block in blocks if isinstance(block, Heading) and block.level == 2]
    gaps = ["Gaps to full fine-tuning"] if all_boards()[kind].persistence else []
    assert named == ["Answer", "Overview", *gaps, "Costs", "Appendix"]


def test_the_answer_is_a_table_then_the_recommendation_and_the_headline() -> None:
    blocks = [*document(whole())]
    title, table, answer = blocks[(start := blocks.index(Heading("Answer")) + 1) : start + 3]
    assert isinstance(title, Paragraph)
    assert isinstance(table, Table)
    assert isinstance(answer, Items)
    assert [text.split(":")[0].split(" (")[0] for text in answer.texts] == [
        *("Recommended for k8s_qa", "In domain", "Out of domain", "Verdict", "Caveats", "Not tested")
    ]


def test_the_answer_shows_the_hypotheses_that_can_be_compared_and_the_appendix_the_rest() -> None:
    _, board = published.read(published.RESULTS / "study")
    tables = [block for block in document(board) if isinstance(block, Table) and block.headers[-1] == "verdict"]
    answer, *rest = tables
    assert {row[2] for row in answer.rows} == {"manuals_qa"}
    assert "not comparable" not in {row[-1] for row in answer.rows}
    assert sum(len(table.rows) for table in tables) == len(board.persistence)
    assert rest


@pytest.mark.parametrize("kind", BOARDS)
def test_sentences_have_no_dialect(kind: str) -> None:
    text = str(installed().make_exporter("md").export(all_boards()[kind]))
    for said in (
        "untouched",
        "told from",
        "told apart",
        "undetermined",
        "sharing its rank",
        " a task,",
        "lacking",
        " %",
    ):
        assert said not in text, said
