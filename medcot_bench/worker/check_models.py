"""What a run loads, tried out before anything is trained: the base, its chat template, external adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

from medcot_bench.errors import ConfigError, ModelError, PluginError
from medcot_bench.models.checks import refuse_missing_tensors
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.warm_base import Lent, WarmBase
from medcot_bench.models.write_item import write
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.scoring.evaluate import few_shot_examples
from medcot_bench.study.baselines import shots_of
from medcot_bench.training.train_cell import checked_module
from medcot_bench.types import Example


def check_models(adapters: Sequence[ResolvedAdapter], base: WarmBase, dtype: torch.dtype) -> None:
    """Load each external adapter once, and the base as the first adapter needs it.

    Raises ConfigError. What else fails (no memory, a plugin) is left to the training run that it is of.
    """
    for chosen in adapters:
        if chosen.adapter.spec.weights and chosen.adapter.spec.update == "none":
            with _only_config_errors():
                _try_out(chosen, base, dtype)
    for chosen in adapters[:1]:
        with _only_config_errors():
            base.load(chosen.adapter.spec.quantisation, weights_dtype(chosen, dtype))


def check_chats(plan: Plan, encoder: Encoder) -> None:
    """Write every chat that is used, and a prompt of each task with its solved examples, by the chat template.

    Templates treat turns by their text, too: many cut `<think>` out of earlier ones. Raises ModelError, with the
    item, where the template can't write it. Errors of plugins are left to the training runs that they are of.
    """
    for label, chosen in plan.tasks.items() if encoder.chat_template else ():
        with suppress(PluginError):
            _check_chats_of(chosen, plan, encoder, label)


def _check_chats_of(chosen: ResolvedTask, plan: Plan, encoder: Encoder, label: str) -> None:
    baselines = {score.baseline for score in plan.evaluations if score.task == label}
    most = max((shots_of(baseline, plan.scoring.num_fewshot) for baseline in baselines), default=0)
    solved = few_shot_examples(chosen, encoder, plan.items.shots(label, count=most))
    for number, example in enumerate(_used(plan, label)):
        shots = solved if number == 0 else []
        if example.turns or shots:
            try:
                write(chosen, encoder, example, shots)
            except ModelError as error:
                raise ModelError(f"task {label}, item '{example.id}': {error}") from None


def _used(plan: Plan, label: str) -> list[Example]:
    """Return the items of a task that models are trained, selected, compared or scored on, each once."""
    items = plan.items
    used = items.scored(label, choosing=False)
    if plan.trials:
        used += items.scored(label, choosing=True)
    if any(cell.task == label for cell in plan.cells):
        used += items.train(label) + items.validation(label) + items.measured(label)
    return list({example.id: example for example in used}.values())


def weights_dtype(chosen: ResolvedAdapter, dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of the base's weights where `dtype` is computed in: full updates need master weights."""
    return torch.float32 if chosen.adapter.spec.update == "full" else dtype


def unload(model: Any, base: Lent) -> None:
    """Put the base's own modules back, as far as PEFT has replaced them."""
    if model is not base.model and hasattr(model, "unload"):
        model.unload()


def _try_out(chosen: ResolvedAdapter, base: WarmBase, dtype: torch.dtype) -> None:
    with base.lend(chosen.adapter.spec.quantisation, weights_dtype(chosen, dtype), trial=True) as lent:
        with blame(chosen.entry, "prepare"), refuse_missing_tensors(chosen.label):
            model = checked_module(chosen.adapter.prepare(lent.model, {}))
        unload(model, lent)


@contextmanager
def _only_config_errors() -> Iterator[None]:
    try:
        yield
    except ConfigError:
        raise
    except Exception:
        return
