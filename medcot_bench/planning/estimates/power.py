"""What a planned study will be able to tell, from a pilot's variances or from assumed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

from medcot_bench.planning.estimates.item_pools import ItemPool, count_items, item_pool
from medcot_bench.planning.plan import Plan
from medcot_bench.results.metrics import CORE_METRICS, ON_ANY_FORM
from medcot_bench.stats.power import (
    DID,
    GAP,
    ItemSet,
    Varying,
    items_needed,
    seeds_needed,
    spread_of,
)
from medcot_bench.stats.variance_components import Components, mean_components
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.study.margin import Margin
from medcot_bench.study.precision import Aim

Known = Mapping[Varying, Components]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a study can tell of one effect by one score.

    Sizes are by the upper bound of the seed variance (80%), except `detectable_at_best`.
    """

    effect: str
    """`gap`, or `did` for difference-in-differences."""
    trained: str
    task: str
    score: str
    items: int
    """Of the evaluation task, or of the one of both that has fewer."""
    groups: int
    """Likewise."""
    seeds: int
    half_width: float | None
    """Of the 95% interval; None with one seed or with too few groups for an interval."""
    detectable: float | None
    """The smallest effect that is detected in 80% of studies; None as above."""
    detectable_at_best: float | None
    """The same by the seed variance as it was estimated."""
    margin: Margin | None
    showable: float | None
    """The smallest margin within which an effect of zero is shown to lie in 80% of studies."""
    items_needed: Mapping[int, int | None]
    """Seeds -> items per task that make a wanted effect detectable; None: no number that the tasks have does."""
    seeds_needed: int | None
    """Seeds that make it detectable with the items of the plan; None where none do, or nothing is wanted."""


def expectations(plan: Plan, known: Known, wanted: float | None) -> Iterator[Expectation]:
    """Yield what the study can tell of gaps in domain, out of domain and of their differences.

    For every score that verdicts are given by and that has variances. `wanted` is the effect that items and seeds
    are counted for, by default the score's margin where it is no share of a gain.
    """
    pools = cache(partial(item_pool, plan))
    for effect in effects(plan, known):
        yield _expectation(plan, variances_of(known, effect), effect, pools, wanted)


def effects(plan: Plan, known: Known) -> Iterator[Varying]:
    """Yield the effects that a study estimates by the scores that verdicts are given by, as far as known."""
    for score in judged(plan):
        if _has(known, score):
            yield from effects_by(plan, score)


def effects_by(plan: Plan, score: str) -> Iterator[Varying]:
    """Yield the effects that a study estimates by a score."""
    for trained in _trained(plan, score):
        yield Varying(GAP, score, trained, trained)
        for task in _shifts(plan, trained):
            if not _makes(plan, task, score):
                continue
            if score != ON_ANY_FORM and not _alike(plan, trained, task):
                continue
            yield Varying(GAP, score, trained, task)
            yield Varying(DID, score, trained, task)


def hypotheses_by(plan: Plan, score: str) -> list[Varying]:
    """Return the effects by a score that a study's hypotheses are about."""
    named = plan.study.analysis.names_shift
    return [effect for effect in effects_by(plan, score) if effect.task == effect.trained or named(effect.task)]


def aim_of(effect: Varying) -> Aim:
    """Return which kind an effect is of."""
    if effect.kind == DID:
        return Aim.CHANGE
    return Aim.IN_DOMAIN if effect.task == effect.trained else Aim.OUT_OF_DOMAIN


def without_variances(plan: Plan, known: Known) -> list[str]:
    """Return the scores that verdicts are given by of which nothing can be expected: no variances are known."""
    return [score for score in judged(plan) if not _has(known, score)]


def judged(plan: Plan) -> list[str]:
    """Return the scores that verdicts are given by: the primary one and those with a margin, of those made."""
    return [score for score in plan.study.analysis.judged if _trained(plan, score)]


