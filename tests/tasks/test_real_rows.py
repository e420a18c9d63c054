"""Every task on the real rows of its data set: every gold answer scores 1, and what is left out is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcot_bench.data.sources import load
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import SPLITS

SIZES = {
    "medical/medqa_cot": (772, 87, 1181),
    "medical/medcalc_cot": (201, 33, 176),  # 156 whose label physicians dispute, or did not see, are left out
    "medical/pubmedqa_cot": (450, 50, 500),
    "kubernetes/k8s_qa": (1645, 230, 544),
    "kubernetes/kubectl": (363, 63, 160),
    "manuals/manuals_qa": (42, 10, 145),
    "manuals/manuals_faq": (286, 49, 344),
}


@pytest.mark.parametrize("options", ["", ":target=answer"])
@pytest.mark.parametrize("place", SIZES)
def test_the_golds_of_real_rows_score_one(place: str, options: str, real_data: Path) -> None:
    name = place.partition("/")[2] + options
    if options and not name.partition(":")[0].endswith("_cot"):
        pytest.skip("a task without reasoning")
    chosen = resolve_task(parse_specs(name)[0], installed())
    splits = load(chosen, {None: f"file:{real_data / place}.jsonl"}, 0).splits
    assert tuple(len(splits[split]) for split in SPLITS) == SIZES[place]
    for example in (example for split in SPLITS for example in splits[split]):
        target = chosen.task.target(example)
        scores = dict(chosen.task.score(example, target.text.strip()))
        assert scores.pop("answer") == 1, example.id
        assert set(scores.values()) <= {None, 1.0}
        assert bool(target.reasoning) == (bool(example.reasoning) and not options and name.endswith("_cot"))
