"""Are the packages that medcot-bench needs installed, in versions that it works with?"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from medcot_bench.doctor.finding import Finding
from medcot_bench.version import __version__

SHOWN = ("torch", "transformers", "peft", "bitsandbytes", "lm-eval")


def check_packages() -> Iterator[Finding]:
    """Yield the versions that decide numbers, then what is missing or too old or too new."""
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("ok", "medcot-bench", f"{__version__}, Python {platform.python_version()}, {system}")
    needed = [Requirement(text) for text in requires("medcot-bench") or ()]
    wrong = [(one, found) for one in needed if not _fits(one, found := _installed(one.name))]
    if not wrong:
        yield Finding("ok", "packages", ", ".join(f"{name} {_installed(name)}" for name in SHOWN))
    for one, found in wrong:
        text = f"{found or 'not installed'}; pip install '{one.name}{one.specifier}'"
        yield Finding("fails", one.name, text)


def _fits(needed: Requirement, found: str | None) -> bool:
    if needed.marker and not needed.marker.evaluate({"extra": ""}):
        return True  # of an extra, or of another system
    return found is not None and needed.specifier.contains(found, prereleases=True)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
