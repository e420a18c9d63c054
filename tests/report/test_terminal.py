"""What stands on a terminal fits its width, and acts on nothing."""

from __future__ import annotations

import re

import published
import pytest

from medcot_bench.report.blocks import Table
from medcot_bench.report.terminal import draw_answer, draw_table, wrap
from medcot_bench.testing.example_leaderboards import boards, places, whole


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", published.names())
def test_the_answer_of_a_study_fits(name: str, width: int) -> None:
    _, board = published.read(published.RESULTS / name)
    lines = draw_answer(board, width).splitlines()
    assert max(map(len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("kind", boards())
def test_every_kind_of_leaderboard_has_an_answer(kind: str) -> None:
    assert draw_answer(boards()[kind], 80)


def test_long_cells_go_on_below() -> None:
    text = draw_table(Table(["name", "value"], [["x" * 50, "1"], ["y", "2"]]), 40)
    assert max(map(len, text.splitlines())) <= 40
    assert text.count("x") == 50


@pytest.mark.parametrize("place", places("x"))
def test_no_text_moves_the_cursor_or_is_markup(place: str) -> None:
    board = places("\x1b[31m[bold]a\r\nb")[place](whole())
    drawn = draw_answer(board, 80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", drawn)
    assert place not in ("method of the answer", "task of the answer") or "[bold]" in drawn


def test_tables_are_plain_characters() -> None:
    assert draw_table(Table(["name", "value"], [["a", "1"]]), 40).isascii()


def test_sentences_are_wrapped_between_words() -> None:
    assert wrap("one two-three four", 60) == "one two-three four"
    assert wrap("  one two three", 10) == "  one two\n    three"
    assert wrap("a" * 50 + " " + "b" * 50, 60) == "a" * 50 + "\n" + "b" * 50
