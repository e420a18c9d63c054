"""What this process is doing, for whoever watches it: the plugin's hook at work, and signs of life."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(slots=True)
class Activity:
    """A count that rises with whatever gets done, and the hook that is at work."""

    signs: int = 0
    """Hooks begun or left, passes through a layer, modules loaded: no number means anything but its rise."""
    place: str | None = None
    """The plugin and its hook, e.g. `task 'k8s_qa' (medcot-bench 0.1.0) in examples`; None outside of plugins."""
    on_place: Callable[[str | None], None] | None = None
    """Called with each place that is entered, and with the one around it when it is left."""

    def sign(self, *_: object) -> None:
        """Count a sign of life. As a hook of torch it ignores what it is given, and changes nothing."""
        self.signs += 1

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Be at a plugin's hook. The working directory is afterwards what it was before."""
        outer = self.place
        self._move(place)
        folder = _working_directory()
        try:
            yield
        finally:
            if folder and folder != _working_directory():
                with suppress(OSError):
                    os.chdir(folder)
            self._move(outer)

    def _move(self, place: str | None) -> None:
        self.place = place
        self.sign()
        if self.on_place:
            self.on_place(place)


ACTIVITY = Activity()
"""Of this process."""


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  (called twice for each item: a Path costs more than the rest)
    except OSError:  # it was deleted
        return None
