"""The overview as one LaTeX table with caption and label, to be put into a document with \\input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.exporters.latex_all import escape
from medcot_bench.report.format import duration, listed, size
from medcot_bench.report.names import row_names, score_name
from medcot_bench.report.score_tables import overview_tasks
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.text import counted

HEAD = "% Needs \\usepackage{booktabs}. The whole report: medcot-bench export --format latex-all.\n\n"
LABEL = "tab:medcot-bench"
MISSING = "n/a"
"""Where a row has no value."""


class Latex:
    """The exporter plugin."""

    suffix = ".tex"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        return HEAD + "\n".join(_table(leaderboard)) + "\n"


def _table(board: Leaderboard) -> Iterator[str]:
    tasks = overview_tasks(board)
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{_caption(board, tasks)}}}"
    yield rf"\label{{{LABEL}}}"
    yield rf"\begin{{tabular}}{{ll{'r' * (len(tasks) + 2)}}}"
    yield r"\toprule"
    yield _line(["method", "trained on", *tasks, "peak", "training"])
    yield _line(["", "", *(score_name(board, task, board.headline(task)) for task in tasks), "memory", "time"])
    bold = {task: _best(board, task) for task in tasks}
    for _, rows in groupby(enumerate(board.rows), key=lambda place: place[1].task):
        yield r"\midrule"
        for place, row in rows:
            yield _row(board, row, {task: place in bold[task] for task in tasks})
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _caption(board: Leaderboard, tasks: Sequence[str]) -> str:
    """Say what the table holds, in sentences that are true of it."""
    seeds = max((len(row.seeds) for row in board.rows), default=0)
    less = [task for task in tasks if not board.higher_is_better(task, board.headline(task))]
    directions = f"Lower is better on {listed(less)}." if less else "Higher is better."
    said = [
        f"Fine-tuning methods on {board.base['name']}, scored on {listed(tasks)}."
        if tasks
        else "No task is scored.",
        f"Mean ± standard error over groups of items and {counted(seeds, 'seed')}." if seeds else "",
        directions if tasks else "",
        "Bold: the best mean per training task, which need not differ significantly from the others.",
    ]
    return escape(" ".join(filter(None, said)))


def _best(board: Leaderboard, task: str) -> set[int]:
    """Return the places of the rows with the best mean, as it is written, among those of a training task.

    Rows without a training task, such as the base model, stand beside those of every one, and have to be the best
    of all.
    """
    score = board.headline(task)
    sign = 1 if board.higher_is_better(task, score) else -1
    means = {
        place: sign * round(found.value, 3)
        for place, row in enumerate(board.rows)
        if (found := _mean(board, row, task))
    }
    best: list[set[int]] = []
    for trained in dict.fromkeys(row.task for row in board.rows if row.task):
        own = {place: mean for place, mean in means.items() if board.rows[place].task in (None, trained)}
        best.append({place for place, mean in own.items() if mean == max(own.values())})
    everywhere = set.intersection(*best) if best else set()
    return {place for places in best for place in places if board.rows[place].task or place in everywhere}


def _mean(board: Leaderboard, row: Row, task: str) -> Contrast | None:
    return row.tasks[task].scores.get(board.headline(task)) if task in row.tasks else None


def _row(board: Leaderboard, row: Row, bold: dict[str, bool]) -> str:
    cells = []
    for task, best in bold.items():
        found = _mean(board, row, task)
        mean = f"{found.value:.3f}" if found else MISSING
        error = "~" + escape(f"±{found.stderr:.3f}") if found and found.stderr is not None else ""
        cells.append((rf"\textbf{{{escape(mean)}}}" if best else escape(mean)) + error)
    trained = row.costs if row.costs and row.costs.train_tokens else None
    price = [size(trained.peak_bytes), duration(trained.train_seconds)] if trained else [MISSING, MISSING]
    return " & ".join([*map(escape, row_names(row)), *cells, *map(escape, price)]) + r" \\"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"


@hookimpl
def medcot_make_exporter(name: str) -> Latex:
    """Build the exporter."""
    return Latex()
