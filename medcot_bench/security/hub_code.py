"""No code of a model hub: the package that fetches it is hidden from libraries that would use it by themselves."""

from __future__ import annotations

import os
import sys

PACKAGE = "kernels"
"""bitsandbytes and transformers ask it for native code of the hub wherever it is installed."""


def hide_kernels() -> None:
    """Make the package look as if it was not installed, to this process and to those that it starts."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.modules[PACKAGE] = None  # type: ignore[assignment]  # Python's own way to say: can't be imported
    os.environ["USE_HUB_KERNELS"] = "NO"  # read by transformers
