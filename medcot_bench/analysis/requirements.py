"""Requirements -> whether a study's scores meet them: linear contrasts, paired by item and seed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from medcot_bench.analysis.per_item import Key, base_of, rows_of, values_of
from medcot_bench.errors import suggest
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import higher_is_better, metric_name
from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast, shared_items
from medcot_bench.stats.p_values import difference
from medcot_bench.stats.verdict import ALPHA
from medcot_bench.study.requirements import Operator, Requirement
from medcot_bench.study.spec_strings import Spec

ROUNDING = 1e-9
"""Scores this near are equal: a mean of 0.1, 0.2 and 0.3 is at least 0.2."""


class Lacking(StrEnum):
    """Why a requirement does not hold, where that is not the score itself."""

    SCORE = "no score"
    LEVEL = "no level"
    """The row to compare with is not scored, or not trained on the same task."""
    SHARED = "nothing shared"
    GAIN = "no significant gain to keep a share of"
    ONE_SEED = "one seed has no interval between trainings"
    FEW_GROUPS = "too few groups for an interval"


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement, and what one row's score is beside it."""

    requirement: Requirement
    row: str
    trained: str | None
    planned_seeds: int
    holds: bool
    score: Contrast | None = None
    """On the items and seeds of the comparison."""
    difference: Contrast | None = None
    """The score less the level, as the score is written: above 0 is more, better or not."""
    lacking: Lacking | None = None


def find_unknown(requirement: Requirement, results: Results, against: Results | None = None) -> Iterator[str]:
    """Yield what a requirement names that isn't there; its level is a row of `against` where that is given."""
    rows, other = rows_of(results), rows_of(against or results)
    level = requirement.level
    unknown = [
        (name, dict.fromkeys(row for row, _ in known))
        for name, known in ((requirement.row, rows), (level.row, other))
        if name is not None and len(_matching(name, known)) != 1
    ]
    yield from (_say_unknown(requirement, "single row", name, known) for name, known in unknown)
    trainings = dict.fromkeys(trained for _, trained in rows if trained)
    if requirement.trained and requirement.trained not in trainings:
        yield _say_unknown(requirement, "training task", requirement.trained, trainings)
    elif not unknown and not any(_rows_meant(requirement, rows, against is None)):
        yield f"--require {requirement.text!r}: {results.root} has no adapter that it could be about"
    if level.percent is not None and not base_of(other):
        yield f"--require {requirement.text!r}: a gain is one over the base model, which is not scored"
    folders = [results, *([against] if against and level.row else [])]
    if lacking := [folder for folder in folders if requirement.task not in folder.tasks]:
        yield _say_unknown(requirement, "evaluation task", requirement.task, lacking[0].tasks)
        return
    scores = dict.fromkeys(score for folder in folders for score in _scores(folder, requirement.task))
    if scores and requirement.score not in scores:
        yield _say_unknown(requirement, f"score of {requirement.task}", requirement.score, scores)


def judge(requirement: Requirement, results: Results, against: Results | None = None) -> Iterator[Judged]:
    """Yield for every row that a requirement is about whether it holds there.

    Without a row on its left side it is about every trained and external adapter, less the one compared with. A
    row stands beside the one that was trained on the same task, or on none. All that it names is there, by
    `find_unknown`; the level is a row of `against` where that is given.
    """
    rows, other = rows_of(results), rows_of(against or results)
    for key in _rows_meant(requirement, rows, against is None):
        for beside in _rows_beside(requirement, key, other):
            yield _judge(requirement, results, against or results, key, beside)


def _matching(name: str, rows: Iterable[Key]) -> list[str]:
    """Return the rows that a name means: that row, or those that have it with options."""
    known = [*dict.fromkeys(row for row, _ in rows)]
    return [name] if name in known else [row for row in known if Spec.read(row).name == name]


def _say_unknown(requirement: Requirement, what: str, name: str, known: Collection[str]) -> str:
    near = suggest(name, known) or f"; known: {', '.join(known)}"
    return f"--require {requirement.text!r}: {name!r} names no {what}{near}"


def _scores(results: Results, task: str) -> Iterator[str]:
    for cell in results.cells:
        if task in cell.evaluations:
            yield from (name for key in cell.evaluations[task].results if (name := metric_name(key)))


def _rows_meant(
    requirement: Requirement, rows: Mapping[Key, Sequence[CellResult]], one_folder: bool
) -> Iterator[Key]:
    if requirement.row:
        (meant,) = _matching(requirement.row, rows)
        names = {meant}
    else:
        level = requirement.level.row
        beside = {*_matching(level, rows)} if level and one_folder else set()
        base = base_of(rows)
        names = {key[0] for key, cells in rows.items() if key != base and not cells[0].baseline} - beside
    for key in rows:
        if key[0] in names and requirement.trained in (None, key[1]):
            yield key


