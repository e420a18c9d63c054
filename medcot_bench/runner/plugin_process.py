"""A process in which plugins of other packages are called: one that hangs, crashes or exits ends only that.

`python -m medcot_bench.runner.plugin_process` is the child. It calls what it is asked to, and tells of each hook
that it comes to.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Self

from medcot_bench.errors import PluginError
from medcot_bench.plugins.activity import ACTIVITY
from medcot_bench.runner.child_process import ChildProcess
from medcot_bench.runner.executors.base import describe_exit
from medcot_bench.runner.pipes import end_with_parent, lines_to_parent
from medcot_bench.runner.silence import LONGEST_LOOK
from medcot_bench.runner.supervision import RAISE_TIMEOUT
from medcot_bench.security.hub_code import hide_kernels
from medcot_bench.study.durations import spoken


class PluginProcess:
    """Starts with the first call; leaving the `with` block ends it, and what was started in it.

    `timeout` is how many seconds a hook may take, None: for ever. What is no plugin's, such as a download, takes
    the time that it takes. `doing` says in errors what was being done.
    """

    def __init__(self, timeout: float | None, doing: str, on_log: Callable[[str], None] = lambda line: None):
        self._timeout = timeout
        self._doing = doing
        self._on_log = on_log
        self._child: ChildProcess | None = None
        self._lines: Iterator[str | None] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._child:
            self._child.__exit__(*error)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of a module returns there; arguments and result are JSON.

        Raises PluginError, with the plugin and the hook, where one ends the process or does not return. Nothing
        can be called after that.
        """
        told = json.dumps([function.__module__, function.__qualname__, arguments]) + "\n"
        if self._child is None:
            command = [sys.executable, "-m", __name__]
            self._child = ChildProcess(command, told, lambda line: self._on_log(line.rstrip("\n")))
            self._lines = self._child.lines()
        else:
            self._child.tell(told)
        place, last, silent, looked = None, "before any plugin", 0.0, time.monotonic()
        for line in self._lines:
            at = time.monotonic()
            silent, looked = (silent + min(at - looked, LONGEST_LOOK) if place and line is None else 0.0), at
            if line is not None and line.endswith("\n"):
                said = json.loads(line)
                if "answer" in said:
                    return said["answer"]
                place = said["place"]
                last = place or last
            if self._timeout is not None and silent >= self._timeout:
                wait = f"no progress for {spoken(self._timeout)} while {self._doing}"
                raise PluginError(f"{place}: {wait}{RAISE_TIMEOUT}")
        end = describe_exit(self._child.wait(), f"the process that was {self._doing}")
        raise PluginError(f"{place or f'after {last}'}: {end}")


def main() -> None:
    """Call what the parent asks for, until it is gone; tell of each hook when it begins and has returned."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that a KeyboardInterrupt is one that some code raised
    hide_kernels()
    asked = SimpleQueue[str]()
    end_with_parent(asked.put)
    with lines_to_parent() as lines:

        def tell(**said: Any) -> None:
            lines.write(json.dumps(said) + "\n")
            lines.flush()

        ACTIVITY.on_place = lambda place: tell(place=place)
        while True:
            module, name, arguments = json.loads(asked.get())
            tell(answer=getattr(import_module(module), name)(*arguments))


if __name__ == "__main__":
    main()
