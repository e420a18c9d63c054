"""A plugin in trouble at every hook: it is named, the others go on, and nothing hangs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Tally
from program import Warm, content

MODULE = """
import os, signal, subprocess, sys, time

from medcot_bench import hookimpl
from medcot_tasks.kubernetes import k8s_qa

WHERE, WHAT = os.environ["TROUBLE"].split()


def trouble(where):
    if where != WHERE:
        return
    if WHAT == "raise": raise ValueError("half \\ud83d of it \\x1b[31m " + os.environ["HF_TOKEN"])
    if WHAT == "exit": sys.exit(0)
    if WHAT == "_exit": os._exit(0)
    if WHAT == "segfault": os.kill(os.getpid(), signal.SIGSEGV)
    if WHAT == "interrupt": raise KeyboardInterrupt
    if WHAT == "memory": raise MemoryError
    if WHAT == "hang": time.sleep(3600)
    if WHAT == "child": subprocess.Popen(["sleep", "3600"])
    if WHAT == "chdir": os.chdir("/")
    if WHAT == "print": print("x" * 100000 + "\\x1b[2J"); sys.stderr.write("y" * 100000 + "\\n")
    if WHAT == "stdin": input("really? ")


trouble("import")


@hookimpl
def medcot_make_task(name, options):
    trouble("make")
    made = k8s_qa.medcot_make_task(name="k8s_qa", options=options)
    for hook in ("examples", "prompt", "target", "score"):
        replace(made, hook)
    return made


def replace(made, hook):
    own = getattr(made, hook)

    def call(*arguments, **options):
        trouble(hook)
        return own(*arguments, **options)

    object.__setattr__(made, hook, call)
"""
HOOKS = ("import", "make", "examples", "prompt", "target", "score")
TROUBLES = {
    "raise": (1, 2),
    "exit": (1, 2),
    "_exit": (1, 2),
    "segfault": (1, 2),
    "interrupt": (1, 2),
    "memory": (1, 2),
    "hang": (1, 2),
    "child": (0,),
    "chdir": (0,),
    "print": (0,),
    "stdin": (1, 2),
}
"""Trouble -> the exit statuses that are right for it."""
SECRET = "hf_abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that is installed, as far as Python can tell: its module and its metadata in one folder."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "medcot_trouble.py").write_text(MODULE)
    metadata = folder / "medcot_trouble-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: medcot-trouble\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[medcot_bench.tasks]\ntrouble = medcot_trouble\n")
    return folder


@pytest.fixture(scope="module")
def troubled(package: Path, warm: Warm) -> Iterator[Warm]:
    before = (warm.path, warm.environment)
    warm.path = (package,)
    yield warm
    warm.path, warm.environment = before


def test_trouble_in_a_task(
    troubled: Warm, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool
) -> None:
    part = "plugin in trouble"
    cases = [(where, what) for where in HOOKS for what in TROUBLES]
    always = [("import", "_exit"), ("score", "hang"), ("examples", "child")]
    for where, what in cases if every_fault else [*always, *Random(2).sample(cases, 5)]:
        out = place / f"plugin-{where}-{what}"
        troubled.environment = {"TROUBLE": f"{where} {what}", "HF_TOKEN": SECRET}
        arguments = ("--eval-tasks", "trouble", "--adapters", "none", "--timeout", "4s", "--set", "data={}")
        ended = troubled.run("run", "study.yaml", *arguments, "-o", out.name)
        written = "".join(path.read_text(errors="replace") for path in out.rglob("*") if path.is_file())
        shown = ended.out + ended.err + written
        kept = SECRET not in shown and "\x1b" not in ended.out + ended.err
        named = "trouble" in ended.out + ended.err or ended.status == 0
        whole = ended.status != 0 or sum("scores" in name for name in content(out)) == 2
        good = ended.status in TROUBLES[what] and kept and named and whole
        tally.add(part, f"{what} in {where}", ended, good=good, false=ended.status == 0 and not whole)
        shutil.rmtree(out, ignore_errors=True)
    tally.check(part)
