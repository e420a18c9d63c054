"""The leaderboard as headings, paragraphs, tables and lists, which every format writes in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medcot_bench.report import effect_tables, gap_tables
from medcot_bench.report.format import estimate, number, size
from medcot_bench.report.recommendation import MEMORY, recommend
from medcot_bench.results.leaderboard import Costs, Leaderboard, Row
from medcot_bench.results.metrics import CORE_METRICS

RELATIONS = {
    "base": "untouched",
    "elsewhere": "trained elsewhere",
    "same_task": "same task",
    "same_domain": "same domain",
    "shift": "shift",
    "lm_eval": "lm-eval",
}
SCALES = (
    "± is the standard error over groups of items and over seeds; with one seed it leaves out how much seeds "
    "differ. The number of items is in brackets."
)
DISCLAIMER = "A benchmark of fine-tuning methods. Not for clinical use."


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; `level` 1 is the document's own."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and rows of texts."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: Sequence[str]


Block = Heading | Paragraph | Table | Items
"""Texts are as they are, names of models and errors among them. A format escapes what it would act on."""


def document(leaderboard: Leaderboard) -> Iterator[Block]:
    """Yield the whole leaderboard: overview, answer, a table for each evaluation task, costs, failures, notes."""
    base = leaderboard.base
    yield Heading("Leaderboard", level=1)
    yield Paragraph(f"Base model: {base['name']} ({base['origin']}). {scales(leaderboard)}")
    if missing := leaderboard.unfinished:
        cells = "1 cell is" if missing == 1 else f"{missing} cells are"
        listed = "; what failed is listed below" if any(row.failures for row in leaderboard.rows) else ""
        yield Paragraph(f"Not finished: {cells} lacking or not whole{listed}.")
    yield Heading("Overview")
    yield _overview(leaderboard)
    taken = [*recommend(leaderboard)]
    for line in taken:
        yield Paragraph(f"Take, {line}.")
    if taken:
        yield Paragraph(
            "Named first is what trains in the least memory among those that share the best rank on that task, "
            "are shown to be ahead of the untouched base (if some are) and train within "
            f"{MEMORY:g} GB, a common card."
        )
    yield from _persistence(leaderboard)
    for title, (headers, rows), about in effect_tables.sections(leaderboard):
        yield from (Heading(title), Table(headers, rows), Paragraph(about))
    yield from score_tables(leaderboard)
    yield from cost_table(leaderboard)
    if leaderboard.trials:
        yield from (Heading("Learning rates tried"), Table(*effect_tables.trials(leaderboard)))
    yield from not_finished(leaderboard)
    yield Heading("Notes")
    yield Items([*_meanings(leaderboard), *notes(leaderboard), DISCLAIMER])


def scales(leaderboard: Leaderboard) -> str:
    """Return how the scores of the tables are to be read."""
    exceptions = ["gold_nll (nats per byte of the target)", "truncated", "repetition"]
    if leaderboard.lower:
        exceptions.append("what is marked so")
    return (
        f"Higher is better, except for {', '.join(exceptions[:-1])} and {exceptions[-1]}. {SCALES} "
        f"{_ranks(leaderboard)}"
    )


def _ranks(leaderboard: Leaderboard) -> str:
    """Say what ranks are by, and what stands in for the primary score where a task lacks it."""
    others: dict[str, dict[str, None]] = {}
    for row in leaderboard.rows:
        for task, part in row.tasks.items():
            for rank in part.ranks.values():
                if rank.score != leaderboard.primary:
                    others.setdefault(rank.score, {})[leaderboard.tasks[task]] = None
    instead = "; ".join(f"by {score} on {', '.join(tasks)}" for score, tasks in others.items())
    lacking = f" ({instead}, where it is lacking)" if instead else ""
    return (
        f"Ranks are by {leaderboard.primary}, the study's primary score{lacking}, among the rows of one training "
        "task and the base (which has none where there are several), by tests adjusted for these (Holm): = is a "
        "tie, not told apart."
    )


def score_tables(leaderboard: Leaderboard, level: int = 2) -> Iterator[Block]:
    """Yield a table for each evaluation task, under a heading of that level."""
    for task, title in leaderboard.tasks.items():
        yield Heading(f"{title}, {leaderboard.domains[task]}", level)
        yield _task(leaderboard, task)


def cost_table(leaderboard: Leaderboard) -> Iterator[Block]:
    """Yield what the rows cost."""
    yield Heading("Costs")
    yield _costs(leaderboard)
    yield Paragraph(
        "Peak memory is that of training, with the base's weights in it. Seconds of training, measuring (how far "
        "it took the models from their base, with the base's own share where that came first) and scoring are "
        "means over seeds, those of tuning (training at every rate tried and scoring validation items, less a "
        "training that the study uses) are for all seeds together."
    )


def not_finished(leaderboard: Leaderboard) -> Iterator[Block]:
    """Yield what is missing and why, nothing where nothing is."""
    rows = [[*_names(leaderboard, row), failure] for row in leaderboard.rows for failure in row.failures]
    if rows:
        yield from (Heading("Not finished"), Table(["adapter", "trained on", "what"], rows))


def notes(leaderboard: Leaderboard) -> list[str]:
    """Return what the study notes, and how evaluations are marked."""
    marks = [
        f"{' '.join([*_names(leaderboard, row), 'on', leaderboard.tasks[task]])}: {mark}"
        for row in leaderboard.rows
        for task, part in row.tasks.items()
        for mark in part.marks
    ]
    return [*leaderboard.notes, *marks]


def _meanings(leaderboard: Leaderboard) -> list[str]:
    """Return what the scores mean that the core gives to every task, and where the others are explained."""
    core = [f"{name}: {CORE_METRICS[name].about}" for name in leaderboard.scores if name in CORE_METRICS]
    others = ", ".join(name for name in leaderboard.scores if name not in CORE_METRICS)
    return [
        *core,
        *([f"{others}: scores of the tasks' own (of built-in tasks: docs/scores.md)"] if others else []),
    ]


def _overview(leaderboard: Leaderboard) -> Table:
    headers = ["adapter", "trained on", "seeds"]
    shown = {task: leaderboard.headline(task) for task in leaderboard.tasks}
    headers += [f"{title}: {_score(leaderboard, task, shown[task])}" for task, title in leaderboard.tasks.items()]
    headers += ["peak memory", "of full", "tokens/s", "trainable"]
    rows = []
    for row in leaderboard.rows:
        cells = [*_names(leaderboard, row), _seeds(row)]
        for task in leaderboard.tasks:
            if task not in row.planned:
                cells.append("")
                continue
            found = row.tasks.get(task)
            if found is None:
                cells.append("not finished")
                continue
            score = estimate(found.scores.get(shown[task]), count=True) or f"no {shown[task]}"
            cells.append(f"{score}, {RELATIONS[found.relation]}")
        costs = row.costs
        cells += (
            [
                size(costs.peak_bytes),
                "" if costs.peak_vs_full is None else f"{costs.peak_vs_full:.0%}",
                number(costs.tokens_per_second),
                number(costs.trainable_parameters),
            ]
            if costs and costs.train_tokens
            else ["", "", "", ""]
        )
        rows.append(cells)
    return Table(headers, rows)


def _persistence(leaderboard: Leaderboard) -> Iterator[Block]:
    scores = gap_tables.scores(leaderboard)
    for score in scores:
        yield Heading(f"Does the gap to full fine-tuning persist? By {score}")
        yield Table(*gap_tables.verdicts(leaderboard, score))
        yield Paragraph(gap_tables.BASIS)
        yield Table(*gap_tables.basis(leaderboard, score))
        yield Paragraph("The means behind the gaps:")
        yield Table(*gap_tables.means(leaderboard, score))
        yield Paragraph(" ".join(gap_tables.limits(leaderboard, score)))
    if scores:
        yield Paragraph(f"{gap_tables.rates(leaderboard)} {gap_tables.RULE}")


def _task(leaderboard: Leaderboard, task: str) -> Table:
    found = [row for row in leaderboard.rows if task in row.tasks]
    names = [name for name in leaderboard.scores if any(name in row.tasks[task].scores for row in found)]
    own = task in leaderboard.headlines
    gaps = [name for name in names if own or name in {leaderboard.primary, "answer", "choice", "gold_nll"}]
    gaps = [name for name in gaps if any(name in row.tasks[task].gaps for row in found)]
    headers = ["adapter", "trained on", "relation", "rank", "n"]
    headers += [_score(leaderboard, task, name) for name in names]
    headers += [f"full ahead: {name}" for name in gaps]
    rows = []
    for row in found:
        part = row.tasks[task]
        most = max((score.items for score in part.scores.values()), default=0)
        scores = [
            estimate(part.scores.get(name), count=name in part.scores and part.scores[name].items != most)
            for name in names
        ]
        rows.append(
            [
                *_names(leaderboard, row),
                RELATIONS[part.relation],
                str(next(iter(part.ranks.values()))) if len(part.ranks) == 1 else "",
                str(most),
                *scores,
                *(estimate(part.gaps.get(name), signed=True) for name in gaps),
            ]
        )
    return Table(headers, rows)


def _score(leaderboard: Leaderboard, task: str, name: str) -> str:
    """Return a score's name, with its direction where only the task knows it."""
    return f"{name} (lower is better)" if name in leaderboard.lower.get(task, ()) else name


