"""Which tasks of a published study have newer items today: their ids differ until it is published again."""

from __future__ import annotations

from pathlib import Path

import medcot_bench
from medcot_bench.plugins.manager import installed


def tasks_with_newer_items(folder: Path) -> list[str]:
    """Return the tasks of a study whose items have a newer version today, graded shifts among them."""
    scored = {
        (task, record.request["task"]["version"])
        for cell in medcot_bench.load(folder).cells
        for task, record in cell.evaluations.items()
    }
    today = {task: installed().make_task(task.partition("@")[0]).spec.version for task, _ in scored}
    return sorted(task for task, version in scored if version != today[task])
