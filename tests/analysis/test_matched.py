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
    return Point({"a": same - 0.1, "b": same + 0.1}, {"x": shift}, ({"a": 1.0, "b": 1.0}, {"x": 1.0}))


def test_items_are_interpolated_where_the_path_first_reaches_the_level() -> None:
    path = [point(1.0, 2.0), point(0.6, 1.0), point(0.8, 5.0), point(0.2, 0.0)]
    for level, shift, slope in ((0.9, 1.75, 2.5), (0.6, 1.0, 2.5), (0.4, 5.0 / 3, 25.0 / 3)):
        found = cut_at(path, level)
        assert found
        assert found.shift == {"x": pytest.approx(shift)}
        assert found.same == {"a": pytest.approx(level - 0.1), "b": pytest.approx(level + 0.1)}
        assert found.slope == pytest.approx(slope)
        assert found.early is (level == 0.9)
    assert cut_at(path, 0.1) is None
    assert cut_at(path, 1.1) is None


def plant(root: Path, paths: Mapping[str, Path3], seeds: int = 3, early: int = 0) -> Path:
    """Of the `early` first seeds the checkpoint is on the same chord from the base model, but near the end."""

    def scores(values: tuple[float, float], seed: str) -> dict[str, Scores]:
        rng = random.Random(seed)
        return {
            task: {"gold_nll": {f"{task}{n}": value + rng.gauss(0, 0.01) for n in range(20)}}
            for task, value in zip(("k8s_qa", "manuals_qa"), values, strict=True)
        }

    made = [Made(adapter="none", task=None, seed=None, scores=scores(BASE, "base"))]
    for adapter, (middle, end) in paths.items():
        for seed in range(seeds):
            late = (end[0] + 0.05, end[1] + 0.05)
            on_the_way = {"1/2": scores(late if seed < early else middle, f"{adapter} {seed} middle")}
            name = f"{adapter} {seed}"
            made.append(Made(adapter=adapter, seed=seed, scores=scores(end, name), checkpoints=on_the_way))
    return write(root, *made)


FAR = ((0.7, 0.85), (0.2, 0.6))
HALF = ((0.8, 0.9), (0.6, 0.8))


@pytest.mark.parametrize(
    ("full", "lora", "plain", "gap", "reading"),
    [
        (FAR, HALF, 0.2, 0.0, "adapter under-trained"),
        (((0.6, 0.5), (0.2, 0.4)), ((0.6, 0.8), (0.2, 0.7)), 0.3, 0.3, "full generalises better"),
        (FAR, ((0.8, 0.7), (0.6, 0.6)), 0.0, -0.2, "adapter generalises better"),
        (FAR, FAR, 0.0, 0.0, "inconclusive"),
        # Further on its own task, and worse under shift for it: it has not learnt less.
        (((0.8, 0.75), (0.6, 0.5)), ((0.7, 0.425), (0.2, 0.8)), 0.3, 0.0, "inconclusive"),
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


def test_seeds_that_cross_before_the_first_checkpoint_are_left_out_of_the_matched_gap(tmp_path: Path) -> None:
    paths = {"full": FAR, "lora": ((0.8, 0.7), (0.6, 0.6))}
    (whole,) = match_gaps(load(plant(tmp_path / "whole", paths, seeds=5)))
    (found,) = match_gaps(load(plant(tmp_path / "early", paths, seeds=5, early=2)))
    assert (whole.seeds, whole.left_out, found.seeds, found.left_out) == (5, 0, 3, 2)
    assert found.gap_at_end == whole.gap_at_end
    assert found.further == whole.further
    assert found.gap_at_level
    assert found.explained
    assert (found.gap_at_level.seeds, found.explained.seeds) == (3, 3)
    assert found.gap_at_level.value == pytest.approx(-0.2, abs=0.015)
    assert found.reading == "adapter generalises better"


@pytest.mark.parametrize(
    ("early", "reading"),
    [
        (3, "adapter generalises better"),
        (4, "inconclusive"),
        (5, "descriptive: one seed"),
        (6, "matched before the first checkpoint"),
    ],
)
def test_a_reading_rests_on_three_seeds(tmp_path: Path, early: int, reading: str) -> None:
    paths = {"full": FAR, "lora": ((0.8, 0.7), (0.6, 0.6))}
    (found,) = match_gaps(load(plant(tmp_path, paths, seeds=6, early=early)))
    assert (found.seeds, found.left_out, found.reading) == (6 - early, early, reading)
    assert (found.level, found.gap_at_level, found.explained) == (None, None, None) or early < 6


def test_on_one_curve_seeds_without_a_point_nearby_make_no_gap(tmp_path: Path) -> None:
    def on_curve(same: float) -> tuple[float, float]:
        return same, 1 - (1 - same) ** 3

    paths = {"full": (on_curve(0.25), on_curve(0.15)), "lora": (on_curve(0.7), on_curve(0.45))}
    (found,) = match_gaps(load(plant(tmp_path / "late", paths)))  # its chord is 0.14 below the curve
    assert (found.seeds, found.reading) == (0, "matched before the first checkpoint")
    nearer = paths | {"full": (on_curve(0.5), on_curve(0.15))}
    (found,) = match_gaps(load(plant(tmp_path / "nearer", nearer)))
    assert found.seeds == 3
    assert found.gap_at_level
    assert found.gap_at_level.value == pytest.approx(0.0, abs=0.03)


def test_checkpoints_are_in_the_order_of_training(tmp_path: Path) -> None:
    def scores(same: float, shift: float) -> dict[str, Scores]:
        values = {"k8s_qa": same, "manuals_qa": shift}
        return {
            task: {"gold_nll": {f"{task}{n}": value + n / 100 for n in range(4)}} for task, value in values.items()
        }

    full = {"2/3": scores(0.4, 0.7), "1/12": scores(0.9, 0.95), "1/3": scores(0.6, 0.8)}
    lora = {"2/3": scores(0.7, 0.9), "1/12": scores(0.9, 0.95), "1/3": scores(0.8, 0.9)}
    base = Made(adapter="none", task=None, seed=None, scores=scores(1.0, 1.0))
    trained = (
        Made(adapter="full", seed=0, scores=scores(0.2, 0.6), checkpoints=full),
        Made(adapter="lora", seed=0, scores=scores(0.5, 0.6), checkpoints=lora),
    )
    (found,) = match_gaps(load(write(tmp_path, base, *trained)))
    assert found.gap_at_level
    assert found.gap_at_level.value == pytest.approx(0.6 - 0.75)


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
