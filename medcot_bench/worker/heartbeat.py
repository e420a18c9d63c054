"""Tells the parent every second that something got done, and in which plugin: silence means that it hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from medcot_bench.plugins.activity import ACTIVITY
from medcot_bench.runner.events import Alive
from medcot_bench.worker.io import Emit

SECONDS = 1.0
"""Between two looks."""


class Heartbeat:
    """Looks for signs of life within the `with` block, from a thread of its own, and tells of them."""

    def __init__(self, emit: Emit):
        self._emit = emit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._assumed = False
        # Loading a model and placing an adapter in it set parameters and modules, one after another.
        self._hooks = [
            register_module_module_registration_hook(ACTIVITY.sign),
            register_module_parameter_registration_hook(ACTIVITY.sign),
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        ACTIVITY.on_place = lambda place: self._emit(Alive(place=place))
        return self

    def ready(self) -> None:
        """From now on look only every second: until now, while a plan is made, each hook is told of."""
        ACTIVITY.on_place = None

    def __exit__(self, *error: object) -> None:
        ACTIVITY.on_place = None
        self._over.set()
        self._thread.join()
        for hook in self._hooks:
            hook.remove()

    @contextmanager
    def assumed(self) -> Iterator[None]:
        """Count what happens within as alive: it has no signs, and timeouts of its own."""
        self._assumed = True
        try:
            yield
        finally:
            self._assumed = False

    def _tell(self) -> None:
        seen = ACTIVITY.signs
        while not self._over.wait(SECONDS):
            if self._assumed or seen != ACTIVITY.signs:
                seen = ACTIVITY.signs
                self._emit(Alive(place=ACTIVITY.place))
