"""Setting -> one study: the quality of every answer, drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray
from scipy.stats import norm

from simulation.settings import Setting

Array = NDArray[numpy.float64]
LONG = math.sqrt((math.e - 1) * math.e)
"""The standard deviation of a lognormal whose logarithm is standard normal."""


@dataclass(frozen=True)
class Study:
    """What was drawn, in domain and out of domain. More is better."""

    base: tuple[Array, Array]
    """[item]."""
    trained: tuple[Array, Array]
    """[method, seed, step, item]: full fine-tuning and the adapters, at each checkpoint and at the end."""


def draw(setting: Setting, rng: numpy.random.Generator) -> Study:
    """Draw a study."""
    shares = numpy.array([setting.full_share, *[1 - setting.full_share] * setting.adapters])
    seeds = _draw_seeds(setting, rng, shares)
    base, trained = [], []
    for task, (sizes, noise) in enumerate(setting.tasks):
        group_of = numpy.repeat(numpy.arange(len(sizes)), sizes)
        groups, items, seed_count = len(sizes), len(group_of), setting.seeds

        def unit(*shape: int) -> Array:
            return _unit(rng, setting.tails, shape)

        shared = math.sqrt(noise.shared_group) * unit(groups)[group_of] + math.sqrt(noise.shared_item) * unit(
            items
        )
        of_base = (
            math.sqrt(noise.group) * unit(groups)[group_of]
            + math.sqrt(noise.item) * unit(items)
            + math.sqrt(noise.rest) * unit(items)
        )
        of_method = (
            math.sqrt(noise.group) * unit(len(shares), groups)[:, group_of]
            + math.sqrt(noise.item) * unit(len(shares), items)
        )[:, None]
        of_seed = math.sqrt(noise.seed_group) * unit(len(shares), seed_count, groups)[..., group_of] + math.sqrt(
            noise.rest
        ) * unit(len(shares), seed_count, items)
        own = numpy.sqrt(shares)[:, None, None] * (of_method + of_seed)
        base.append(_level(setting, 0, task) + shared + math.sqrt(shares[-1]) * of_base)
        if setting.curve:
            progress = 1 - (1 - numpy.array(setting.curve.shares)) ** setting.curve.rise
            gained = _gained(setting, seeds[0], progress, task)
            values = base[-1] + gained[..., None] + progress[:, None] * own[:, :, None]
        else:
            levels = numpy.array([_level(setting, method, task) for method in range(1, len(setting.means))])
            values = (levels[:, None, None] + seeds[task][..., None] + shared + own)[:, :, None]
        trained.append(values)
    if setting.binary:
        base, trained = ([(values > 0).astype(float) for values in side] for side in (base, trained))
    return Study((base[0], base[1]), (trained[0], trained[1]))


def latent_sd(setting: Setting, method: int, task: int) -> float:
    """Return the standard deviation of one answer of a method (0: the base model) on the probit scale."""
    _, noise = setting.tasks[task]
    own = noise.group + noise.item + noise.rest
    if method:
        own += noise.seed + noise.seed_group
    share = setting.full_share if method == 1 else 1 - setting.full_share
    return math.sqrt(noise.shared_group + noise.shared_item + share * own)


def _level(setting: Setting, method: int, task: int) -> float:
    """Return a method's mean, or the point of the probit scale that makes it the share of right answers."""
    mean = setting.means[method][task]
    return float(norm.ppf(mean)) * latent_sd(setting, method, task) if setting.binary else mean


def _draw_seeds(setting: Setting, rng: numpy.random.Generator, shares: Array) -> list[Array]:
    """Draw [method, seed]: what a training adds to all its answers, in domain and out of domain."""
    shape = (len(shares), setting.seeds)
    one, other = rng.standard_normal(shape), rng.standard_normal(shape)
    rho = setting.seed_correlation
    both = (one, rho * one + math.sqrt(1 - rho**2) * other)
    sd = [math.sqrt(noise.seed) * numpy.sqrt(shares)[:, None] for _, noise in setting.tasks]
    drawn = [each * of_task for each, of_task in zip(both, sd, strict=True)]
    if setting.collapse:
        fallen = rng.random(shape) < setting.collapse.probability
        drawn = [each - setting.collapse.loss * fallen for each in drawn]
    return drawn


def _gained(setting: Setting, seeds: Array, progress: Array, task: int) -> Array:
    """Return [method, seed, step]: what is gained over the base model, on one curve; seeds move along it."""
    curve = setting.curve
    assert curve
    ends = numpy.array([curve.full_end, *[curve.adapter_end] * setting.adapters])
    gained = (ends[:, None] + seeds)[..., None] * progress
    return numpy.sign(gained) * curve.slope * abs(gained) ** curve.exponent if task else gained


def _unit(rng: numpy.random.Generator, tails: str, shape: tuple[int, ...]) -> Array:
    """Draw numbers of mean 0 and variance 1; a lognormal's long tail is below, as a likelihood's."""
    if tails == "t3":
        return rng.standard_t(3, shape) / math.sqrt(3)
    drawn = rng.standard_normal(shape)
    return (math.exp(0.5) - numpy.exp(drawn)) / LONG if tails == "lognormal" else drawn
