"""The time left: from the first quarter of a run on it holds within 30 %, if kinds of phases are guessed alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.duration import Eta, Phase, phases
from medcot_bench.planning.status import cell_statuses, run_order
from medcot_bench.results.store import Store
from medcot_bench.study.schema import Study

Happening = Callable[[Eta], None]
"""What Eta is told at one time."""


def run_of(planned: list[Phase], seconds: Mapping[str, float]) -> Iterator[tuple[float, Happening]]:
    """Yield what happens in a run in which each kind of phase takes seconds for a token, with the times."""
    time = 5.0
    for number, phase in enumerate(planned):
        yield time, lambda eta, phase=phase, at=time: eta.started(phase.cell, phase.task, at)
        took = phase.work * seconds[phase.kind]
        if phase.task is None:
            for step in range(1, 5):
                yield time + took * step / 4, lambda eta, share=step / 4: eta.progressed(share)
        time += took
        yield time, lambda eta, at=time: eta.finished(at)
        if number + 1 == len(planned) or planned[number + 1].cell != phase.cell:
            yield time, lambda eta, cell=phase.cell: eta.dropped(cell)


BASE = "score answers to k8s_qa of the base"


def quick() -> list[Phase]:
    """A run as the preset quick: the base, three adapters, three seeds, two tasks."""
    made = [Phase("base", task, f"score {task} of the base", 12000.0) for task in "ab"]
    for adapter, factor in (("layer_lora", 1.6), ("lora", 2.2), ("full", 3.0)):
        for seed in range(3):
            cell = f"{adapter}{seed}"
            made.append(Phase(cell, None, f"train {adapter}", 3000 * factor))
            made += [Phase(cell, task, f"score {task} of a trained model", 12000.0) for task in "ab"]
    return made


@given(st.lists(st.floats(0.8, 1.3), min_size=7, max_size=7), st.floats(2e-3, 1.0))
def test_it_holds_within_30_percent_from_the_first_quarter_on(off: list[float], speed: float) -> None:
    planned = quick()
    kinds = sorted({phase.kind for phase in planned})
    told = list(run_of(planned, {kind: speed * factor for kind, factor in zip(kinds, off, strict=True)}))
    end = told[-1][0]
    eta = Eta(planned)
    for time, happens in told:
        happens(eta)
        left = eta.seconds_left(time)
        if time > end / 4:
            assert left is not None
            assert abs(left - (end - time)) <= 0.3 * (end - time) + 1e-6


def test_nothing_is_known_at_first_and_failures_leave_the_count() -> None:
    first, second, third = (
        Phase(cell, task, "score", 10.0) for cell, task in (("a", "x"), ("a", "y"), ("b", "x"))
    )
    eta = Eta([first, second, third])
    assert eta.seconds_left(0.0) is None
    eta.started("a", "x", 0.0)
    eta.finished(4.0)
    assert eta.seconds_left(4.0) == 8.0
    eta.dropped("a", "y")
    assert eta.seconds_left(5.0) == 4.0
    eta.dropped("b")
    assert eta.seconds_left(6.0) == 0.0


def test_a_guess_stands_until_a_tenth_of_the_first_phase_is_done() -> None:
    first, second = (Phase(cell, None, "train lora", 10.0) for cell in "ab")
    eta = Eta([first, second], guessed=3.0)
    assert eta.seconds_left(0.0) == 60.0
    eta.started("a", None, 0.0)
    eta.progressed(0.05)  # at this pace it would be 399 s
    assert eta.seconds_left(10.0) == 50.0
    eta.progressed(0.5)
    assert eta.seconds_left(25.0) == 75.0
    eta.finished(50.0)
    assert eta.seconds_left(50.0) == 50.0


def test_a_phase_that_was_held_up_does_not_count_for_what_is_to_come() -> None:
    planned = [Phase(str(seed), None, "train lora", 100.0) for seed in range(5)]
    eta, time = Eta(planned), 0.0
    for phase, seconds in zip(planned, (10.0, 11.0, 60.0), strict=False):
        eta.started(phase.cell, None, time)
        time += seconds
        eta.finished(time)
    assert eta.seconds_left(time) == pytest.approx(22.0)


def test_a_phase_that_is_held_up_goes_on_at_its_own_pace() -> None:
    planned = [Phase(str(seed), None, "train lora", 100.0) for seed in range(5)]
    eta, time = Eta(planned), 0.0
    for phase in planned[:4]:
        eta.started(phase.cell, None, time)
        if phase is planned[3]:
            break
        time += 10.0
        eta.finished(time)
    eta.progressed(1 / 4)
    assert eta.seconds_left(time + 9) == pytest.approx(27.0 + 10.0)
    eta.progressed(1 / 4)
    assert eta.seconds_left(time + 60) == pytest.approx(180.0 + 10.0)


def test_the_work_of_a_plan_grows_with_layers_tokens_and_items(
    study_fields: dict[str, Any], tmp_path: Path
) -> None:
    def work(**changes: Any) -> dict[str, float]:
        plan = make_plan(Study.model_validate({**study_fields, **changes}))
        found: dict[str, float] = {}
        for phase in phases(plan, run_order(cell_statuses(plan, Store(tmp_path / "out")), plan)):
            found[phase.kind] = found.get(phase.kind, 0.0) + phase.work
        return found

    few = work(adapters="none,full,lora,layer_lora")
    assert few["train full"] > few["train lora"] > few["train layer_lora"] > 0
    assert few[BASE] > 0
    assert work(limit=6)[BASE] > few[BASE]
    part = work(scoring={"max_new_tokens": 8, "generate_items": 1})
    assert part[BASE] < few[BASE]
    likelihood = "score likelihood of k8s_qa of a trained model"
    on_the_way = work(adapters="lora", training={"max_steps": 2, "checkpoints": 2})
    assert 0 < on_the_way[likelihood] / 2 < on_the_way["score answers to k8s_qa of a trained model"]
    for recipe, other in (({"max_steps": 2}, {"max_steps": 4}), ({"train_tokens": 100}, {"train_tokens": 300})):
        assert work(training=other)["train lora"] > work(training=recipe)["train lora"]
