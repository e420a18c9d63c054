"""A run that was in trouble, judged by what the same command makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from program import Ended, Warm, content

RUN = ("run", "study.yaml", "-o")
FEW = 12
"""Lines of errors that are still few."""


def steps_of(warm: Warm, place: Path, process: str) -> list[str]:
    """Return the steps that a process takes in the result folder of an undisturbed run."""
    out, log = place / f"steps-{process}", place / f"steps-{process}.log"
    trouble = {"process": process, "kind": "log", "folder": str(out), "log": str(log)}
    assert warm.run(*RUN, out.name, trouble=trouble).status == 0
    shutil.rmtree(out)
    return log.read_text().splitlines()


def changed(left: dict[str, Any], reference: dict[str, Any]) -> bool:
    """Whether anything is not as the undisturbed run left it."""
    return any(name in reference and reference[name] != value for name, value in left.items())


def judge_disk(ended: Ended, again: Ended, out: Path, reference: dict[str, Any]) -> dict[str, Any]:
    """Say how a run went whose disk failed, and the same command after that: what a tally is told."""
    left = content(out)
    few = ended.status in (0, 1, 3) and len(ended.err.strip().splitlines()) < FEW
    worst = ended if not ended.clean else again
    return {"ended": worst, "good": few and again.clean and left == reference, "false": changed(left, reference)}
