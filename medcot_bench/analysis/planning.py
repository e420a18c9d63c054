"""What a planned study will be able to tell, from a pilot's variances or from assumed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from medcot_bench.analysis.contrasts import Part, on_common_seeds
from medcot_bench.analysis.persistence import ON_ANY_FORM
from medcot_bench.analysis.power import Spread, detectable, groups_needed, showable, spread_of
from medcot_bench.analysis.values import ahead, references, rows_of, values_of
from medcot_bench.plan import Plan
from medcot_bench.results import Results
from medcot_bench.scores import CORE_SCORES, needs_generation

ASSUMED = {
    "answer": Spread(groups=0.02, seeds=0.018, rest=0.08),
    "gold_nll": Spread(groups=0.015, seeds=0.018, rest=0.014),
}
"""Score -> variances of a gap, where there is no pilot: about those of docs/results/study."""
GAP, CHANGE = "gap", "change"
Spreads = Mapping[tuple[str, str], Spread]
"""(gap or change, score) -> variances."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a study can tell of one effect by one score."""

    effect: str
    """`gap` or `change`."""
    trained: str
    task: str
    score: str
    groups: int
    """Of the evaluation task, or of the one of both that has fewer."""
    seeds: int
    detectable: float
    """The smallest effect that is told from zero in 80 % of studies."""
    margin: float | None
    showable: float
    """The smallest margin within which an effect of zero is shown to lie in 80 % of studies."""
    needed: Mapping[int, int | None]
    """Seeds -> groups that make a wanted effect detectable; None: no number does."""


def expectations(plan: Plan, pilot: Results | None, wanted: float | None) -> Iterator[Expectation]:
    """Yield what the study can tell of gaps on its training tasks and of their changes under shift.

    For every score that verdicts are given by and that has variances. `wanted` is the effect that the groups are
    counted for, by default the score's margin. Without a pilot the variances are ASSUMED.
    """
    found = _variances(pilot)
    for score in judged(plan):
        margin = plan.study.analysis.margins.get(score)
        if (spread := found.get((GAP, score))) is None:
            continue
        change = found.get((CHANGE, score), replace(spread, groups=2 * spread.groups, rest=2 * spread.rest))
        make = partial(_expectation, plan, score=score, margin=margin, wanted=wanted or margin)
        for trained in _trained(plan, score):
            yield make(GAP, trained, trained, spread)
            for task in _shifts(plan, trained):
                if not _makes(plan, task, score):
                    continue
                if score != ON_ANY_FORM and not _alike(plan, trained, task):
                    continue
                yield make(GAP, trained, task, spread)
                yield make(CHANGE, trained, task, change)


def without_variances(plan: Plan, pilot: Results | None) -> list[str]:
    """Return the scores that verdicts are given by of which nothing can be expected: no variances are known."""
    found = _variances(pilot)
    return [score for score in judged(plan) if (GAP, score) not in found]


def judged(plan: Plan) -> list[str]:
    """Return the scores that verdicts are given by: the primary one and those with a margin, of those made."""
    analysis = plan.study.analysis
    return [score for score in dict.fromkeys([analysis.primary, *analysis.margins]) if _trained(plan, score)]


def _variances(pilot: Results | None) -> Spreads:
    return spreads(pilot) if pilot else {(GAP, score): spread for score, spread in ASSUMED.items()}


def spreads(pilot: Results) -> dict[tuple[str, str], Spread]:
    """Return the largest variances that a pilot shows of any adapter's gap, and of any change of one."""
    rows = rows_of(pilot)
    found: dict[tuple[str, str], list[Spread]] = {}
    for key, reference in references(rows).items():
        trained, cells = str(key[1]), rows[key]
        if key == reference:
            continue
        gaps: dict[str, dict[str, Part]] = {}
        for task in pilot.tasks:
            (best, groups), (own, _) = (values_of(pilot, side, task) for side in (rows[reference], cells))
            for score in own:
                if paired := ahead(best.get(score, {}), own[score], score):
                    gaps.setdefault(score, {})[task] = Part(paired, groups)
        for score, parts in gaps.items():
            for task, part in parts.items():
                alone = spread_of([part]) if on_common_seeds([part]) else None
                found.setdefault((GAP, score), []).extend([alone] if alone else [])
                if task != trained and trained in parts:
                    shared = on_common_seeds([part, replace(parts[trained], weight=-1.0)])
                    both = spread_of(shared) if shared else None
                    found.setdefault((CHANGE, score), []).extend([both] if both else [])
    return {key: max(several, key=lambda s: s.stderr(10, 3)) for key, several in found.items() if several}


def _expectation(
    plan: Plan,
    effect: str,
    trained: str,
    task: str,
    spread: Spread,
    *,
    score: str,
    margin: float | None,
    wanted: float | None,
) -> Expectation:
    tasks = [task] if effect == GAP else [trained, task]
    groups = min(_groups(plan, name, score) for name in tasks)
    seeds = len(plan.study.seeds)
    stderr, df = spread.stderr(groups, seeds), spread.df(groups, seeds)
    options = dict.fromkeys(sorted({seeds, 3, 5, 10}))
    return Expectation(
        effect=effect,
        trained=trained,
        task=task,
        score=score,
        groups=groups,
        seeds=seeds,
        detectable=detectable(stderr, df),
        margin=margin,
        showable=showable(stderr, df),
        needed={n: groups_needed(spread, wanted, n) for n in options if n > 1} if wanted else {},
    )


def _groups(plan: Plan, task: str, score: str) -> int:
    items = plan.scored_items(task)
    if needs_generation(score):
        items = items[: plan.scoring.generate_items]
    return max(len({item.group for item in items}), 2)


def _trained(plan: Plan, score: str) -> list[str]:
    trained = dict.fromkeys(cell.task for cell in plan.cells if cell.task)
    return [task for task in trained if _makes(plan, task, score)]


def _makes(plan: Plan, task: str, score: str) -> bool:
    """Whether models get a score on a task."""
    asked, spec = plan.study.scoring.scores, plan.tasks[task].task.spec
    if asked and score not in asked:
        return False
    return spec.form.answer == "letter" if score == "choice" else score in CORE_SCORES or score in spec.scores


def _alike(plan: Plan, one: str, other: str) -> bool:
    return plan.tasks[one].task.spec.form == plan.tasks[other].task.spec.form


def _shifts(plan: Plan, trained: str) -> list[str]:
    cells = {cell.id for cell in plan.cells if cell.task == trained}
    return [*dict.fromkeys(s.task for s in plan.scores if s.cell in cells and s.relation == "shift")]
