"""A package `acme` whose task `troubled` does something wrong at a chosen place; found without installing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from textwrap import dedent, indent

import psutil

PLACES = ("imported", "made", "examples", "prompt", "score", "skip", "finished", "export")
TASK = """
import ctypes, os, signal, subprocess, sys, time
from dataclasses import replace
from medcot_bench import hookimpl
from medcot_tasks.kubernetes.k8s_qa import K8sQA

IN_WORKER = "worker" in sys.argv[0]
{imported}

class Troubled(K8sQA):
    def __init__(self, **options):
        super().__init__(**options)
        self.spec = replace(self.spec, name="troubled")

    def examples(self, split):
{examples}
        return super().examples(split)

    def prompt(self, example, template):
{prompt}
        return super().prompt(example, template)

    def score(self, example, completion):
{score}
        return super().score(example, completion)

@hookimpl
def medcot_make_task(name, options):
{made}
    return Troubled(**options)
"""
OBSERVER = """
import os, time
from medcot_bench import hookimpl

@hookimpl
def medcot_skip_cell(cell):
{skip}

@hookimpl
def medcot_cell_finished(record):
{finished}
"""
EXPORTER = """
import os, time
from medcot_bench import hookimpl

class Troubled:
    suffix = ".txt"

    def export(self, leaderboard):
{export}
        return "a table"

@hookimpl
def medcot_make_exporter(name):
    return Troubled()
"""


def install(folder: Path, **code: str) -> Path:
    """Write the package into a folder, for PYTHONPATH; `code` is what happens at which place."""
    assert set(code) <= {*PLACES}
    depth = {"imported": 0, "examples": 8, "prompt": 8, "score": 8, "export": 8}
    parts = {place: indent(dedent(code.get(place, "pass")), " " * depth.get(place, 4)) for place in PLACES}
    metadata = folder / "acme-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    points = "[medcot_bench.tasks]\ntroubled = acme_task\n"
    if {"skip", "finished"} & set(code):
        points += "[medcot_bench.plugins]\nwatcher = acme_observer\n"
    if "export" in code:
        points += "[medcot_bench.exporters]\ntroubled = acme_exporter\n"
    (metadata / "entry_points.txt").write_text(points)
    (folder / "acme_task.py").write_text(TASK.format(**parts))
    (folder / "acme_observer.py").write_text(OBSERVER.format(**parts))
    (folder / "acme_exporter.py").write_text(EXPORTER.format(**parts))
    return folder


def strays(folder: Path) -> list[psutil.Process]:
    """Return the processes that were started with the package of this folder and are still there."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PYTHONPATH") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_strays(folder: Path) -> None:
    """End what plugins have left behind, in whatever session."""
    found = strays(folder)
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=30)
