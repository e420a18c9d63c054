"""The reference of every gap is what trains all weights of all layers: known by its role, whatever its name."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from planted import Made, answers, write

from medcot_bench.analysis.build import build
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Leaderboard

BETTER = {
    "k8s_qa": {"answer": answers(1, 1, 1, 0), "gold_nll": answers(1.0, 1.1, 0.9, 1.0)},
    "manuals_qa": {"answer": answers(1, 0, 1, 0), "gold_nll": answers(2.0, 2.1, 1.9, 2.2)},
}
WORSE = {
    "k8s_qa": {"answer": answers(1, 0, 1, 0), "gold_nll": answers(1.5, 1.4, 1.6, 1.7)},
    "manuals_qa": {"answer": answers(0, 0, 1, 0), "gold_nll": answers(2.5, 2.4, 2.6, 2.7)},
}


def board_of(root: Path, reference: Made) -> Leaderboard:
    lora = [Made(adapter="lora", seed=seed, scores=WORSE, update="low_rank") for seed in (0, 1)]
    base = Made(adapter="none", task=None, seed=None, scores=WORSE)
    return build(load(write(root, base, reference, replace(reference, seed=1), *lora)))


def gaps(board: Leaderboard) -> dict[str, object]:
    """What is measured against the reference, by row."""
    return {row.adapter: {task: asdict(part)["gaps"] for task, part in row.tasks.items()} for row in board.rows}


def test_an_adapter_of_a_third_party_that_updates_all_weights_is_a_reference(tmp_path: Path) -> None:
    everything = Made(adapter="everything", scores=BETTER, update="full", trainable=1_000_000)
    board = board_of(tmp_path / "theirs", everything)
    assert [row.adapter for row in board.rows if row.reference] == ["everything"]
    assert {(one.adapter, one.score) for one in board.persistence} == {("lora", "answer"), ("lora", "gold_nll")}
    [lora] = [row for row in board.rows if row.adapter == "lora"]
    assert abs(lora.tasks["k8s_qa"].gaps["answer"].value) == pytest.approx(0.25)
    ours = board_of(tmp_path / "ours", Made(adapter="full", scores=BETTER))
    assert gaps(board)["lora"] == gaps(ours)["lora"]
    assert gaps(board)["lora"]
    assert [asdict(one) for one in board.persistence] == [asdict(one) for one in ours.persistence]


@pytest.mark.parametrize(
    ("adapter", "update", "trainable"),
    [
        ("full:select=top", "full", 400_000),  # all weights of some layers
        ("everything", "low_rank", 1_000_000),  # as many weights, and not the base's own
        ("everything", "", 1_000_000),  # of a record that does not say it, only the built-in `full` is known
    ],
)
def test_what_updates_less_is_no_reference(tmp_path: Path, adapter: str, update: str, trainable: int) -> None:
    board = board_of(tmp_path, Made(adapter=adapter, scores=BETTER, update=update, trainable=trainable))
    assert not [row.adapter for row in board.rows if row.reference]
    assert board.persistence == ()
    assert not any(part.gaps for row in board.rows for part in row.tasks.values())


def test_of_an_older_record_full_is_known_by_its_name(tmp_path: Path) -> None:
    board = board_of(tmp_path, Made(adapter="full", scores=BETTER, update=""))
    assert [row.adapter for row in board.rows if row.reference] == ["full"]
