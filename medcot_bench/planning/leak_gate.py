"""The leak gate: a task whose prompts give their own targets away is refused before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice

from medcot_bench.data.leaks import Asked, find_leak
from medcot_bench.errors import PluginError
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.prompted_task import apply_baseline
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.plugins.task_checks import checked_prompt, checked_target
from medcot_bench.study.baselines import COT, NO_CONTEXT
from medcot_bench.types import Example, Split

MOST = 200
"""Items of a task that are looked at: those to score, then those to train on."""


def find_leaks(plan: Plan) -> list[str]:
    """Return an error for every task whose prompts give their own targets away; none where the study marks scores.

    A plugin that can't write a prompt is left to the run, which says so for the training runs that it concerns.
    """
    problems: list[str] = []
    for label, chosen in plan.tasks.items() if plan.study.scoring.leak_gate == "refuse" else ():
        splits = plan.data[label].splits
        looked_at: dict[Split, None] = {plan.scoring.split: None, "train": None}
        items = [*islice(chain.from_iterable(splits[split] for split in looked_at), MOST)]
        with suppress(PluginError, MemoryError):
            problems += _find(label, chosen, items, len(splits[plan.scoring.split]), plan.study.baselines)
    return problems


def _find(
    label: str, chosen: ResolvedTask, items: list[Example], scored: int, baselines: tuple[str, ...]
) -> Iterator[str]:
    for baseline in ("", *(name for name in baselines if name in (COT, NO_CONTEXT))):
        asked = apply_baseline(chosen, baseline)
        with blame(chosen.entry, "prompt or target"):
            written = [
                Asked(
                    example,
                    checked_target(asked.task.target(example)),
                    checked_prompt(asked.task.prompt(example, asked.template)),
                )
                for example in items
            ]
        given = asked.task.spec.form.context == "given"
        leak = find_leak(written, context_given=given)
        if not leak.serious:  # rows to train on may hide what those to score give away
            leak = find_leak(written[:scored], context_given=given)
        if leak.serious:
            form = f", {baseline}" if baseline else ""
            yield (
                f"task {label}{form}: {leak}, e.g. {leak.shown}; scores would measure copying: mend "
                "the prompt or the columns, or --set scoring.leak_gate=mark if it is meant"
            )
            return
