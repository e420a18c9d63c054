"""A plugin in trouble at every hook: it is named, the others go on, and nothing hangs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from conftest import Tally
from program import Ended, Warm, content

TROUBLE = """
import os, signal, subprocess, sys, time

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


def troubled(kind, made, hooks):
    for hook in hooks:
        object.__setattr__(made, hook, before(f"{kind}.{hook}", getattr(made, hook)))
    return made


def before(where, own):
    def call(*arguments, **options):
        trouble(where)
        return own(*arguments, **options)

    return call
"""
TASK = """
from medcot_bench import hookimpl
from medcot_tasks.kubernetes import k8s_qa
from medcot_trouble import trouble, troubled

trouble("task.import")


@hookimpl
def medcot_make_task(name, options):
    trouble("task.make")
    made = k8s_qa.medcot_make_task(name="k8s_qa", options=options)
    return troubled("task", made, ("examples", "prompt", "target", "score"))
"""
ADAPTER = """
from dataclasses import replace

from medcot_adapters import lora
from medcot_adapters.low_rank import LowRank
from medcot_bench import hookimpl
from medcot_trouble import trouble, troubled

trouble("adapter.import")


@hookimpl
def medcot_make_adapter(name, options):
    trouble("adapter.make")
    made = LowRank(replace(lora.SPEC, name="trouble"), **options)
    return troubled("adapter", made, ("recipe", "prepare", "save", "load"))
"""
OBSERVER = """
from medcot_bench import hookimpl
from medcot_trouble import trouble

trouble("observer.import")


@hookimpl
def medcot_skip_cell(cell):
    trouble("observer.skip")


@hookimpl
def medcot_cell_finished(record):
    trouble("observer.finished")
"""
RAISES = ("raise", "exit", "interrupt", "memory", "stdin")
ENDS = ("_exit", "segfault", "hang")
HARMLESS = ("child", "chdir", "print")
LIMIT = ("--timeout", "4s")
RUN = ("run", "study.yaml", *LIMIT, "-o", "out")
PREDICT = ("predict", "out", "trouble__s0", "Which port?", "--context", "The port is 80.", *LIMIT)
SECRET = "hf_abcdefghijklmnopqrstuvwxyz012345"


class Case(NamedTuple):
    """Hooks of one kind of plugin that a command calls."""

    kind: str
    hooks: str
    command: tuple[str, ...]
    on_trained: bool = False
    """Whether the command asks for what an untroubled run has made."""


CASES = {
    "a task": Case(
        "task",
        "import make examples prompt target score",
        (*RUN, "--eval-tasks", "trouble", "--adapters", "none", "--set", "data={}"),
    ),
    "an adapter": Case("adapter", "import make recipe prepare save", (*RUN, "--adapters", "trouble", "--no-base")),
    "a run-wide plugin": Case("observer", "import skip finished", (*RUN, "--adapters", "lora", "--no-base")),
    "a task under `show`": Case("task", "import make examples prompt target", ("show", "task:trouble", *LIMIT)),
    "a task under `predict`": Case("task", "import make prompt", PREDICT, on_trained=True),
    "an adapter under `predict`": Case("adapter", "import make load", PREDICT, on_trained=True),
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that is installed, as far as Python can tell: its modules and its metadata in one folder."""
    folder = tmp_path_factory.mktemp("package")
    parts = {"": TROUBLE, "_task": TASK, "_adapter": ADAPTER, "_observer": OBSERVER}
    for name, code in parts.items():
        (folder / f"medcot_trouble{name}.py").write_text(code)
    metadata = folder / "medcot_trouble-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: medcot-trouble\nVersion: 1.0\n")
    groups = {"tasks": "task", "adapters": "adapter", "plugins": "observer"}
    points = [f"[medcot_bench.{group}]\ntrouble = medcot_trouble_{kind}\n" for group, kind in groups.items()]
    (metadata / "entry_points.txt").write_text("".join(points))
    return folder


@pytest.fixture(scope="module")
def troubled(package: Path, warm: Warm) -> Iterator[Warm]:
    before = (warm.path, warm.environment)
    warm.path = (package,)
    yield warm
    warm.path, warm.environment = before


@pytest.fixture(scope="module")
def trained(troubled: Warm, place: Path) -> Path:
    """What a run with the task and the adapter leaves while they are in no trouble."""
    troubled.environment = environment("nowhere", "raise")
    flags = ("--tasks", "trouble", "--eval-tasks", "", "--adapters", "trouble", "--set", "data={}")
    ended = troubled.run("run", "study.yaml", *flags, "-o", "trained")
    assert ended.status == 0, ended.err
    return place / "trained"


def environment(where: str, what: str) -> Mapping[str, str]:
    """The environment of a run; run-wide plugins are active in each, and blocked where it is not about them."""
    blocked = "" if where.startswith("observer") else "plugin:trouble"
    return {"TROUBLE": f"{where} {what}", "HF_TOKEN": SECRET, "MEDCOT_BLOCK": blocked}


def right_statuses(where: str, what: str) -> tuple[int, ...]:
    """Return the exit statuses that are right for a trouble at a hook."""
    told = where == "observer.finished" or (where.startswith("observer") and what in RAISES)
    return (0,) if what in HARMLESS or told else (1, 2)


@pytest.mark.parametrize("about", CASES)
def test_a_plugin_in_trouble(
    troubled: Warm, place: Path, trained: Path, tally: Tally, every_fault: bool, about: str
) -> None:
    part, case, out = f"plugin in trouble: {about}", CASES[about], place / "out"
    faults = [(f"{case.kind}.{hook}", what) for hook in case.hooks.split() for what in (*RAISES, *ENDS, *HARMLESS)]
    for where, what in faults if every_fault else Random(f"2 {about}").sample(faults, 2):
        shutil.rmtree(out, ignore_errors=True)
        if case.on_trained:
            shutil.copytree(trained, out)
        troubled.environment = environment(where, what)
        ended = troubled.run(*case.command)
        good, false = judge(ended, out, case, where, what)
        tally.add(part, f"{what} in {where}", ended, good=good, false=false)
    shutil.rmtree(out, ignore_errors=True)
    tally.check(part)


def judge(ended: Ended, out: Path, case: Case, where: str, what: str) -> tuple[bool, bool]:
    """Return whether all went as promised, and whether a result is shown that is none."""
    written = "".join(path.read_text(errors="replace") for path in out.rglob("*") if path.is_file())
    kept = SECRET not in ended.out + ended.err + written and "\x1b" not in ended.out + ended.err
    named = what in HARMLESS or "'trouble'" in ended.out + ended.err
    ran = case.command[0] == "run"
    whole = bool(ended.out) if not ran else len([name for name in content(out) if "/scores/" in name]) == 2
    return ended.status in right_statuses(where, what) and kept and named, ended.status == 0 and not whole
