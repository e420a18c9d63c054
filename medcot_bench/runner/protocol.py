"""What a worker is told and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Listener = Callable[[Mapping[str, Any]], None]


RECYCLED = 75
"""Exit status of a worker that ends because its memory has grown; another one goes on."""
