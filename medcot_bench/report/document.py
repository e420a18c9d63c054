"""The leaderboard as headings, paragraphs, tables and lists: answer, overview, costs, then an appendix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medcot_bench.report.answer import write_answer
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph, Table
from medcot_bench.report.cost_tables import MEMORY, SECONDS, memory_table, recipe_table, seconds_table
from medcot_bench.report.effect_tables import effect_sections
from medcot_bench.report.gap_tables import (
    GAINS,
    GAPS,
    METHOD,
    TESTS,
    gain_table,
    gap_table,
    p_value_table,
    write_limits,
)
from medcot_bench.report.names import row_names
from medcot_bench.report.needed_table import NEEDED, needed_table
from medcot_bench.report.notes import write_failure, write_notes
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.report.score_tables import describe_overview, describe_scores, overview_table, score_tables
from medcot_bench.results.comparisons import Persistence
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.metrics import CORE_METRICS
from medcot_bench.text import counted

DISCLAIMER = "A benchmark of fine-tuning methods. Not for clinical use."


def document(board: Leaderboard) -> Iterator[Block]:
    """Yield the whole leaderboard: answer, overview, gaps, costs, and an appendix with everything else."""
    yield Heading("Leaderboard", level=1)
    yield Paragraph(f"Base model: {board.base['name']} ({board.base['origin']}).")
    yield from (Heading("Answer"), *write_answer(board).blocks)
    yield Heading("Overview")
    yield overview_table(board)
    yield Paragraph(" ".join(describe_overview(board)))
    if missing := board.unfinished:
        where = "; the appendix lists what failed" if any(row.failures for row in board.rows) else ""
        yield Paragraph(f"Incomplete: {counted(missing, 'training run')} missing or partly scored{where}.")
    yield from _main_gaps(board)
    yield Heading("Costs")
    yield memory_table(board)
    yield Paragraph(MEMORY)
    if len(board.recommendations) > 1:
        yield Items([*map(" ".join, map(write_recommendation, board.recommendations))])
    yield Heading("Appendix")
    yield from _gaps(board)
    yield from effect_sections(board)
    yield from (Heading("Scores of each task", 3), Paragraph(describe_scores(board)))
    yield from score_tables(board, level=4)
    yield from (Heading("Training recipes", 3), recipe_table(board))
    yield from (Heading("Seconds", 3), seconds_table(board), Paragraph(SECONDS))
    yield from write_failures(board)
    yield from (Heading("What the scores mean", 3), Items(_meanings(board)))
    yield from (Heading("Notes", 3), Items([*write_notes(board), DISCLAIMER]))


def _main_gaps(board: Leaderboard) -> Iterator[Block]:
    if found := _main(board):
        yield Heading(f"Gaps to full fine-tuning, by {found[0].score}")
        yield gap_table(found)
        more = ["Other gaps are in the appendix."] if len(found) < len(board.persistence) else []
        yield Paragraph(" ".join([GAPS, *write_limits(found), *more]))
        yield from _needed(found)


def _main(board: Leaderboard) -> list[Persistence]:
    """Return the gaps to show first: hypotheses on other domains that can be compared, or what comes nearest."""
    declared = [found for found in board.persistence if found.declared] or [*board.persistence]
    of_score = [found for found in declared if found.score == declared[0].score]
    comparable = [found for found in of_score if found.did] or of_score
    return [found for found in comparable if "@" not in found.out_of_domain.task] or comparable


def _gaps(board: Leaderboard) -> Iterator[Block]:
    """Yield the other gaps, and the tests behind all."""
    main = {id(one) for one in _main(board)}
    about_tests, about_gains = TESTS, GAINS
    for score in dict.fromkeys(found.score for found in board.persistence):
        found = [one for one in board.persistence if one.score == score]
        if rest := [one for one in found if id(one) not in main]:
            yield from (Heading(f"Other gaps, by {score}", 3), gap_table(rest))
            yield Paragraph(" ".join(write_limits(rest)))
            yield from _needed(rest)
        yield from (Heading(f"Tests behind the verdicts, by {score}", 3), p_value_table(found))
        yield from _once(about_tests)
        gains = gain_table(found)
        if gains.rows:
            yield from (Heading(f"Gains over the base model, by {score}", 3), gains)
            yield from _once(about_gains)
            about_gains = ""
        about_tests = ""
    if board.persistence:
        yield from (Heading("How gaps, tests and verdicts are made", 3), Items(METHOD))


def _needed(found: Sequence[Persistence]) -> Iterator[Block]:
    """Yield what would settle the effects that are inconclusive, nothing where none is."""
    table = needed_table(found)
    if table.rows:
        yield from (Paragraph(NEEDED), table)


def _once(text: str) -> Iterator[Block]:
    if text:
        yield Paragraph(text)


def write_failures(board: Leaderboard, level: int = 3) -> Iterator[Block]:
    """Yield what is missing and why, nothing where nothing is."""
    rows = [[*row_names(row), write_failure(failure)] for row in board.rows for failure in row.failures]
    if rows:
        yield from (Heading("Incomplete", level), Table(["method", "trained on", "what failed"], rows))


def _meanings(board: Leaderboard) -> list[str]:
    """Return what the scores mean that the core gives to every task, and where the others are explained."""
    core = [f"{name}: {CORE_METRICS[name].about}" for name in board.scores if name in CORE_METRICS]
    others = ", ".join(name for name in board.scores if name not in CORE_METRICS)
    return [
        *core,
        *([f"{others}: scores of the tasks' own, see docs/scores.md for built-in tasks"] if others else []),
    ]