def variances_of(known: Known, effect: Varying) -> Components:
    """Return an effect's variances: its own, else the means over the like, else those of its gaps."""
    if effect in known:
        return known[effect]
    sets = 1 if effect.kind == GAP else 2
    alike = [found for other, found in known.items() if other[:2] == effect[:2] and len(found.sets) == sets]
    if alike or effect.kind == GAP:
        return mean_components(alike)
    gaps = [variances_of(known, effect._replace(kind=GAP, task=task)) for task in (effect.task, effect.trained)]
    return Components(
        sets=tuple(own for gap in gaps for own in gap.sets),
        seed=sum(gap.seed for gap in gaps),
        noise=sum(gap.noise for gap in gaps),
        df=min(gap.df for gap in gaps),
    )


def tasks_of(effect: Varying, found: Components) -> list[str]:
    """Return the evaluation task of each set of items behind an effect."""
    return [effect.task, effect.trained][: len(found.sets)]


def _expectation(
    plan: Plan, found: Components, effect: Varying, pools: Callable[[str], ItemPool], wanted: float | None
) -> Expectation:
    seeds, margin = len(plan.study.seeds), plan.study.analysis.margin_of(effect.score)
    wanted = wanted or (margin.size if margin else None)
    tasks = tasks_of(effect, found)
    counts = [count_items(plan, task, effect.score) for task in tasks]
    sets = [pools(task).take(count) for task, count in zip(tasks, counts, strict=True)]
    spread = spread_of(found, bounded=True)

    def of_tasks(items: int) -> list[ItemSet]:
        return [pools(task).take(items) for task in tasks]

    return Expectation(
        effect=effect.kind,
        trained=effect.trained,
        task=effect.task,
        score=effect.score,
        items=min(counts),
        groups=min(len({*pools(task).groups[:count]}) for task, count in zip(tasks, counts, strict=True)),
        seeds=seeds,
        half_width=spread.half_width(sets, seeds),
        detectable=spread.detectable(sets, seeds),
        detectable_at_best=spread_of(found).detectable(sets, seeds),
        margin=margin,
        showable=spread.showable(sets, seeds),
        items_needed={
            n: items_needed(spread, wanted, n, of_tasks) for n in sorted({seeds, 3, 5, 10}) if n >= LEAST_SEEDS
        }
        if wanted
        else {},
        seeds_needed=seeds_needed(spread, wanted, sets) if wanted else None,
    )


def _has(known: Known, score: str) -> bool:
    """Whether variances of any gap by a score are known."""
    return any(effect[:2] == (GAP, score) for effect in known)


def _trained(plan: Plan, score: str) -> list[str]:
    """Return the training tasks on which there will be a gap by a score."""
    return [task for task in with_gaps(plan) if _makes(plan, task, score)]


def with_gaps(plan: Plan) -> list[str]:
    """Return the training tasks on which full fine-tuning and another adapter train on the same items."""
    full: dict[tuple[str, str], str] = {}
    for cell in plan.cells:
        if cell.task and plan.updates_all(cell.adapter):
            full.setdefault((cell.task, str(cell.request["train"])), cell.adapter)
    trained = (((cell.task, str(cell.request["train"])), cell.adapter) for cell in plan.cells if cell.task)
    return [*dict.fromkeys(key[0] for key, adapter in trained if full.get(key, adapter) != adapter)]


def _makes(plan: Plan, task: str, score: str) -> bool:
    """Whether models get a score on a task."""
    asked, spec = plan.study.scoring.scores, plan.tasks[task].task.spec
    if asked and score not in asked:
        return False
    return spec.form.answer == "letter" if score == "choice" else score in CORE_METRICS or score in spec.scores


def _alike(plan: Plan, one: str, other: str) -> bool:
    return plan.tasks[one].task.spec.form == plan.tasks[other].task.spec.form


def _shifts(plan: Plan, trained: str) -> list[str]:
    cells = {cell.id for cell in plan.cells if cell.task == trained}
    return [*dict.fromkeys(s.task for s in plan.evaluations if s.cell in cells and s.relation == "shift")]
