"""Write the published results into README.md: the table, the sentence and the plot of every study in docs/results.

    python benchmarks/published.py

Replaces what stands between `<!-- results: NAME -->` and `<!-- end of results -->`, from the records in
docs/results/NAME; writes the whole leaderboard as docs/results/NAME.md and draws docs/results/NAME.svg. Needs
matplotlib (pip install -e '.[plot]').
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tabulate import tabulate

import medcot_bench
from medcot_bench.analysis.build import build
from medcot_bench.analysis.per_item import rows_of, values_of
from medcot_bench.report.exporters.markdown import Markdown
from medcot_bench.report.format import number, size
from medcot_bench.report.gap_tables import interval, rates, verdicts
from medcot_bench.report.headline import summarise
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.metrics import ON_ANY_FORM, higher_is_better
from medcot_bench.stats.contrasts import Contrast, Part, contrast
from medcot_bench.stats.verdict import ALPHA

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
BLOCK = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end of results -->)", re.DOTALL)


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for _, name, _ in BLOCK.findall(text):
        draw(*read(RESULTS / name), RESULTS / f"{name}.svg")
        (RESULTS / f"{name}.md").write_text(leaderboard(RESULTS / name), encoding="utf-8")
    readme.write_text(refreshed(text), encoding="utf-8")
    return 0


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
    """Return a study's table, sentence and provenance as Markdown."""
    results, board = read(folder)
    tasks = in_short(board)
    titles = [f"{title}, {results.analysis.primary}" for title in tasks.values()]
    table = []
    for (adapter, task), cells in rows_of(results).items():
        row = next(row for row in board.rows if (row.adapter, row.task) == (adapter, task))
        costs = row.costs if row.costs and row.costs.train_tokens else None
        table.append(
            [
                adapter,
                board.trained_on(row),
                *(written(estimate(results, cells, scored)) for scored in tasks),
                f"{costs.train_seconds:.0f} s" if costs else "",
                size(costs.peak_bytes) if costs else "",
                number(costs.trainable_parameters) if costs else "",
            ]
        )
    headers = ["adapter", "trained on", *titles, "training", "peak memory", "trainable"]
    parts = [
        piped(headers, table),
        f"![{name}](docs/results/{name}.svg)",
        summarise(results, board.persistence),
        *hypotheses(results, board),
        *told_factors(board),
        " ".join(
            [
                provenance(results, board),
                *([rates(board)] if results.trials else []),
                f"[The whole leaderboard](docs/results/{name}.md).",
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def piped(headers: list[str], rows: list[list[str]]) -> str:
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def hypotheses(results: Results, board: Leaderboard) -> Iterator[str]:
    """Yield the study's hypotheses, with the gaps at equal value on the training task, if it declares some."""
    score = results.analysis.primary
    declared = [found for found in board.persistence if found.declared]
    if not declared or not (results.analysis.adapters or results.analysis.shifts):
        return
    levels = {(at.task, at.adapter, at.shift): at for at in board.matched if score == ON_ANY_FORM}
    headers, rows = verdicts(replace(board, persistence=declared), score)
    ratio = headers.index("ratio")
    for found, row in zip(declared, rows, strict=True):
        at = levels.get((found.task, found.adapter, found.shift.task))
        row[ratio] = interval(at.gap, signed=True) if at else ""
    headers[ratio] = "gap under shift, at equal value on that task"
    margin = declared[0].margin
    within = f"; margin {margin:g}" if margin is not None else ""
    yield f"The study's hypotheses, by {score} (gaps: more is better for full{within}):"
    yield piped(headers, rows)


def in_short(board: Leaderboard) -> dict[str, str]:
    """Return the tasks of table and plot, with their titles: graded shifts stand in the whole leaderboard."""
    return {task: title for task, title in board.tasks.items() if "@" not in task}


def told_factors(board: Leaderboard) -> Iterator[str]:
    """Yield a sentence on the factors that are told from zero on the tasks of the table, if the study has some."""
    shown = [effect for effect in board.factors if effect.task in in_short(board)]
    told = [effect for effect in shown if effect.p_value is not None and effect.p_value <= ALPHA]
    if shown:
        found = "; ".join(
            f"{one.effect}: {written(one.found)} in {one.score} on {one.task} after {one.trained}" for one in told
        )
        yield (
            f"Which weights, and which update? {len(told)} of {len(shown)} effects on these tasks "
            f"{'is' if len(told) == 1 else 'are'} told from zero, adjusted for all by one score (exploration)"
            f"{': ' + found if found else ''}."
        )


def estimate(results: Results, cells: list[CellResult], task: str) -> Contrast | None:
    """Return the mean over items and seeds, None where the cells are not scored on the task."""
    values, groups = values_of(results, cells, task)
    scored = values.get(results.analysis.primary)
    return contrast([Part(scored, groups)]) if scored else None


def written(found: Contrast | None) -> str:
    """Write a mean with its interval."""
    if found is None:
        return ""
    value, *ends = (f"{round(x, 2) + 0.0:.2f}" for x in (found.value, *(found.interval() or ())))  # no -0.00
    return value + (f" ({' to '.join(ends)})" if ends else "")


def provenance(results: Results, board: Leaderboard) -> str:
    """Say what made the numbers: versions, base, seeds, items, recipes, machine."""
    records = [cell.record for cell in results.cells if cell.record]
    scores = [score for cell in results.cells for score in cell.evaluations.values()]
    seeds = sorted({record.seed for record in records if record.seed is not None})
    number = f"n_{results.analysis.primary}"
    items = sorted({score.counts[number] for score in scores if number in score.counts})
    recipes = {r.adapter: r.request["recipe"] for r in records if "recipe" in r.request}
    made = sorted({r.provenance.machine for r in records})
    several = " (seconds of rows from different machines can't be compared)" if len(made) > 1 else ""
    engines = sorted({f"{r.provenance.engine} of medcot-bench {r.provenance.medcot_bench}" for r in records})
    return (
        f"Base {board.base['name']} ({board.base['origin']}); {'/'.join(map(str, items))} items a task; seeds "
        f"{', '.join(map(str, seeds))}; recipes "
        + ", ".join(f"{adapter} {written_recipe(recipe)}" for adapter, recipe in recipes.items())
        + f"; 95 % intervals over items and seeds; engine {', '.join(engines)}; {' and '.join(made)}{several}."
    )


def written_recipe(recipe: Mapping[str, Any]) -> str:
    """Write what tells recipes apart.

    >>> written_recipe({"lr": 1e-4, "batch_size": 4, "schedule": "linear", "train_tokens": 3000})
    '(lr 0.0001, batches of 4, linear, 3000 tokens)'
    """
    length = f", {recipe['train_tokens']} tokens" if recipe.get("train_tokens") else ""
    return f"(lr {recipe['lr']:g}, batches of {recipe['batch_size']}, {recipe['schedule']}{length})"


def draw(results: Results, board: Leaderboard, path: Path) -> None:
    """Draw every adapter's mean with its interval, a panel a task."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "medcot-bench"
    from matplotlib import pyplot

    rows = rows_of(results)
    labels = [adapter if task is None else f"{adapter} ← {task}" for adapter, task in rows]
    tasks = in_short(board)
    figure, axes = pyplot.subplots(
        1,
        len(tasks),
        sharey=True,
        figsize=(3.2 * len(tasks) + 1.5, 0.45 * len(rows) + 1.2),
        squeeze=False,
    )
    for axis, (task, title) in zip(axes[0], tasks.items(), strict=True):
        for place, cells in enumerate(rows.values()):
            found = estimate(results, cells, task)
            if found is None:
                continue
            low, high = found.interval() or (found.value, found.value)
            axis.plot([low, high], [place, place], color="#4c72b0", linewidth=2)
            axis.plot(found.value, place, "o", color="#4c72b0")
        axis.set_title(title, fontsize=9)
        shown = results.analysis.primary
        better = "" if higher_is_better(shown) else " (lower is better)"
        axis.set_xlabel(f"{shown}{better}, 95 % interval", fontsize=8)
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
