"""What a study's adapters should make a user think twice about."""

from __future__ import annotations

from collections.abc import Iterator

from medcot_bench.planning.plan import Plan
from medcot_bench.planning.ranks import find_high_ranks


def find_adapter_notes(plan: Plan) -> Iterator[str]:
    """Yield a note for an added base model, and for adapters of too high a rank or another base model."""
    if len(plan.study.compared) > len(plan.study.adapters):
        yield "the base model (none) is scored too, to compare with; --no-base leaves it out"
    yield from find_high_ranks(plan)
    yield from _find_other_bases(plan)


def _find_other_bases(plan: Plan) -> Iterator[str]:
    """Yield a note for each external adapter that names another base model than the study's.

    Names are compared without organisation, revision and case: who copies a model keeps its own name.
    """
    for label, adapter in plan.adapters.items():
        named = adapter.adapter.spec.base
        if named and _own_name(named) != _own_name(plan.base.name):
            whole = adapter.adapter.spec.whole
            here = f"compared with {plan.base.name}" if whole else f"put on {plan.base.name}"
            why = "its gain is not that of its training" if whole else "its scores are not what it was trained for"
            yield (
                f"adapter {label}: its files name the base model {named}; here it is {here}. "
                f"Unless the two are the same, {why}"
            )


def _own_name(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2].partition("@")[0].casefold()
