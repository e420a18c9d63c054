"""Designs that fit a time budget: seeds, items, answers, tokens and adapters, by the half widths that they buy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from medcot_bench.errors import ConfigError
from medcot_bench.planning.estimates.costs import Amounts, Costs, Reuse, planned_tokens
from medcot_bench.planning.estimates.duration import LM_EVAL_DOCUMENTS
from medcot_bench.planning.estimates.item_pools import ItemPool, item_pool
from medcot_bench.planning.estimates.power import Known, aim_of, effects, hypotheses_by, tasks_of, variances_of
from medcot_bench.planning.plan import Plan
from medcot_bench.results.metrics import needs_generation
from medcot_bench.stats.power import DID, MOST_SEEDS, Varying, spread_of
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.study.precision import Aim, take_seeds
from medcot_bench.study.schema import Study

ITEMS = (12, 18, 24, 30, 36, 48, 60, 72, 84, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1000)
FEW_ANSWERS = 12
"""Answers that are written where no score that needs them is aimed at: some to look at."""
OFFERED = 3
APART = 1.25
"""Two designs that differ in seeds alone are two offers if one has so many times the seeds of the other."""


@dataclass(frozen=True, slots=True)
class Design:
    """The sizes of a study."""

    adapters: tuple[str, ...]
    """Those that are trained."""
    seeds: int
    tokens: int | None
    """Token budget of a training; None: as the study says."""
    items: int
    """Per evaluation task."""
    answers: int
    """Written per evaluation task."""
    drift: bool = False
    """Whether KL from the base model and forgetting are measured, which no interval of a gap needs."""


@dataclass(frozen=True, slots=True)
class HalfWidth:
    """Half a 95% interval to be expected: by the seed variance as estimated, and by its upper bound (80%)."""

    at_best: float
    bounded: float


@dataclass(frozen=True, slots=True)
class Offer:
    """A design, the time that is left to run, and the widest interval of the hypotheses of each kind."""

    design: Design
    seconds: float
    half_widths: dict[Aim, HalfWidth]


@dataclass(frozen=True)
class Designer:
    """What is known for designing a study."""

    plan: Plan
    costs: Costs
    known_at: Callable[[int | None], Known]
    """Tokens of a training -> variances."""
    score: str

    def typed(self) -> Offer:
        """Return the plan's own design."""
        return self.offer(self._typed)

    def search(self, seconds: float, aim: Aim, budgets: Collection[int] = ()) -> list[Offer]:
        """Return the three best designs that take no longer, unlike each other.

        `budgets` are tokens of a training to choose from beside the plan's own. Raises ConfigError where the
        study has no such effect, and where no design fits.
        """
        if aim not in map(aim_of, self._hypotheses):
            raise ConfigError(f"--effect {aim}: the study's hypotheses have no such effect by {self.score}")
        own = self.plan.study.training.train_tokens
        tokens = [own, *(budget for budget in budgets if own not in (None, budget))]
        typed = replace(self._typed, drift=False)
        offers = (self.offer(design) for design in self._fitting(seconds, aim, tokens) if design != typed)
        found = [one for one in offers if aim in one.half_widths]
        if not found:
            least = min(map(self._seconds, self._designs([min(ITEMS)], [LEAST_SEEDS], tokens)))
            raise ConfigError(
                f"--budget: no design with an interval fits; {LEAST_SEEDS} seeds and {min(ITEMS)} items "
                f"take about {least / 60:.0f} min"
            )
        return _unlike(sorted(found, key=lambda offer: offer.half_widths[aim].bounded))

    def _fitting(self, seconds: float, aim: Aim, tokens: Sequence[int | None]) -> Iterable[Design]:
        """Return, for all other sizes, the design with the most items that takes no longer."""
        most: dict[object, Design] = {}
        for design in self._designs(self._item_counts(aim), range(LEAST_SEEDS, MOST_SEEDS + 1), tokens):
            if self._seconds(design) <= seconds:
                most[design.adapters, design.seeds, design.tokens, design.answers <= FEW_ANSWERS] = design
        return most.values()

    def _designs(
        self, item_counts: Iterable[int], seed_counts: Iterable[int], tokens: Sequence[int | None]
    ) -> Iterator[Design]:
        own = self.plan.study.scoring.generate_items
        for items in item_counts:
            written = {items} if needs_generation(self.score) else {FEW_ANSWERS, own or items}
            answers = sorted({min(items, most) for most in written})
            for adapters, seeds, budget, few in product(self._adapters(), seed_counts, tokens, answers):
                yield Design(adapters, seeds, budget, items, few)

    def _item_counts(self, aim: Aim) -> list[int]:
        """Return the numbers of items to choose from, as far as the tasks behind the effects have them."""
        behind = [effect for effect in self._hypotheses if aim_of(effect) is aim]
        tasks = {effect.task for effect in behind} | {effect.trained for effect in behind if effect.kind == DID}
        pools = [self._pools[task] for task in tasks]
        most = max(ITEMS) if any(pool.endless for pool in pools) else max(len(pool.groups) for pool in pools)
        own = {self._typed.items} if self._typed.items <= most else set()
        return sorted({*(items for items in ITEMS if items < most), min(most, max(ITEMS)), *own})

    def _adapters(self) -> list[tuple[str, ...]]:
        """Return the adapters to choose from: all, and the reference with those of the hypotheses."""
        every = tuple(self.costs.runs)
        asked = [a for a in every if self.plan.updates_all(a) or self.plan.study.analysis.names(a)]
        return [*dict.fromkeys([every, tuple(asked)])]

    def _seconds(self, design: Design) -> float:
        """Return what is left to run, where runs in the folder can be used."""
        limit = limit_of(self.plan, design)
        amounts = Amounts(
            tokens=self._own_tokens if design.tokens is None else design.tokens,
            items=design.items,
            answers=design.answers,
            documents=LM_EVAL_DOCUMENTS if limit is None else limit,
            drift=design.drift,
        )
        return self.costs.seconds(design.adapters, design.seeds, amounts, self._reuse(design))

    def _reuse(self, design: Design) -> Reuse:
        if design.tokens != self._typed.tokens:
            return Reuse.NOTHING
        same = (design.items, design.answers) == (self._typed.items, self._typed.answers)
        return Reuse.ALL if same else Reuse.TRAININGS

    def offer(self, design: Design) -> Offer:
        """Return what a design takes and buys."""
        known = self.known_at(design.tokens)
        found: dict[Aim, list[HalfWidth]] = {}
        for effect in self._hypotheses:
            components = variances_of(known, effect)
            items = design.answers if needs_generation(effect.score) else design.items
            sets = [self._pools[task].take(items) for task in tasks_of(effect, components)]
            spreads = (spread_of(components, bounded=bounded) for bounded in (False, True))
            best, bounded = (spread.half_width(sets, design.seeds) for spread in spreads)
            if best is not None and bounded is not None:
                found.setdefault(aim_of(effect), []).append(HalfWidth(best, bounded))
        widest = {aim: max(several, key=lambda width: width.bounded) for aim, several in found.items()}
        return Offer(design, self._seconds(design), widest)

    @cached_property
    def _hypotheses(self) -> list[Varying]:
        return hypotheses(self.plan, self.known_at(self.plan.study.training.train_tokens), self.score)

    @cached_property
    def _pools(self) -> dict[str, ItemPool]:
        return {task: item_pool(self.plan, task) for task in self.plan.data}

    @cached_property
    def _typed(self) -> Design:
        study, items = self.plan.study, _most_items(self.plan)
        answers = min(items, study.scoring.generate_items or items)
        seeds, tokens = len(study.seeds), study.training.train_tokens
        return Design(tuple(self.costs.runs), seeds, tokens, items, answers, study.drift)

    @cached_property
    def _own_tokens(self) -> float:
        return planned_tokens(self.plan)


