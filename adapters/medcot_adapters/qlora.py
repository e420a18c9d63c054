"""QLoRA (Dettmers et al. 2023, arXiv 2305.14314): LoRA on a base in NF4 with double quantisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcot_adapters.low_rank import OPTIONS, LowRank
from medcot_bench import AdapterSpec, hookimpl

SPEC = AdapterSpec(
    name="qlora",
    version=1,
    update="low_rank",
    quantisation="nf4",
    description="LoRA on a base quantised to 4 bits (bitsandbytes NF4, double quantisation).",
    options=OPTIONS,
)


@hookimpl
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> LowRank:
    """Build the adapter."""
    return LowRank(SPEC, **options)
