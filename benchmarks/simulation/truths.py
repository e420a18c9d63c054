"""What is true of a setting, and which claims of a leaderboard the truth denies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from medcot_bench.stats.contrasts import LEAST_EFFECTIVE
from medcot_bench.stats.power import ItemSet, Spread
from medcot_bench.stats.variance_components import Variances, effective_number
from medcot_bench.stats.verdict import Finding
from simulation.settings import Pair, Setting

EFFECTS = ("in domain", "out of domain", "DiD")
TINY = 1e-9
"""A difference of sums of decimals that is none; a gap of exactly the margin is no smaller."""


@dataclass(frozen=True)
class Gaps:
    """The true gaps between full fine-tuning and an adapter."""

    in_domain: float
    out_of_domain: float
    margin: float

    @property
    def effects(self) -> tuple[float, float, float]:
        """The gap in domain, the gap out of domain and their difference, in the order of EFFECTS."""
        return self.in_domain, self.out_of_domain, self.out_of_domain - self.in_domain

    def denies(self, summary: str | None) -> bool:
        """Whether the summary of a verdict is false; none claims nothing."""
        if summary is None:
            return False
        in_domain, out_of_domain, did = self.effects
        claims = {
            "persists": ("behind", "behind", "steady"),
            "emerges": ("level", "behind", "grows"),
            "widens": ("behind", "behind", "grows"),
            "shrinks": ("behind", "behind", "shrinks"),
            "vanishes": ("behind", "level", "shrinks"),
            "reverses": ("behind", "ahead", "shrinks") if in_domain > 0 else ("ahead", "behind", "grows"),
            "level throughout": ("level", "level"),
            "behind throughout": ("behind", "behind"),
            "ahead throughout": ("ahead", "ahead"),
        }
        words = zip(claims[summary], (in_domain, out_of_domain, did), strict=False)
        return any(denies(word, effect, self.margin) for word, effect in words)


def denies(word: str, truth: float, margin: float) -> bool:
    """Whether what a verdict says of an effect is false."""
    if word in ("behind", "grows"):
        return truth < TINY
    if word in ("ahead", "shrinks"):
        return truth > -TINY
    if word in ("level", "steady"):
        return abs(truth) >= margin - TINY
    return False


def gaps_of(setting: Setting, adapter: int) -> Gaps:
    """Return the true gaps of an adapter, the first being number 1."""
    full, own = setting.means[1], setting.means[1 + adapter]
    return Gaps(full[0] - own[0], full[1] - own[1], setting.margin)


def means_of(setting: Setting) -> list[Pair]:
    """Return the true means of the base model, full fine-tuning and the adapters, over collapsed trainings too."""
    lost = setting.collapse.probability * setting.collapse.loss if setting.collapse else 0.0
    base, *trained = setting.means
    return [base, *((one - lost, other - lost) for one, other in trained)]


def is_wrong_side(found: Finding, truth: float) -> bool:
    """Whether an effect is significantly on a side of zero where it is not."""
    return (found.sign == "> 0" and truth < TINY) or (found.sign == "< 0" and truth > -TINY)


def ranks_falsely(places: Mapping[str, int], means: Mapping[str, float]) -> bool:
    """Whether ranks tell the best apart that are equal, or put a worse one before a better one."""
    best = max(means[name] for name in places)
    return any(
        places[one] != places[other]
        if min(means[one], means[other]) > best - TINY
        else (means[one] - means[other]) * (places[one] - places[other]) > TINY
        for one, other in combinations(places, 2)
    )


@dataclass(frozen=True)
class Promise:
    """What `plan` would say of an effect, from its true variances."""

    stderr: float
    detectable: float
    showable: float


def promises(setting: Setting, adapter: int) -> dict[str, Promise]:
    """Return effect -> what 80% of studies can be expected to tell, by the variances of a setting.

    Empty for binary answers, paths, one seed, and fewer effective groups than LEAST_EFFECTIVE.
    """
    seeds = setting.seeds_of(adapter)
    if setting.binary or setting.curve or seeds < 2:
        return {}
    groups = [ItemSet(sum(sizes), effective_number(sizes)) for sizes, _ in setting.tasks]
    if min(one.groups for one in groups) < LEAST_EFFECTIVE:
        return {}
    fallen = setting.collapse
    collapsed = 2 * fallen.probability * (1 - fallen.probability) * fallen.loss**2 if fallen else 0.0
    one, other = (noise.seed for _, noise in setting.tasks)
    of_did = one + other - 2 * setting.seed_correlation * math.sqrt(one * other)
    parts = {
        "in domain": ([0], one + collapsed),
        "out of domain": ([1], other + collapsed),
        "DiD": ([0, 1], of_did),
    }
    found = {}
    for effect, (tasks, of_seeds) in parts.items():
        drawn = [setting.tasks[place][1] for place in tasks]
        variances = tuple(Variances(noise.group, noise.item, noise.seed_group, noise.rest) for noise in drawn)
        spread, sets = Spread(variances, of_seeds), [groups[place] for place in tasks]
        least, margin = spread.detectable(sets, seeds), spread.showable(sets, seeds)
        assert least
        assert margin
        found[effect] = Promise(math.sqrt(_variance(spread, sets, seeds)), least, margin)
    return found


def _variance(spread: Spread, sets: Sequence[ItemSet], seeds: int) -> float:
    """Return the true variance of an effect."""
    of_items = (
        (own.group + own.seed_group / seeds) / given.groups + (own.item + own.rest / seeds) / given.items
        for own, given in zip(spread.sets, sets, strict=True)
    )
    return spread.seed / seeds + sum(of_items)
