"""What is true of a setting, and which claims of a leaderboard the truth denies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from medcot_bench.stats.contrasts import matched_df
from medcot_bench.stats.power import detectable, showable
from medcot_bench.stats.verdict import Finding
from simulation.settings import Noise, Pair, Setting

EFFECTS = ("in domain", "out of domain", "DiD")
TINY = 1e-9
"""A difference of sums of decimals that is none; a gap of exactly the margin is no smaller."""
LEAST_GROUPS = 3
"""Effective groups below which nothing is promised."""


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

    def denies(self, summary: str) -> bool:
        """Whether a summary of the three is false; without a claim none is."""
        behind, ahead, level = (
            tuple(holds(effect) for effect in self.effects)
            for holds in (lambda x: x > TINY, lambda x: x < -TINY, lambda x: abs(x) < self.margin - TINY)
        )
        claims = {
            "persists": behind[0] and behind[1] and level[2],
            "emerges": level[0] and behind[1] and behind[2],
            "widens": behind[0] and behind[1] and behind[2],
            "shrinks": behind[0] and behind[1] and ahead[2],
            "vanishes": behind[0] and level[1] and ahead[2],
            "reverses": (behind[0] and ahead[1]) or (ahead[0] and behind[1]),
            "level throughout": level[0] and level[1],
            "behind throughout": behind[0] and behind[1],
            "ahead throughout": ahead[0] and ahead[1],
            "no gap in domain": level[0],
            "adapter better in domain": ahead[0],
        }
        return not claims.get(summary, True)


def gaps_of(setting: Setting, adapter: int) -> Gaps:
    """Return the true gaps of an adapter, the first being number 1."""
    full, own = setting.means[1], setting.means[1 + adapter]
    return Gaps(full[0] - own[0], full[1] - own[1], setting.margin)


def means_of(setting: Setting) -> list[Pair]:
    """Return the true means of the base model, full fine-tuning and the adapters, over collapsed trainings too."""
    lost = setting.collapse.probability * setting.collapse.loss if setting.collapse else 0.0
    base, *trained = setting.means
    return [base, *((one - lost, other - lost) for one, other in trained)]


def is_false(found: Finding, truth: float, margin: float) -> bool:
    """Whether what is said of an effect is denied by the truth: its sign, or that it lies within the margin."""
    wrong_sign = (found.sign == "> 0" and truth < TINY) or (found.sign == "< 0" and truth > -TINY)
    return wrong_sign or (found.negligible and abs(truth) >= margin - TINY)


def splits_best(places: Mapping[str, int], means: Mapping[str, float]) -> bool:
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

    Empty for binary answers, paths, one seed, and fewer effective groups than LEAST_GROUPS.
    """
    seeds = setting.seeds_of(adapter)
    if setting.binary or setting.curve or seeds < 2:
        return {}
    groups = [_of_groups(sizes, noise, seeds) for sizes, noise in setting.tasks]
    if min(effective for _, effective in groups) < LEAST_GROUPS:
        return {}
    fallen = setting.collapse
    collapsed = 2 * fallen.probability * (1 - fallen.probability) * fallen.loss**2 if fallen else 0.0
    one, other = (noise.seed for _, noise in setting.tasks)
    of_did = one + other - 2 * setting.seed_correlation * math.sqrt(one * other)
    parts = {
        "in domain": ([groups[0]], one + collapsed),
        "out of domain": ([groups[1]], other + collapsed),
        "DiD": (groups, of_did),
    }
    found = {}
    for effect, (of_groups, of_seeds) in parts.items():
        variances = [*((v, effective - 1) for v, effective in of_groups), (of_seeds / seeds, seeds - 1)]
        stderr, df = math.sqrt(sum(v for v, _ in variances)), matched_df(variances)
        assert df
        found[effect] = Promise(stderr, detectable(stderr, df), showable(stderr, df))
    return found


def _of_groups(sizes: tuple[int, ...], noise: Noise, seeds: int) -> tuple[float, float]:
    """Return the variance of a mean gap that groups and their items make, and the effective number of groups."""
    items = sum(sizes)
    effective = items**2 / sum(size**2 for size in sizes)
    return (noise.group + noise.seed_group / seeds) / effective + (
        noise.item + noise.rest / seeds
    ) / items, effective
