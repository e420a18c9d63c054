"""Train one cell: tokenise its items, place and train its adapter, measure its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import peft  # noqa: F401  (imported here, so that no adapter's seconds and memory hold the import)
import torch

from medcot_bench.errors import ConfigError
from medcot_bench.models.meter import Meter
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.evaluations import checkpoints
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import blame
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import Divergence, Forgetting
from medcot_bench.training.drift import Distances
from medcot_bench.training.forgetting import record_forgetting
from medcot_bench.training.loop import Trained, train
from medcot_bench.training.resume import Saving, StateKeeper
from medcot_bench.training.tokenize_items import TokenizedItems, tokenize_items
from medcot_bench.types import Placement


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model with everything to record about it."""

    model: Any
    placement: Placement
    tokenized: TokenizedItems
    trained: Trained
    seconds: float = 0.0
    peak_bytes: int = 0
    """On top of the memory in use before the adapter was made; on CUDA in all."""
    divergence: Divergence | None = None
    """KL from the base model; None if nothing was trained, or if not measurable."""
    forgetting: Forgetting | None = None
    """The change on the study's general text; None if not measurable."""
    measuring_seconds: float = 0.0
    """Seconds of these two, and of measuring the base model if no earlier cell did."""


def fit(
    plan: Plan,
    cell: Cell,
    base: Any,
    encoder: Encoder,
    compute_dtype: torch.dtype,
    distances: Distances,
    on_step: Callable[[int, int, float], None],
    on_checkpoint: Callable[[str, Any], None] | None = None,
    saving: Saving | None = None,
) -> Fitted:
    """Train a cell on `base`, which may be changed by it. A cell without a task has nothing to train.

    `on_checkpoint(name, model)` is called after the step that ends a checkpoint's share, outside what is measured.
    `saving` says where a training that is stopped is kept, and goes on; its seconds are those of all its parts.
    Raises ConfigError where no item fits, PluginError, Diverged.
    """
    adapter, began = plan.adapters[cell.adapter], distances.seconds
    if cell.task is None or cell.seed is None:
        before = distances.measure_base(base, adapter.adapter.spec.quantisation, None)
        with blame(adapter.entry, "prepare"):
            model = checked_module(adapter.adapter.prepare(base, {}))
        known = record_forgetting(plan.general_text, before.general, before.general)
        lost = known if model is base else distances.measure(before, model)[1]
        spent = distances.seconds - began
        return Fitted(model, {}, TokenizedItems(), Trained(), forgetting=lost, measuring_seconds=spent)
    task, recipe = plan.tasks[cell.task], plan.recipe(cell)
    tokenized = tokenize_items(task, encoder, plan.train_items(cell.task, cell.adapter), recipe)
    if not tokenized.items and recipe.max_steps != 0:
        raise ConfigError(f"task {cell.task}: every training item is longer than max_length={recipe.max_length}")
    validation = TokenizedItems()
    if recipe.select_by == "val_nll":
        validation = tokenize_items(task, encoder, plan.items.validation(cell.task), recipe)
        if not validation.items:
            raise ConfigError(f"task {cell.task}: every validation item is longer than {recipe.max_length} tokens")
    before = distances.measure_base(base, adapter.adapter.spec.quantisation, cell.task)
    placement = adapter.place(plan.base.info, plan.base.modules, cell.seed)
    with Meter(next(base.parameters()).device) as meter:
        torch.manual_seed(cell.seed)  # adapters draw their first weights from it
        with blame(adapter.entry, "prepare"):
            model = checked_module(adapter.adapter.prepare(base, placement))

        on_the_way = checkpoints(plan, cell) if on_checkpoint else []
        read = [*tokenized.items, *validation.items]
        keeper = StateKeeper(saving, cell.id, read, on_the_way, meter) if saving else None

        def step_done(step: int, steps: int, loss: float) -> None:
            on_step(step, steps, loss)
            for name in on_the_way:
                done, parts = map(int, name.split("/"))
                if on_checkpoint and step == max(1, steps * done // parts):
                    with meter.paused():
                        on_checkpoint(name, model)

        trained = train(
            model,
            tokenized.items,
            recipe,
            cell.seed,
            validation=validation.items,
            compute_dtype=compute_dtype,
            on_step=step_done,
            keeper=keeper,
        )
    found, lost = distances.measure(before, model)
    spent = distances.seconds - began
    seconds, peak = meter.seconds, meter.peak_bytes
    if keeper is not None:
        seconds, peak = seconds + keeper.seconds, max(peak, keeper.peak_bytes)
    return Fitted(model, placement, tokenized, trained, seconds, peak, found, lost, spent)


def checked_module(model: Any) -> Any:
    """Return the model of an adapter. Raises TypeError for what is not a module."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"it returned a {type(model).__name__}, not a module")
    return model
