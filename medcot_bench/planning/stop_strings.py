"""Stop strings that the data themselves hold: none of them may cut an answer that is right."""

from __future__ import annotations

from dataclasses import replace

from medcot_bench.data.sources import TaskData
from medcot_bench.errors import ConfigError
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.prompted_task import stop_at
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.plugins.task_checks import checked_target
from medcot_bench.study.baselines import COT
from medcot_bench.text import without_thinking


def fit_stops(
    chosen: ResolvedTask, data: TaskData, named: tuple[str, ...] | None, *, reasons: bool = False
) -> tuple[ResolvedTask, TaskData]:
    """Return a task without the stop strings that a target holds, and its data with a note about it.

    Strings that the user `named` also end what a model `reasons` before it answers, which a note says. Raises
    ConfigError where a target holds one of these, PluginError.
    """
    held = {stop: place for stop in chosen.task.spec.stop if (place := _holder(chosen, data, stop, bool(named)))}
    if not held and reasons and (ends := [repr(stop) for stop in named or () if stop.strip()]):
        note = f"the reasoning of baseline {COT} also ends at {' and '.join(ends)}"
        return chosen, replace(data, notes=(*data.notes, note))
    if not held:
        return chosen, data
    if named:
        stop, place = next(iter(held.items()))
        why = f"the target of row '{place}' holds {stop!r}, which would cut it"
        raise ConfigError(f"own.{chosen.stem}: stop: {why}; choose another string")
    kept = tuple(stop for stop in chosen.task.spec.stop if stop not in held)
    note = f"answers hold {' and '.join(map(repr, held))}, so no answer ends there"
    return stop_at(chosen, kept), replace(data, notes=(*data.notes, note))


def _holder(chosen: ResolvedTask, data: TaskData, stop: str, every: bool) -> str | None:
    """Return the id of an example whose target holds a string where it would stop the answer.

    What a task itself writes into targets is the same in all of them, so that unless `every` target is asked for,
    those of the first examples are, and of those whose own text holds the string.
    """
    for examples in data.splits.values():
        for number, example in enumerate(examples):
            if every or number == 0 or stop in example.answer or stop in (example.reasoning or ""):
                with blame(chosen.entry, f"target of item '{example.id}'"):
                    target = checked_target(chosen.task.target(example)).text
                if stop in without_thinking(target).lstrip():
                    return example.id
    return None