def hypotheses(plan: Plan, known: Known, score: str) -> list[Varying]:
    """Return the effects by a score that a study's hypotheses are about."""
    return hypotheses_by(plan, score) if any(effect.score == score for effect in effects(plan, known)) else []


def limit_of(plan: Plan, design: Design) -> int | None:
    """Return the limit of items that a design's study has: the plan's own where it makes as many."""
    return plan.study.limit if design.items == _most_items(plan) else design.items


def _most_items(plan: Plan) -> int:
    return max(len(plan.items.scored(task)) for task in plan.data)


def apply_design(study: Study, plan: Plan, design: Design) -> Study:
    """Return a study, of which this is the plan, in the sizes of a design: its seeds are fixed."""
    trained = {cell.adapter for cell in plan.cells if cell.task}
    kept = {str(plan.adapters[label].typed.unsized) for label in design.adapters}
    dropped = {str(plan.adapters[label].typed.unsized) for label in trained} - kept
    answers = None if design.answers >= design.items else design.answers
    return study.model_copy(
        update={
            "adapters": tuple(spec for spec in study.adapters if str(spec.unsized) not in dropped),
            "seeds": take_seeds(study.seeds, design.seeds),
            "limit": limit_of(plan, design),
            "drift": design.drift,
            "analysis": study.analysis.model_copy(update={"precision": None}),
            "training": study.training.model_copy(update={"train_tokens": design.tokens}),
            "scoring": study.scoring.model_copy(update={"generate_items": answers}),
        }
    )


def _unlike(offers: Iterable[Offer]) -> list[Offer]:
    """Return the first offers that differ from those before in adapters or tokens, or much in seeds."""
    taken: list[Offer] = []
    for offer in offers:
        new = offer.design
        alike = (o.design for o in taken if (o.design.adapters, o.design.tokens) == (new.adapters, new.tokens))
        if all(max(new.seeds, one.seeds) >= APART * min(new.seeds, one.seeds) for one in alike):
            taken.append(offer)
    return taken[:OFFERED]
