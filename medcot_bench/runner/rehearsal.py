"""Planning in a child process first, where plugins of other packages take part: one that hangs ends only that.

`python -m medcot_bench.runner.rehearsal` is the child. It makes the plan, tells of each hook that it comes to, and
says when it is through. Errors are not its business: the parent plans again, and finds them itself.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress

from medcot_bench.errors import PluginError
from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.activity import ACTIVITY
from medcot_bench.plugins.manager import PluginEntry, installed
from medcot_bench.runner.child_process import ChildProcess
from medcot_bench.runner.executors.base import describe_exit
from medcot_bench.runner.pipes import end_with_parent, lines_to_parent
from medcot_bench.runner.silence import LONGEST_LOOK
from medcot_bench.runner.supervision import spoken
from medcot_bench.security.hub_code import hide_kernels
from medcot_bench.study.schema import Study

OWN = "medcot-bench"
"""The distribution whose plugins are planned with at once."""
THROUGH = "true\n"
"""The last line of the child. Those before it are the places in which it is, and null between plugins."""


def rehearse(study: Study, timeout: float | None, *, ask_to_skip: bool = False) -> None:
    """Plan in a child process if plugins of other packages take part, of a run also those that may skip cells.

    Raises PluginError, with the plugin and the hook, where one ends the child, or does not return for `timeout`
    seconds. What is no plugin's, such as a download, takes the time that it takes.
    """
    if not _others(study, run_wide=ask_to_skip):
        return
    told = json.dumps({"study": study.model_dump(mode="json"), "ask_to_skip": ask_to_skip}) + "\n"
    place, last, silent, looked = None, "before any plugin", 0.0, time.monotonic()
    with ChildProcess([sys.executable, "-m", __name__], told, on_error=lambda line: None) as child:
        for line in child.lines():
            at = time.monotonic()
            silent, looked = (silent + min(at - looked, LONGEST_LOOK) if place and line is None else 0.0), at
            if line == THROUGH:
                return
            if line is not None and line.endswith("\n"):
                place = json.loads(line)
                last = place or last
            if timeout is not None and silent >= timeout:
                wait = f"no progress for {spoken(timeout)} while planning"
                raise PluginError(f"{place}: {wait}; raise --timeout if it is only slow")
        end = describe_exit(child.wait(), "the process that plans")
    raise PluginError(f"{place or f'after {last}'}: {end}; nothing was run")


def _others(study: Study, *, run_wide: bool) -> list[PluginEntry]:
    """Return the plugins of other packages that planning may import."""
    adapters = [*study.adapters, *study.analysis.adapters]
    names = {typed.stem for typed in (*study.tasks, *study.eval_tasks, *adapters)}
    names |= {value for typed in adapters for value in typed.options.values()} | {study.scoring.engine}
    return [
        entry
        for entry in installed().entries
        if entry.distribution.replace("_", "-").casefold() != OWN
        and (run_wide if entry.kind == "plugin" else entry.name in names)
    ]


def main() -> None:
    """Plan as the parent says, and tell of each plugin's hook when it begins and when it has returned."""
    hide_kernels()
    asked = json.loads(sys.stdin.readline())
    end_with_parent()
    with lines_to_parent() as lines:

        def tell(place: str | None) -> None:
            lines.write(json.dumps(place) + "\n")
            lines.flush()

        ACTIVITY.on_place = tell
        with suppress(BaseException):  # the parent meets it again, and says it
            plan = make_plan(Study.model_validate(asked["study"]))
            for cell in plan.cells if asked["ask_to_skip"] else ():
                installed().skip_reason(cell)
        lines.write(THROUGH)


if __name__ == "__main__":
    main()