def _rows_beside(requirement: Requirement, key: Key, rows: Iterable[Key]) -> list[Key | None]:
    """Return the rows whose score the level is; None where it is a number, or where there is none."""
    if requirement.level.row is None:
        return [None]
    (name,) = _matching(requirement.level.row, rows)
    if key[1] is None:
        return [row for row in rows if row[0] == name]
    return [next((row for row in ((name, key[1]), (name, None)) if row in rows), None)]


@dataclass(frozen=True, slots=True)
class _Read:
    """One row's values of the score on the evaluation task."""

    values: SeedValues
    groups: Mapping[str, str]
    trained: bool
    items: int | None
    """Behind each value, where that is not a mean over items."""
    sign: float
    """-1 where less is better."""


_Terms = Sequence[tuple[float, _Read]]
"""What is added up, each with its weight."""


def _read(results: Results, key: Key, requirement: Requirement) -> _Read:
    task, score = requirement.task, requirement.score
    cells = rows_of(results)[key]
    scored = {cell.cell.seed or 0: cell.evaluations[task] for cell in cells if task in cell.evaluations}
    lower = any(score in record.lower_is_better for record in scored.values())
    sign = 1.0 if higher_is_better(score) and not lower else -1.0
    values, groups = values_of(results, cells, task)
    if score in values or not scored:
        return _Read(values.get(score, {}), groups, key[1] is not None, None, sign)
    whole = {  # as a perplexity of lm-eval: one value for all items
        seed: {"": value}
        for seed, record in scored.items()
        for name, value in record.results.items()
        if metric_name(name) == score
    }
    items = min(record.counts["items"] for record in scored.values())
    return _Read(whole, {"": task}, key[1] is not None, items, sign)


def _judge(requirement: Requirement, results: Results, other: Results, key: Key, beside: Key | None) -> Judged:
    level = requirement.level
    found = Judged(requirement, key[0], key[1], len(rows_of(results)[key]), holds=False)
    own = _read(results, key, requirement)
    if not own.values:
        return replace(found, lacking=Lacking.SCORE)
    share = 1.0 if level.percent is None else level.percent / 100
    terms = [(1.0, own)]
    if level.row is not None:
        base = None if level.percent is None else base_of(rows_of(other))
        read = [_read(other, one, requirement) for one in (beside, base) if one]
        if not beside or not all(one.values for one in read):
            return replace(found, lacking=Lacking.LEVEL)
        terms += zip((-share, share - 1), read, strict=False)
    table = _add(terms, _shared_seeds(terms))
    items = shared_items(table)
    if not items:
        return replace(found, lacking=Lacking.SHARED)

    def mean(of: _Terms) -> Contrast:
        values = {seed: {item: row[item] for item in items} for seed, row in _add(of, table).items()}
        made = contrast([Part(values, own.groups, alike=results.analysis.weights)])
        return made if own.items is None else replace(made, items=own.items)

    lead = mean(terms)
    found = replace(found, score=mean(terms[:1]), difference=replace(lead, value=lead.value - level.plus))
    if level.percent is not None:
        (_, of_level), (_, of_base) = terms[1:]
        if not _is_gain(mean([(own.sign, of_level), (-own.sign, of_base)])):
            return replace(found, lacking=Lacking.GAIN)
    return _decide(found, trained=any(one.trained for _, one in terms))


def _shared_seeds(terms: _Terms) -> set[int]:
    """Return the seeds of all trained rows; the one that stands for none where nothing is trained."""
    trained = [set(one.values) for _, one in terms if one.trained]
    return set.intersection(*trained) if trained else {0}


def _add(terms: _Terms, seeds: Iterable[int]) -> SeedValues:
    """Return a weighted sum of rows, item by item; what is not trained has one answer for every seed."""
    found = {}
    for seed in sorted(seeds):
        rows = [(w, one.values[seed] if one.trained else next(iter(one.values.values()))) for w, one in terms]
        items = set.intersection(*(set(row) for _, row in rows))
        if items:
            found[seed] = {item: math.fsum(weight * row[item] for weight, row in rows) for item in sorted(items)}
    return found


def _is_gain(found: Contrast) -> bool:
    p_value = difference(found)
    return found.value > 0 and p_value is not None and p_value <= ALPHA


def _decide(found: Judged, *, trained: bool) -> Judged:
    """Compare the estimate with the level, or the end of the interval that is nearer to it."""
    assert found.difference is not None
    operator = found.requirement.operator
    if not found.requirement.surely:
        return replace(found, holds=_compare(found.difference.value, operator))
    if trained and found.difference.seeds == 1:
        return replace(found, lacking=Lacking.ONE_SEED)
    ends = found.difference.interval()
    if ends is None:
        return replace(found, lacking=Lacking.FEW_GROUPS)
    return replace(found, holds=_compare(ends[0] if operator in (">=", ">") else ends[1], operator))


def _compare(value: float, operator: Operator) -> bool:
    """Compare a difference with 0; one that only rounding makes is none."""
    above, below = value > ROUNDING, value < -ROUNDING
    return {">=": not below, ">": above, "<=": not above, "<": below}[operator]
