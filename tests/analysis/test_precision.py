"""What a precision rule sees of results, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy
import pytest
from simulation.draw import draw
from simulation.results import make_frame
from simulation.settings import Rule, Setting, read_settings

from medcot_bench.analysis.persistence import estimate_persistence
from medcot_bench.analysis.precision import decide, look_at
from medcot_bench.results.folder import Results
from medcot_bench.results.precision_looks import PrecisionLook, PrecisionStop
from medcot_bench.results.records import Phase
from medcot_bench.results.trials import Trial
from medcot_bench.study.precision import Aim, Precision

RULE = Precision(half_width=0.1, max_seeds=9, budget="100s")
WIDE, NARROW = PrecisionLook(seeds=6, half_width=0.11), PrecisionLook(seeds=6, half_width=0.1)
NARROWER = replace(NARROW, half_width=0.09)
SETTING = {setting.name: setting for setting in read_settings()}["quick by gold_nll, 5 seeds, 2 adapters"]


@pytest.mark.parametrize(
    ("before", "look", "stop"),
    [
        ([], NARROW, None),
        ([NARROW], NARROW, None),
        ([NARROW, WIDE], NARROW, None),
        ([NARROWER, NARROWER], WIDE, None),
        ([NARROW, NARROW], NARROW, PrecisionStop.NARROW),
        ([WIDE, NARROWER], NARROW, PrecisionStop.NARROW),  # narrow in the mean, and now
        ([WIDE, WIDE, WIDE, NARROW, NARROW], NARROW, PrecisionStop.NARROW),
        ([NARROW, replace(WIDE, half_width=None)], NARROW, None),
        ([NARROW, NARROW], replace(WIDE, half_width=None), None),
        ([NARROW, NARROW], replace(NARROW, floor=0.2, seeds=9, spent=100.0), PrecisionStop.NARROW),
        ([WIDE], replace(WIDE, floor=0.1), None),
        ([WIDE], replace(WIDE, floor=0.101, seeds=9, spent=100.0), PrecisionStop.ITEMS),
        ([WIDE], replace(WIDE, seeds=8), None),
        ([WIDE], replace(WIDE, seeds=9, spent=100.0), PrecisionStop.SEEDS),
        ([WIDE], replace(WIDE, spent=80.0, next_seed=20.0), None),
        ([WIDE], replace(WIDE, spent=80.0, next_seed=20.1), PrecisionStop.BUDGET),
    ],
)
def test_a_rule_ends_for_one_reason(
    before: list[PrecisionLook], look: PrecisionLook, stop: PrecisionStop | None
) -> None:
    assert decide(look, before, RULE) is stop
    never = RULE.model_copy(update={"budget": None})
    assert decide(look, before, never) is (None if stop is PrecisionStop.BUDGET else stop)


def results(effect: Aim = Aim.CHANGE, half_width: float = 0.12, **analysis: Any) -> Results:
    """Results of full fine-tuning and two adapters with seven seeds."""
    rule = Rule(effect=effect, half_width=half_width)
    setting = Setting.model_validate(SETTING.model_dump() | {"seeds": 7, "precision": rule.model_dump()})
    found = make_frame(setting).fill(draw(setting, numpy.random.default_rng(1)))
    return replace(found, plan=replace(found.plan, analysis={**found.plan.analysis, **analysis}))


@pytest.mark.parametrize("aim", [*Aim])
def test_a_look_is_at_the_widest_interval_of_the_leaderboard(aim: Aim) -> None:
    found = results(aim)
    widths = {}
    for one in estimate_persistence(found):
        effects = {
            Aim.IN_DOMAIN: one.in_domain.gap,
            Aim.OUT_OF_DOMAIN: one.out_of_domain.gap,
            Aim.CHANGE: one.did,
        }
        effect = effects[aim]
        assert effect
        low, high = effect.found.interval() or (0.0, 9.0)
        widths[one.adapter] = (high - low) / 2
    look = look_at(found, [])
    assert (look.seeds, look.half_width) == (7, pytest.approx(max(widths.values())))
    assert widths[look.adapter] == max(widths.values())
    assert (look.trained, look.task) == ("k8s_qa", "k8s_qa" if aim is Aim.IN_DOMAIN else "manuals_qa")


def test_only_hypotheses_are_looked_at() -> None:
    both = look_at(results(), [])
    other = "lora:r=1" if both.adapter == "lora:r=2" else "lora:r=2"
    one = look_at(results(adapters=[other]), [])
    assert one.adapter == other
    assert one.half_width < both.half_width  # type: ignore[operator]
    assert look_at(results(shifts=["medqa_cot"]), []).stop is PrecisionStop.NOTHING


def test_items_that_do_not_allow_it_end_it_with_the_number_that_would() -> None:
    look = look_at(results(Aim.IN_DOMAIN, half_width=0.06), [])
    assert (look.stop, look.items) == (PrecisionStop.ITEMS, 36)
    assert look.floor
    assert look.half_width
    assert 0.06 < look.floor < look.half_width
    assert look_at(results(Aim.IN_DOMAIN, half_width=look.floor), []).stop is PrecisionStop.SEEDS


def test_time_is_that_of_every_record_and_prompt() -> None:
    found = results()
    cells = []
    for cell in found.cells:
        assert cell.record
        record = replace(
            cell.record, phases={name: Phase(seconds=10.0, peak_bytes=1) for name in ("load", "train")}
        )
        scored = {
            task: replace(one, phase=Phase(seconds=2.0, peak_bytes=1)) for task, one in cell.evaluations.items()
        }
        cells.append(replace(cell, record=record, evaluations=scored))
    prompted = replace(cells[0], baseline="few_shot=5")
    trial = Trial(adapter="full", task="k8s_qa", seed=0, rate=1e-4, loss=1.0, seconds=30.0, reused=25.0)
    plan = replace(found.plan, trials=(replace(trial, chosen=True, kept=True), replace(trial, rate=1e-3)))
    look = look_at(replace(found, cells=(*cells, prompted), plan=plan), [])
    assert look.next_seed == pytest.approx(3 * 24)  # two phases and two evaluations, of full and two adapters
    assert look.spent == pytest.approx(7 * look.next_seed + 24 + 4 + 5 + 30)


def test_an_adapter_without_the_least_seeds_has_no_width() -> None:
    found = results(half_width=9.0)
    look = look_at(found, [])
    assert look_at(found, [look, look]).stop is PrecisionStop.NARROW
    failed = [cell for cell in found.cells if cell.cell.adapter == "lora:r=1"][:3]
    few = replace(found, cells=tuple(cell for cell in found.cells if cell not in failed))
    look = look_at(few, [look, look])
    assert (look.seeds, look.half_width, look.stop) == (7, None, PrecisionStop.SEEDS)


def test_groups_that_are_too_few_end_it() -> None:
    found = results()
    two = {item: f"group {n % 2}" for n, item in enumerate(next(iter(found._items.values())).groups)}
    items = {
        key: replace(one, groups={item: two[item] for item in one.groups}) for key, one in found._items.items()
    }
    assert look_at(replace(found, _items=items), []).stop is PrecisionStop.NOTHING


def test_a_study_without_a_rule_has_no_look() -> None:
    with pytest.raises(ValueError, match="no precision rule"):
        look_at(results(precision=None), [])
