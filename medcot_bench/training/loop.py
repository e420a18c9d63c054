"""The training loop: flat batches, loss on target tokens only, AdamW, exact accumulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch.nn.functional import cross_entropy

from medcot_bench.errors import ConfigError, Diverged
from medcot_bench.models.attention import flat
from medcot_bench.models.meter import tensor_bytes
from medcot_bench.training.batches import FlatBatch, Item, flatten, plan_steps, split_step
from medcot_bench.types import Recipe

VALIDATIONS = 4
"""How often `select_by=val_nll` scores the validation items: evenly spaced, including the last step."""


@dataclass(slots=True)
class Trained:
    """The result of a training run. Losses are nats per target token."""

    steps: int = 0
    tokens: int = 0
    target_tokens: int = 0
    epochs: float = 0.0
    first_loss: float | None = None
    final_loss: float | None = None
    selected_step: int = 0
    validation: list[dict[str, float]] = field(default_factory=list)
    log: list[dict[str, float]] = field(default_factory=list)
    gradient_bytes: int = 0
    state_bytes: int = 0


@dataclass(slots=True)
class Underway:
    """A training between two steps: what the steps to come depend on, beside the random states of torch."""

    model: Any
    parameters: Mapping[str, torch.nn.Parameter]
    """Those that are trained, by name."""
    optimizer: torch.optim.Optimizer
    steps: int
    """Of the whole training; `result.steps` of them are done."""
    result: Trained
    best: tuple[float, list[torch.Tensor]] | None = None
    """The lowest loss on the validation items, and the parameters that had it."""


class Keeper(Protocol):
    """Keeps a training where a stop can't reach it."""

    def restore(self, underway: Underway) -> None:
        """Bring a training that is about to begin to where an earlier run left it, if one did."""

    def step_done(self, underway: Underway) -> None:
        """Take note that a step is done, and another one follows."""


def train(
    model: Any,
    items: Sequence[Item],
    recipe: Recipe,
    seed: int,
    *,
    validation: Sequence[Item] = (),
    compute_dtype: torch.dtype = torch.float32,
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    keeper: Keeper | None = None,
) -> Trained:
    """Train the parameters of `model` that require a gradient, in place.

    `validation` is used where the recipe selects by it. `compute_dtype` below the parameters' own switches
    autocast on. `on_step(step, steps, loss)` is called after each step, then the keeper; it may also have the
    training begin at a later step. Raises Diverged for a loss or gradient that is not finite, and ConfigError
    where nothing can be trained.
    """
    steps = plan_steps(items, recipe, seed)
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    parameters = list(named.values())
    if steps and not parameters:
        raise ConfigError("the adapter has no trainable parameter")
    result = Trained()
    if not steps:
        return result
    device = parameters[0].device
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(parameters, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    underway = Underway(model, named, optimizer, len(steps), result)
    looks = {-(-len(steps) * k // VALIDATIONS) for k in range(1, VALIDATIONS + 1)}
    model.train()
    if keeper is not None:
        keeper.restore(underway)
    with flat(model):
        for number, step in enumerate(steps[result.steps :], start=result.steps + 1):
            rate = learning_rate(recipe, number, len(steps))
            for group in optimizer.param_groups:
                group["lr"] = rate
            batches = [
                flatten([items[index] for index in part], device) for part in split_step(step, recipe.accumulation)
            ]
            with autocast(device, parameters[0].dtype, compute_dtype):
                loss = accumulate(model, batches)
            norm = torch.nn.utils.clip_grad_norm_(parameters, recipe.clip or math.inf).item()
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise Diverged(f"loss {loss} with gradient norm {norm} in step {number}; try a lower lr")
            optimizer.step()
            result.gradient_bytes = tensor_bytes(p.grad for p in parameters if p.grad is not None)
            optimizer.zero_grad(set_to_none=True)
            result.tokens += sum(len(items[index]) for index in step)
            result.target_tokens += sum(len(items[index].target) for index in step)
            result.first_loss = loss if result.first_loss is None else result.first_loss
            result.final_loss = loss
            result.log.append({"step": number, "loss": loss, "lr": rate, "gradient_norm": norm})
            if recipe.select_by == "val_nll" and number in looks:
                with autocast(device, parameters[0].dtype, compute_dtype):
                    value = mean_nll(model, validation, device)
                result.validation.append({"step": number, "nll": value})
                if underway.best is None or value < underway.best[0]:
                    underway.best = value, [parameter.detach().clone() for parameter in parameters]
                    result.selected_step = number
            result.steps = number
            on_step(number, len(steps), loss)
            if keeper is not None and number < len(steps):
                keeper.step_done(underway)
    result.state_bytes = tensor_bytes(
        value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)
    )
    if underway.best is not None:
        with torch.no_grad():
            for parameter, kept in zip(parameters, underway.best[1], strict=True):
                parameter.copy_(kept)
    else:
        result.selected_step = len(steps)
    result.epochs = sum(len(step) for step in steps) / len(items)
    model.eval()
    return result


def accumulate(model: Any, batches: Sequence[FlatBatch]) -> float:
    """Add the gradient of the mean loss over all target tokens of `batches`; return that mean.

    The mean is over the whole step, so that it does not depend on how the step is split.
    """
    targets = sum(len(batch.labels) for batch in batches)
    total = 0.0
    for batch in batches:
        loss = summed_nll(model, batch) / targets
        loss.backward()
        total += loss.item()
    return total


def summed_nll(model: Any, batch: FlatBatch) -> torch.Tensor:
    """Return the negative log-likelihood of all target tokens, in nats, in fp32. Needs `flat(model)`."""
    return cross_entropy(target_logits(model, batch), batch.labels, reduction="sum")


def target_logits(model: Any, batch: FlatBatch) -> torch.Tensor:
    """Return the logits (N, vocabulary) of what predicts a target token, in fp32. Needs `flat(model)`."""
    output = model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        use_cache=False,
        logits_to_keep=batch.predicting,
        segments=batch.segments,
    )
    logits: torch.Tensor = output.logits[0].float()
    return logits


@torch.no_grad()
def mean_nll(model: Any, items: Sequence[Item], device: torch.device) -> float:
    """Return the mean loss over the target tokens of `items`, in evaluation mode. Needs `flat(model)`."""
    was_training = model.training
    model.eval()
    total = sum(summed_nll(model, flatten([item], device)).item() for item in items)
    model.train(was_training)
    return total / sum(len(item.target) for item in items)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate of step 1..steps: a linear rise over `warmup`, then the schedule, down to 0 after the end.

    >>> [round(learning_rate(Recipe(lr=1.0, warmup=0.25, schedule="linear"), s, 8), 3) for s in (1, 2, 3, 8)]
    [0.5, 1.0, 1.0, 0.167]
    """
    rise = math.ceil(recipe.warmup * steps)
    if step <= rise:
        return recipe.lr * step / rise
    done = (step - 1 - rise) / (steps - rise)
    if recipe.schedule == "cosine":
        return recipe.lr * (1 + math.cos(math.pi * done)) / 2
    return recipe.lr * (1 - done) if recipe.schedule == "linear" else recipe.lr


def autocast(device: torch.device, stored: torch.dtype, computed: torch.dtype) -> AbstractContextManager[Any]:
    """Return the context in which weights stored in one dtype compute in another."""
    if stored == computed or device.type == "mps":
        return nullcontext()
    return torch.autocast(device.type, dtype=computed)
