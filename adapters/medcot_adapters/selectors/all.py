"""Every module that the adapter may go into: the default of most adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcot_bench import Placement, Probe, SelectorSpec, hookimpl

SPEC = SelectorSpec(name="all", version=1, description="Every module that the adapter may go into.")


class All:
    """The selector plugin."""

    spec = SPEC

    def place(self, probe: Probe) -> Placement:
        """Return all modules, at the adapter's own rank."""
        return {module.path: None for module in probe.modules}


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> All:
    """Build the selector."""
    return All()
