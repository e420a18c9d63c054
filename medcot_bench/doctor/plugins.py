"""Can every installed plugin be imported, and does it make what it is for? A child process tries them.

`python -m medcot_bench.doctor.plugins` is the child: a plugin that hangs or crashes ends only that.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

from medcot_bench.doctor.finding import Finding
from medcot_bench.errors import MedcotError
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.runner.child_process import ChildProcess
from medcot_bench.runner.executors.base import describe_exit
from medcot_bench.runner.pipes import end_with_parent, lines_to_parent
from medcot_bench.security.hub_code import hide_kernels

SECONDS = 60.0
"""How long one plugin may take."""


def check_plugins(seconds: float = SECONDS) -> Iterator[Finding]:
    """Yield how many plugins there are of each distribution, then what is broken, with its error."""
    entries = [str(entry) for entry in installed().entries]
    broken: dict[str, str] = {}
    at, since, ended = "", time.monotonic(), False
    with ChildProcess([sys.executable, "-m", __name__], "", on_error=lambda line: None) as child:
        for line in child.lines():
            if line is not None and line.endswith("\n"):
                said = json.loads(line)
                broken |= said.get("broken", {})
                at, since, ended = said.get("at", at), time.monotonic(), said.get("end", False)
            if time.monotonic() - since > seconds:
                broken[at] = f"{at} does not come to an end within {seconds:g} s"
                break
        else:
            if not ended:
                broken[at] = f"{at}: {describe_exit(child.wait(), 'the process that tries plugins')}"
    owners = {str(entry): f"{entry.distribution} {entry.version}" for entry in installed().entries}
    for owner, number in Counter(owners[entry] for entry in entries).items():
        bad = sum(owners.get(entry) == owner for entry in broken)
        yield Finding("ok", "plugins", f"{number - bad} of {owner}")
    for error in dict.fromkeys(broken.values()):
        yield Finding("fails", "plugins", error)


def find_fault(plugins: Plugins, entry: PluginEntry) -> str | None:
    """Return why a plugin can't be used, None where it can."""
    makers: dict[str, Callable[[str], object]] = {
        "task": plugins.make_task,
        "adapter": plugins.make_adapter,
        "selector": plugins.make_selector,
        "exporter": plugins.make_exporter,
    }
    try:
        plugins.admit(entry.kind, entry.name)
        if entry.kind in makers:  # an engine is made of a model
            makers[entry.kind](entry.name)
    except (MedcotError, MemoryError) as error:
        return str(error) or type(error).__name__
    return None


def main() -> None:
    """Try every plugin; a line of JSON says which is next, what is broken, and that the end was reached."""
    hide_kernels()
    end_with_parent()
    with lines_to_parent() as lines:

        def tell(**said: object) -> None:
            lines.write(json.dumps(said) + "\n")
            lines.flush()

        plugins = installed()
        for entry in plugins.entries:
            tell(at=str(entry))
            if fault := find_fault(plugins, entry):
                tell(broken={str(entry): fault})
        tell(end=True)


if __name__ == "__main__":
    main()
