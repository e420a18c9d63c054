"""What a planned study will be able to tell, from a pilot's variances or from assumed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import cluster
from medcot_bench.results.metrics import CORE_METRICS, ON_ANY_FORM, needs_generation
from medcot_bench.stats.contrasts import effective_groups
from medcot_bench.stats.power import (
    DID,
    GAP,
    Spread,
    Varying,
    detectable,
    groups_needed,
    mean_spread,
    showable,
)

Spreads = Mapping[Varying, Spread]
ASSUMED = {
    (GAP, "answer"): Spread(groups=0.01, seeds=0.0025, rest=0.05),
    (DID, "answer"): Spread(groups=0.006, seeds=0.005, rest=0.07),
    (GAP, "gold_nll"): Spread(groups=0.008, seeds=0.0025, rest=0.012),
    (DID, "gold_nll"): Spread(groups=0.006, seeds=0.0025, rest=0.012),
}
"""(gap or DiD, score) -> variances without a pilot: about the means over those in docs/results/study."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a study can tell of one effect by one score."""

    effect: str
    """`gap`, or `did` for difference-in-differences."""
    trained: str
    task: str
    score: str
    groups: int
    """Of the evaluation task, or of the one of both that has fewer."""
    seeds: int
    detectable: float | None
    """The smallest effect that is detected in 80% of studies; None with one group."""
    margin: float | None
    showable: float | None
    """The smallest margin within which an effect of zero is shown to lie in 80% of studies."""
    needed: Mapping[int, int | None]
    """Seeds -> groups that make a wanted effect detectable; None: no number does."""


def expectations(plan: Plan, known: Spreads | None, wanted: float | None) -> Iterator[Expectation]:
    """Yield what the study can tell of gaps in domain, out of domain and of their differences.

    For every score that verdicts are given by and that has variances. `wanted` is the effect that the groups are
    counted for, by default the score's margin. `known` is what a pilot shows (`spreads`); without one the
    variances are ASSUMED.
    """
    for score in judged(plan):
        if not _has(known, score):
            continue
        make = partial(_expectation, plan, known, score=score, wanted=wanted)
        for trained in _trained(plan, score):
            yield make(GAP, trained, trained)
            for task in _shifts(plan, trained):
                if not _makes(plan, task, score):
                    continue
                if score != ON_ANY_FORM and not _alike(plan, trained, task):
                    continue
                yield make(GAP, trained, task)
                yield make(DID, trained, task)


def without_variances(plan: Plan, known: Spreads | None) -> list[str]:
    """Return the scores that verdicts are given by of which nothing can be expected: no variances are known."""
    return [score for score in judged(plan) if not _has(known, score)]


def judged(plan: Plan) -> list[str]:
    """Return the scores that verdicts are given by: the primary one and those with a margin, of those made."""
    analysis = plan.study.analysis
    return [score for score in dict.fromkeys([analysis.primary, *analysis.margins]) if _trained(plan, score)]


def _has(known: Spreads | None, score: str) -> bool:
    """Whether variances of any gap by a score are known."""
    return (GAP, score) in ASSUMED if known is None else any(e[:2] == (GAP, score) for e in known)


def _spread(known: Spreads | None, effect: Varying) -> Spread:
    """Return an effect's variances: its own in a pilot, else the means over the like, of a DiD else of gaps."""
    if known is None:
        return ASSUMED[effect[:2]]
    if effect in known:
        return known[effect]
    alike = [spread for other, spread in known.items() if other[:2] == effect[:2]]
    return mean_spread(alike) if alike else _spread(known, effect._replace(kind=GAP))


def _expectation(
    plan: Plan, known: Spreads | None, effect: str, trained: str, task: str, *, score: str, wanted: float | None
) -> Expectation:
    margin = plan.study.analysis.margins.get(score)
    wanted = wanted or margin
    names = [_groups(plan, name, score) for name in ([task] if effect == GAP else [trained, task])]
    groups, seeds = min(map(len, names)), len(plan.study.seeds)
    of_effect = _spread(known, Varying(effect, score, trained, task))
    share = groups / effective_groups(names)
    # Counted in the set that has the fewest groups, as many in the others at the same proportion.
    spread = replace(of_effect, groups=share * of_effect.groups, rest=share * of_effect.rest)
    stderr, df = spread.stderr(groups, seeds), spread.df(groups, seeds)
    options = dict.fromkeys(sorted({seeds, 3, 5, 10}))
    return Expectation(
        effect=effect,
        trained=trained,
        task=task,
        score=score,
        groups=groups,
        seeds=seeds,
        detectable=detectable(stderr, df) if groups > 1 else None,
        margin=margin,
        showable=showable(stderr, df) if groups > 1 else None,
        needed={n: groups_needed(spread, wanted, n) for n in options if n > 1} if wanted else {},
    )


def _groups(plan: Plan, task: str, score: str) -> set[str]:
    items = plan.items.scored(task)
    if needs_generation(score):
        items = items[: plan.scoring.generate_items]
    return {cluster(task, item.group) for item in items}


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
