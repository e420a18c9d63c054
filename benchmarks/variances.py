"""The variances that `plan` assumes without a pilot: read from the published studies.

`python benchmarks/variances.py` writes them beside the code that reads them. Run it after a study is published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from published import RESULTS, names

from medcot_bench.analysis.pilot import estimate_variances
from medcot_bench.planning.estimates.assumed import FILE
from medcot_bench.results.folder import Results, load
from medcot_bench.stats.power import Varying
from medcot_bench.stats.variance_components import Components, mean_components

SCORES = ("answer", "gold_nll")
DIGITS = 6


def pool(studies: Iterable[Results]) -> dict[int, dict[Varying, Components]]:
    """Return tokens of a training -> effect -> the means over the studies, whose seeds add up."""
    found: dict[int, dict[Varying, list[Components]]] = {}
    for study in studies:
        effects = found.setdefault(_tokens(study), {})
        for effect, components in estimate_variances(study).items():
            if effect.score in SCORES:
                effects.setdefault(effect, []).append(components)
    return {
        tokens: {
            effect: replace(mean_components(several), df=sum(one.df for one in several))
            for effect, several in sorted(effects.items())
        }
        for tokens, effects in sorted(found.items())
    }


def written(pooled: dict[int, dict[Varying, Components]]) -> str:
    """Return the file's content: a line for each effect."""
    rows = [
        {
            "tokens": tokens,
            **effect._asdict(),
            "sets": [[round(v, DIGITS) for v in (s.group, s.item, s.seed_group, s.rest)] for s in found.sets],
            "seed": round(found.seed, DIGITS),
            "noise": round(found.noise, DIGITS),
            "df": found.df,
        }
        for tokens, effects in pooled.items()
        for effect, found in effects.items()
    ]
    return "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"


def _tokens(study: Results) -> int:
    """Return the token budget of a study's trainings."""
    budgets = [c.record.request["recipe"]["train_tokens"] for c in study.cells if c.record and c.record.task]
    return int(median(budgets))


if __name__ == "__main__":
    FILE.write_text(written(pool(load(RESULTS / name) for name in names())), encoding="utf-8")