def _costs(leaderboard: Leaderboard) -> Table:
    headers = ["adapter", "trained on", "trainable", "saved", "peak memory", "of full", "tokens/s"]
    headers += ["lr", "steps", "trained tokens", "training s", "measuring s", "scoring s", "tuning s"]
    rows = [[*_names(leaderboard, row), *_cost(row.costs)] for row in leaderboard.rows if row.costs]
    if all(row.costs is None or row.costs.measure_seconds is None for row in leaderboard.rows):
        unmeasured = headers.index("measuring s")  # records of an older version
        headers, *rows = ([*row[:unmeasured], *row[unmeasured + 1 :]] for row in (headers, *rows))
    return Table(headers, rows)


def _cost(costs: Costs) -> list[str]:
    trained = bool(costs.train_tokens)
    return [
        number(costs.trainable_parameters),
        size(costs.adapter_bytes) if costs.adapter_bytes else "",
        size(costs.peak_bytes) if trained else "",
        "" if costs.peak_vs_full is None else f"{costs.peak_vs_full:.0%}",
        number(costs.tokens_per_second),
        "" if costs.lr is None else f"{costs.lr:g}",
        str(costs.steps) if trained else "",
        number(costs.train_tokens),
        f"{costs.train_seconds:.1f}" if trained else "",
        "" if costs.measure_seconds is None else f"{costs.measure_seconds:.1f}",
        f"{costs.score_seconds:.1f}",
        f"{costs.tuning_seconds:.1f}" if costs.tuning_seconds else "",
    ]


def _names(leaderboard: Leaderboard, row: Row) -> list[str]:
    return [row.adapter, leaderboard.trained_on(row) or "nothing"]


def _seeds(row: Row) -> str:
    return "+".join(str(seed) for seed in row.seeds)
