"""Gaps at matched in-domain score: interpolation by hand, and what the two gaps mean together."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from planted import Made, Scores, write
from sealed import write_sealed

from medcot_bench.analysis.matched import Point, cut_at, match_gaps
from medcot_bench.results.folder import load

Path3 = tuple[tuple[float, float], ...]
"""(value on the training task, value under shift) of the checkpoint and the final model; lower is better."""
BASE = (1.0, 1.0)


def point(same: float, shift: float) -> Point:
    return Point({"a": same - 0.1, "b": same + 0.1}, {"x": shift})


def test_items_are_interpolated_where_the_path_first_reaches_the_level() -> None:
    path = [point(1.0, 2.0), point(0.6, 1.0), point(0.8, 5.0), point(0.2, 0.0)]
    for level, shift, slope in ((0.9, 1.75, 2.5), (0.6, 1.0, 2.5), (0.4, 5.0 / 3, 25.0 / 3)):
        found = cut_at(path, level)
        assert found
        assert found.shift == {"x": pytest.approx(shift)}
        assert found.same == {"a": pytest.approx(level - 0.1), "b": pytest.approx(level + 0.1)}
        assert found.slope == pytest.approx(slope)
    assert cut_at(path, 0.1) is None
    assert cut_at(path, 1.1) is None


def plant(root: Path, paths: Mapping[str, Path3], seeds: int = 3) -> Path:
    def scores(values: tuple[float, float], seed: str) -> dict[str, Scores]:
        rng = random.Random(seed)
        return {
            task: {"gold_nll": {f"{task}{n}": value + rng.gauss(0, 0.01) for n in range(20)}}
            for task, value in zip(("k8s_qa", "manuals_qa"), values, strict=True)
        }

    made = [Made(adapter="none", task=None, seed=None, scores=scores(BASE, "base"))]
    for adapter, (middle, end) in paths.items():
        for seed in range(seeds):
            on_the_way = {"1/2": scores(middle, f"{adapter} {seed} middle")}
            name = f"{adapter} {seed}"
            made.append(Made(adapter=adapter, seed=seed, scores=scores(end, name), checkpoints=on_the_way))
    return write(root, *made)


FAR = ((0.6, 0.8), (0.2, 0.6))
HALF = ((0.8, 0.9), (0.6, 0.8))


@pytest.mark.parametrize(
    ("full", "lora", "plain", "gap", "reading"),
    [
        (FAR, HALF, 0.2, 0.0, "adapter under-trained"),
        (((0.6, 0.5), (0.2, 0.4)), ((0.6, 0.8), (0.2, 0.7)), 0.3, 0.3, "full generalises better"),
        (FAR, ((0.8, 0.7), (0.6, 0.6)), 0.0, -0.2, "adapter generalises better"),
        (FAR, FAR, 0.0, 0.0, "inconclusive"),
        # Further on its own task, and worse under shift for it: it has not learnt less.
        (((0.8, 0.75), (0.6, 0.5)), ((0.6, 0.5), (0.2, 0.8)), 0.3, 0.0, "inconclusive"),
        (HALF, FAR, -0.2, 0.0, "adapter trained further"),
    ],
)
def test_what_the_two_gaps_mean_together(
    tmp_path: Path, full: Path3, lora: Path3, plain: float, gap: float, reading: str
) -> None:
    paths = {"full": full, "lora": lora}
    (found,) = match_gaps(load(plant(tmp_path, paths)))
    assert found.gap_at_end.value == pytest.approx(plain, abs=0.01)
    assert found.gap_at_level.value == pytest.approx(gap, abs=0.015)
    assert found.level == pytest.approx(max(end[0] for _, end in paths.values()), abs=0.01)
    assert found.reading == reading
    assert (found.adapter, found.shift) == ("lora", "manuals_qa")


def test_without_checkpoints_or_base_there_is_no_path(tmp_path: Path) -> None:
    paths = {"full": ((0.6, 0.8), (0.2, 0.6)), "lora": ((0.8, 0.9), (0.6, 0.8))}
    root = plant(tmp_path, paths)
    assert match_gaps(load(root))
    for path in root.glob("cells/*/scores/*12manual*.json"):
        path.unlink()
    assert match_gaps(load(root)) == ()


def test_models_at_other_rates_are_points_of_their_own(tmp_path: Path) -> None:
    paths = {
        "full": FAR,
        "lora": HALF,
        "full again": ((0.6, 0.8), (0.3, 0.7)),
        "lora further again": ((0.6, 0.8), (0.1, 0.6)),  # nothing is known of it where full ends
        "lora again": ((0.8, 0.9), (0.4, 0.9)),
    }
    root = plant(tmp_path, paths, seeds=1)
    for path in root.glob("cells/*again*/cell.json"):
        record = json.loads(path.read_text())
        record["request"]["recipe"] = {"lr": 3e-4}
        record["request"]["adapter"]["name"] = record["adapter"].split()[0]
        write_sealed(path, record)
    plan = json.loads((root / "plan.json").read_text())
    again = [cell for cell in plan["cells"] if "again" in cell["key"]["adapter"]]
    plan["cells"] = [cell for cell in plan["cells"] if cell not in again]
    for cell in again:
        cell["evaluations"] = [one for one in cell["evaluations"] if one["checkpoint"] == "final"]
    plan["other_rates"] = again
    write_sealed(root / "plan.json", plan)
    found = {matched.adapter: matched for matched in match_gaps(load(root))}
    assert set(found) == {"lora", "full again at lr 0.0003", "lora again at lr 0.0003"}
    lora = found["lora again at lr 0.0003"]  # full is at 0.7 where it comes down to 0.4
    assert (lora.level, lora.gap_at_level.value) == (pytest.approx(0.4, abs=0.01), pytest.approx(0.2, abs=0.02))
    assert found["full again at lr 0.0003"].gap_at_level.value == pytest.approx(0.05, abs=0.02)


def test_a_model_at_another_rate_is_never_the_reference(tmp_path: Path) -> None:
    root = plant(tmp_path, {"lora": HALF, "full": FAR}, seeds=1)
    plan = json.loads((root / "plan.json").read_text())
    [full] = [cell for cell in plan["cells"] if cell["key"]["adapter"] == "full"]
    [path] = root.glob(f"cells/*{full['key']['id']}/cell.json")
    record = json.loads(path.read_text())
    record["request"]["recipe"] = {"lr": 3e-4}
    write_sealed(path, record)
    plan["cells"].remove(full)
    plan["other_rates"] = [full]
    write_sealed(root / "plan.json", plan)
    assert match_gaps(load(root)) == ()


def test_one_seed_is_described(tmp_path: Path) -> None:
    (found,) = match_gaps(load(plant(tmp_path, {"full": FAR, "lora": HALF}, seeds=1)))
    assert found.reading == "descriptive: one seed"


def test_a_gap_that_noise_hides_at_the_level_is_not_called_less_learnt(tmp_path: Path) -> None:
    paths = {"full": ((0.6, 0.75), (0.2, 0.55)), "lora": ((0.6, 0.8), (0.2, 0.6))}  # 0.05 at every level
    (found,) = match_gaps(load(plant(tmp_path, paths)))
    assert found.reading == "full generalises better"
    assert found.explained.value == pytest.approx(0, abs=0.01)
