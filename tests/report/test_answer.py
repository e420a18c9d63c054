"""The answer of every kind of study, planted: golden blocks of 80 columns, and what no block may say.

UPDATE_GOLDEN=1 python -m pytest tests/report/test_answer.py
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planted import TRAIN, Made, failed, write
from sealed import write_sealed

from medcot_bench.analysis.answers import find_answers
from medcot_bench.analysis.build import build
from medcot_bench.analysis.recommendation import recommend
from medcot_bench.report.answer import MOST_LINES, write_answer
from medcot_bench.report.blocks import Table
from medcot_bench.report.document import document
from medcot_bench.report.terminal import draw_answer
from medcot_bench.results.answer import Place
from medcot_bench.results.conditions import ScoredTask
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Leaderboard

GOLDEN = Path(__file__).parent / "golden" / "answers"
GIGA = 1_000_000_000
PEAKS = {"full": 3.0, "lora": 2.0, "qlora": 1.5, "layer_lora": 1.2}
BASE = {"adapter": "none", "task": None, "seed": None}
TASKS = ("k8s_qa", "manuals_qa")
Means = Mapping[str, tuple[float, float]]


def plant(
    means: Means,
    *,
    seeds: int = 3,
    items: int = 60,
    per_group: int = 2,
    noise: float = 0.05,
    score: str = "answer",
    trained: str = "k8s_qa",
    peaks: Mapping[str, float] = PEAKS,
    more: Mapping[str, float] | None = None,
    **fields: Any,
) -> list[Made]:
    """Return the cells of a study: method -> means of a score in domain and out of domain.

    `noise` is the SD of an item's value, and of a seed's and of a group's mean half of it; `more` are other
    scores that every item has alike.
    """
    made = []
    for method, both in means.items():
        for seed in range(seeds if method != "none" else 1):
            rng = random.Random(f"{method} {seed}")
            luck = rng.gauss(0, noise / 2) if method != "none" else 0.0
            scores = {}
            for task, mean in zip(TASKS, both, strict=True):
                names = [f"{task} {n // per_group}/{n}" for n in range(items)]
                values = {name: mean + luck + rng.gauss(0, noise) for name in names}
                scores[task] = {score: values} | {
                    other: dict.fromkeys(names, value) for other, value in (more or {}).items()
                }
            train = replace(TRAIN, peak_bytes=round(peaks.get(method, 1.0) * GIGA), seconds=20.0)
            one = Made(adapter=method, seed=seed, task=trained, scores=scores, train=train, **fields)
            made.append(replace(one, **BASE) if method == "none" else one)
    return made


def by_chance(made: list[Made]) -> list[Made]:
    """Turn means into answers that are right or wrong."""
    rng = random.Random(0)

    def drawn(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
        return {name: {item: float(rng.random() < p) for item, p in own.items()} for name, own in scores.items()}

    return [replace(one, scores={task: drawn(own) for task, own in one.scores.items()}) for one in made]


def built(root: Path, made: list[Made]) -> Leaderboard:
    return build(load(write(root, *made)))


def external(root: Path) -> Leaderboard:
    """Build a study of external adapters alone."""
    made = plant({"none": (0.2, 0.3), "peft:path=x": (0.6, 0.3), "peft:path=y": (0.22, 0.3)}, seeds=1)
    write(root, *(replace(one, seed=None, task=None) for one in made))
    for path in root.glob("cells/*peft*/cell.json"):
        write_sealed(path, json.loads(path.read_text().replace('"selector": {', '"weights": "0", "selector": {')))
    return build(load(root))


def letters(root: Path) -> Leaderboard:
    """Build a study of letters, four to choose among, of which none could be read."""
    made = plant({"none": (0.0, 0.0), "qlora": (0.0, 0.0)}, noise=0.0, seeds=1, items=8, more={"parsed": 0.0})
    return with_chance(built(root, made))


def chance(root: Path) -> Leaderboard:
    """Build a study of letters in which methods are above the base model, and not above chance."""
    made = by_chance(plant({"none": (0.02, 0.3), "full": (0.27, 0.3), "lora": (0.27, 0.3)}, noise=0.0, seeds=5))
    return with_chance(built(root, made))


def alike(root: Path) -> Leaderboard:
    """Build a study in which methods write what right answers look like, and answer nothing."""
    made = plant({"none": (0.05, 0.3), "full": (0.25, 0.3), "lora": (0.25, 0.3)}, seeds=5)
    return with_chance(built(root, made), ScoredTask(shuffled=0.25))


FOUR_OPTIONS = ScoredTask(chance=0.25)


def with_chance(board: Leaderboard, scored: ScoredTask = FOUR_OPTIONS) -> Leaderboard:
    """Return a leaderboard whose training task has this chance."""
    board = replace(board, scored={"k8s_qa": scored})
    board = replace(board, recommendations=tuple(recommend(board)))
    return replace(board, answers=tuple(find_answers(board)))


def several(root: Path) -> Leaderboard:
    """Build a study of two training tasks, on the second of which nothing works."""
    first = plant({"none": (0.2, 0.3), "full": (0.6, 0.35), "lora": (0.6, 0.35), "layer_lora": (0.5, 0.3)})
    second = plant({"full": (0.2, 0.3), "lora": (0.2, 0.3), "layer_lora": (0.2, 0.3)}, trained="manuals_qa")
    return built(root, [*first, *second])


def prompts(root: Path) -> Leaderboard:
    """Build a study in which the base model by another prompt does as well as the best adapter."""
    made = plant({"none": (0.2, 0.3), "full": (0.6, 0.35), "lora": (0.55, 0.35)})
    rng = random.Random(0)
    shots = {
        task: {"answer": {item: 0.6 + rng.gauss(0, 0.05) for item in own["answer"]}}
        for task, own in made[0].scores.items()
    }
    return built(root, [replace(made[0], baselines={"few_shot=5": shots}), *made[1:]])


def incomplete(root: Path) -> Leaderboard:
    made = plant({"none": (0.2, 0.3), "full": (0.6, 0.35), "lora": (0.55, 0.35)})
    out = Made(adapter="qlora", train=None, attempts=[failed("oom", "no memory")])
    return built(root, [*made, out])


def nothing(root: Path) -> Leaderboard:
    return built(root, [Made(adapter=name, train=None, attempts=[failed("oom", "no memory")]) for name in PEAKS])


BASE_AT = {"none": (0.2, 0.3)}
KINDS: Mapping[str, Callable[[Path], Leaderboard]] = {
    "two tied, the cheaper is recommended": lambda root: built(
        root, plant(BASE_AT | {"full": (0.6, 0.4), "lora": (0.6, 0.4), "layer_lora": (0.4, 0.35)}, seeds=5)
    ),
    "one wins": lambda root: built(
        root, plant(BASE_AT | {"full": (0.8, 0.6), "lora": (0.5, 0.4), "layer_lora": (0.4, 0.35)}, seeds=5)
    ),
    "the cheapest wins": lambda root: built(
        root, plant(BASE_AT | {"full": (0.5, 0.4), "lora": (0.5, 0.4), "layer_lora": (0.8, 0.6)}, seeds=5)
    ),
    "nothing works": lambda root: built(
        root, by_chance(plant(BASE_AT | {"full": (0.24, 0.3), "lora": (0.22, 0.3), "qlora": (0.2, 0.3)}))
    ),
    "only what is too large works": lambda root: built(
        root, plant(BASE_AT | {"full": (0.6, 0.4), "layer_lora": (0.2, 0.3)}, peaks={"full": 30.0}, seeds=5)
    ),
    "one adapter": lambda root: built(root, plant(BASE_AT | {"qlora": (0.5, 0.35)})),
    "one adapter without the base model": lambda root: built(root, plant({"qlora": (0.5, 0.35)}, seeds=1)),
    "full fine-tuning alone": lambda root: built(root, plant(BASE_AT | {"full": (0.5, 0.35)})),
    "no full fine-tuning": lambda root: built(
        root, plant(BASE_AT | {"lora": (0.55, 0.35), "qlora": (0.5, 0.35)}, seeds=5)
    ),
    "letters that could not be read": letters,
    "letters above the base model, not above chance": chance,
    "texts above the base model, not above answers to other items": alike,
    "seven items": lambda root: built(
        root, by_chance(plant(BASE_AT | {"full": (0.7, 0.3), "lora": (0.7, 0.3)}, items=7, per_group=1, noise=0.1))
    ),
    "four groups": lambda root: built(
        root, plant(BASE_AT | {"full": (0.6, 0.4), "lora": (0.55, 0.4)}, items=40, per_group=10)
    ),
    "one seed": lambda root: built(root, plant(BASE_AT | {"full": (0.6, 0.4), "lora": (0.55, 0.4)}, seeds=1)),
    "two seeds": lambda root: built(root, plant(BASE_AT | {"full": (0.6, 0.4), "lora": (0.55, 0.4)}, seeds=2)),
    "by likelihood": lambda root: built(
        root,
        plant({"none": (1.2, 1.5), "full": (0.7, 1.3), "lora": (0.9, 1.4)}, score="gold_nll", seeds=5, noise=0.1),
    ),
    "several training tasks": several,
    "external adapters": external,
    "prompting baselines": prompts,
    "failed runs": incomplete,
    "nothing is scored": nothing,
    "the base model alone": lambda root: built(root, plant(BASE_AT)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_study_has_the_golden_answer(kind: str, tmp_path: Path) -> None:
    text = draw_answer(KINDS[kind](tmp_path), 80) + "\n"
    golden = GOLDEN / f"{re.sub(r'[^a-z]+', '_', kind)}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def check(board: Leaderboard) -> None:
    """Assert that the answer says nothing that the numbers don't support, and is short."""
    said = write_answer(board)
    text = " ".join(said.lines)
    assert (said.title != "") + len(said.table.rows) + 1 + len(said.lines) <= MOST_LINES if said.table else True
    for found in board.answers:
        for one in found.methods:
            row = next(r for r in board.rows if r.adapter == one.method and r.task in (None, found.task))
            part = row.tasks[found.task]
            assert (one.score, one.gain) == (part.scores[found.score], part.gains.get(found.score))
            if one.works:
                p = part.gain_p_values[found.score]
                assert one.gain is not None
                assert p is not None
                assert (one.gain.value > 0, p <= 0.05) == (True, True)
                assert found.chance is None or one.score.value > found.chance
            if one.recommended:
                assert one.works
                assert one.place in (None, Place.BEST, Place.TIED)
            if one.place is not None:
                best = min(
                    r.tasks[found.task].ranks[found.task].place
                    for r in board.rows
                    if not r.is_base and found.task in r.tasks and found.task in r.tasks[found.task].ranks
                )
                assert (one.place is Place.BEHIND) == (part.ranks[found.task].place > best)
        if not any(one.works for one in found.methods):
            assert f"Recommended for {found.task}" not in text
        assert not re.search("tied[^.]*base model", text)
    if said.table:
        overview = next(b for b in document(board) if isinstance(b, Table) and b.headers[1] == "trained on")
        main = next(one for one in board.answers if f"on {one.task} by" in said.title)
        column = next((n for n, head in enumerate(overview.headers) if head.startswith(f"{main.task}: ")), None)
        for row in said.table.rows if column and f": {main.score}" in overview.headers[column] else []:
            cells = [line[column] for line in overview.rows if line[0] == row[0] and line[column]]
            assert row[1] in {f"{float(cell.split()[0]) + 1e-9:.2f}" for cell in cells} | {
                f"{float(cell.split()[0]) - 1e-9:.2f}" for cell in cells
            }


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_study_is_told_more_than_it_shows(kind: str, tmp_path: Path) -> None:
    check(KINDS[kind](tmp_path))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    means=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.35, 0.6]), min_size=1, max_size=4),
    base=st.booleans(),
    seeds=st.sampled_from([1, 2, 3, 5]),
    items=st.sampled_from([4, 12, 40]),
    per_group=st.sampled_from([1, 4]),
    noise=st.sampled_from([0.0, 0.1, 0.3]),
    right_or_wrong=st.booleans(),
    score=st.sampled_from(["answer", "gold_nll"]),
    large=st.booleans(),
)
def test_no_planted_study_is_told_more_than_it_shows(
    means: list[float],
    base: bool,
    seeds: int,
    items: int,
    per_group: int,
    noise: float,
    right_or_wrong: bool,
    score: str,
    large: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    methods = {name: (mean, mean / 2 + 0.1) for name, mean in zip(PEAKS, means, strict=False)}
    made = plant(
        ({"none": (0.2, 0.2)} if base else {}) | methods,
        seeds=seeds,
        items=items,
        per_group=per_group,
        noise=noise,
        score=score,
        peaks=PEAKS | ({"full": 30.0} if large else {}),
    )
    board = built(tmp_path_factory.mktemp("study"), by_chance(made) if right_or_wrong else made)
    check(board)
    if score == "answer":
        check(with_chance(board))
