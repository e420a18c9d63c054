"""LoRA in some layers, the upper half by default: `lora` with another `select`, so with the same cells and ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcot_adapters.low_rank import OPTIONS, LowRank
from medcot_bench import AdapterSpec, hookimpl

SPEC = AdapterSpec(
    name="lora",
    version=1,
    update="low_rank",
    description="LoRA in some layers: the upper half unless select= says otherwise.",
    options=OPTIONS,
    select="top",
)


@hookimpl
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> LowRank:
    """Build the adapter."""
    return LowRank(SPEC, **options)
