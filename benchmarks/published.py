"""Write the published results: leaderboards and plots in docs/results, and what the README shows of them.

    python benchmarks/published.py

Writes docs/results/NAME.md and draws docs/results/NAME.svg from the records in docs/results/NAME, and replaces
what stands in README.md between `<!-- results: NAME -->` and `<!-- end of results -->`. Needs matplotlib (pip
install -e '.[plot]').
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tabulate import tabulate

import medcot_bench
from medcot_bench.analysis.build import build
from medcot_bench.analysis.per_item import rows_of, values_of
from medcot_bench.report.answer import write_answer
from medcot_bench.report.exporters.markdown import Markdown
from medcot_bench.report.format import duration, listed, rounded, size
from medcot_bench.report.names import row_names
from medcot_bench.report.score_tables import overview_tasks
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.results.metrics import higher_is_better
from medcot_bench.stats.contrasts import Contrast, Part, contrast

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
BLOCK = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end of results -->)", re.DOTALL)
COLUMNS = 6
"""Of the README's table."""


def main() -> int:
    for name in names():
        draw(*read(RESULTS / name), RESULTS / f"{name}.svg")
        (RESULTS / f"{name}.md").write_text(leaderboard(RESULTS / name), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(refreshed(readme.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def names() -> list[str]:
    """Return the published studies."""
    return sorted(path.parent.name for path in RESULTS.glob("*/plan.json"))


def refreshed(text: str) -> str:
    """Return the README with every block of results made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{block(found[2], RESULTS / found[2])}\n{found[3]}", text)


@cache
def read(folder: Path) -> tuple[Results, Leaderboard]:
    """Return a study's results and leaderboard, built once."""
    results = medcot_bench.load(folder)
    return results, build(results)


def leaderboard(folder: Path) -> str:
    """Return a study's whole leaderboard as Markdown, as `medcot-bench export` writes it."""
    return str(Markdown().export(read(folder)[1]))


def block(name: str, folder: Path) -> str:
    """Return a study's table, answer and provenance as Markdown."""
    results, board = read(folder)
    tasks = overview_tasks(board)
    score = results.analysis.primary
    costs = {"peak memory": peak_memory, "training time": training_time}
    shown = dict([*costs.items()][: COLUMNS - 2 - len(tasks)])
    rows = []
    for (adapter, task), cells in rows_of(results).items():
        row = next(row for row in board.rows if (row.adapter, row.task) == (adapter, task))
        scores = [written(estimate(results, cells, scored)) for scored in tasks]
        rows.append([*row_names(row), *scores, *(cost(row) for cost in shown.values())])
    headers = ["method", "trained on", *(f"{task}: {score}" for task in tasks), *shown]
    table = tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)
    lines = "\n".join(f"- {line}" for line in write_answer(board).lines)
    return f"{table}\n\n{lines}\n\n{provenance(name, results, board)}\n"


def peak_memory(row: Row) -> str:
    return size(row.costs.peak_bytes) if row.costs and row.costs.train_tokens else ""


def training_time(row: Row) -> str:
    return duration(row.costs.train_seconds) if row.costs and row.costs.train_tokens else ""


def estimate(results: Results, cells: list[CellResult], task: str) -> Contrast | None:
    """Return the mean over items and seeds, None where the cells are not scored on the task."""
    values, groups = values_of(results, cells, task)
    scored = values.get(results.analysis.primary)
    return contrast([Part(scored, groups)]) if scored else None


def written(found: Contrast | None) -> str:
    """Write a mean with its 95% CI."""
    if found is None:
        return ""
    value, *ends = map(rounded, (found.value, *(found.interval() or ())))
    return value + (f" ({' to '.join(ends)})" if ends else "")


def provenance(name: str, results: Results, board: Leaderboard) -> str:
    """Say in one line what made the numbers, and where the rest of them is."""
    records = [cell.record for cell in results.cells if cell.record]
    scores = [score for cell in results.cells for score in cell.evaluations.values()]
    seeds = {record.seed for record in records if record.seed is not None}
    number = f"n_{results.analysis.primary}"
    items = sorted({score.counts[number] for score in scores if number in score.counts})
    versions = sorted({record.provenance.medcot_bench for record in records})
    machines = sorted({record.provenance.machine for record in records})
    return (
        f"{board.base['name']}, {'/'.join(map(str, items))} items per task, {len(seeds)} seeds, 95% CI over "
        f"items and seeds; medcot-bench {listed(versions)} on {listed(machines)}. "
        f"[Leaderboard](docs/results/{name}.md), [records](docs/results/{name})."
    )


def draw(results: Results, board: Leaderboard, path: Path) -> None:
    """Draw every row's mean with its 95% CI, a panel per task."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "medcot-bench"
    from matplotlib import pyplot

    rows = rows_of(results)
    labels = [adapter if task is None else f"{adapter} on {task}" for adapter, task in rows]
    tasks = overview_tasks(board)
    figure, axes = pyplot.subplots(
        1,
        len(tasks),
        sharey=True,
        figsize=(3.2 * len(tasks) + 1.5, 0.45 * len(rows) + 1.2),
        squeeze=False,
    )
    for axis, task in zip(axes[0], tasks, strict=True):
        for place, cells in enumerate(rows.values()):
            found = estimate(results, cells, task)
            if found is None:
                continue
            low, high = found.interval() or (found.value, found.value)
            axis.plot([low, high], [place, place], color="#4c72b0", linewidth=2)
            axis.plot(found.value, place, "o", color="#4c72b0")
        axis.set_title(board.tasks[task], fontsize=9)
        shown = results.analysis.primary
        better = "higher is better" if higher_is_better(shown) else "lower is better"
        axis.set_xlabel(f"{shown} ({better}), 95% CI", fontsize=8)
        if shown == "answer":
            axis.set_xlim(-0.02, 1.02)
        axis.grid(axis="x", color="#dddddd")
        axis.set_axisbelow(True)
    axes[0][0].set_yticks(range(len(rows)), labels, fontsize=8)
    axes[0][0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    raise SystemExit(main())
