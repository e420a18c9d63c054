"""Values of a contrast drawn from variances that are known."""

from __future__ import annotations

import random
from collections.abc import Sequence

from medcot_bench.stats.contrasts import Part
from medcot_bench.stats.variance_components import Variances

TRUE = Variances(group=0.03, item=0.05, seed_group=0.04, rest=0.06)
SEED = 0.02
SIZES = (1, 2, 2, 3, 7, 5, 1, 3)


def draw(
    rng: random.Random, sizes: Sequence[int] = SIZES, seeds: int = 3, true: Variances = TRUE, seed: float = SEED
) -> Part:
    of_seed = [rng.gauss(0, seed**0.5) for _ in range(seeds)]
    values: dict[int, dict[str, float]] = {s: {} for s in range(seeds)}
    groups = {}
    for g, size in enumerate(sizes):
        of_group = rng.gauss(0, true.group**0.5)
        of_both = [rng.gauss(0, true.seed_group**0.5) for _ in range(seeds)]
        for n in range(size):
            item, of_item = f"{g} {n}", rng.gauss(0, true.item**0.5)
            groups[item] = str(g)
            for s in range(seeds):
                of_rest = rng.gauss(0, true.rest**0.5)
                values[s][item] = of_group + of_item + of_seed[s] + of_both[s] + of_rest
    return Part(values, groups)
