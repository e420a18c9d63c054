"""What a run shows: bars with an ETA on a terminal, one line an event elsewhere, JSON lines on request."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from medcot_bench.report.format import duration
from medcot_bench.report.notes import write_left_out_baseline
from medcot_bench.results.metrics import metric_name
from medcot_bench.results.plan_file import LeftOutBaseline

Listener = Callable[[Mapping[str, Any]], None]
Print = Callable[[str], None]


@contextmanager
def choose_listener(options: argparse.Namespace) -> Iterator[Listener]:
    """Give the listener that the flags and the terminal ask for."""
    if options.json:
        yield lambda event: None if event["event"] == "log" else print(json.dumps(event), flush=True)
    elif options.quiet:
        yield lambda event: _failure(event, lambda line: print(line, file=sys.stderr))
    elif sys.stdout.isatty():
        with _bars(options.verbose) as listener:
            yield listener
    else:
        yield Lines(lambda line: print(line, flush=True), options.verbose)


def say_on_terminal(text: str) -> None:
    """Tell who waits at a terminal what takes a while; say nothing to scripts."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


class Lines:
    """One line for every event that a reader of a log wants."""

    def __init__(self, write: Print, verbose: bool):
        self._write = write
        self._verbose = verbose
        self._total = self._number = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Write what `event` has for a reader."""
        kind = event["event"]
        if kind == "planned":
            self._total, self._number = event["to_run"], 0
            what = "trainings that try learning rates" if event["stage"] == "trials" else "cells"
            self._write(f"plan: {event['cells']} {what}, {event['to_run']} to run, into {event['output_dir']}")
            left_out = [LeftOutBaseline(**one) for one in event["left_out_baselines"]]
            for note in [*event["notes"], *map(write_left_out_baseline, left_out)]:
                self._write(f"note: {note}")
        elif kind == "cell_started":
            self._number += 1
            self._write(f"[{self._number}/{self._total}] {event['title']}{left(event)}")
        elif kind == "trained" and event["steps"]:
            self._write(
                f"    trained {event['steps']} steps in {event['seconds']:.0f} s, loss {event['loss']:.3f}"
            )
        elif kind == "scored":
            shown = ", ".join(
                f"{name} {event['results'][f'{name},none']:.3f}"
                for name in ("answer", "gold_nll", "rouge_l")
                if f"{name},none" in event["results"]
            ) or ", ".join(f"{metric_name(key)} {value:.3f}" for key, value in [*event["results"].items()][:3])
            marks = "".join(f"; {mark}" for mark in event["marks"])
            self._write(f"    scored on {event['task']} in {event['seconds']:.0f} s: {shown}{marks}")
        elif kind == "log" and self._verbose:
            print(event["line"], file=sys.stderr)
        elif kind == "skipped":
            self._write(f"    skipped {event['title']}: {event['reason']}")
        else:
            _failure(event, self._write)


def left(event: Mapping[str, Any]) -> str:
    """Write how long the run will still take, nothing while that isn't known.

    >>> left({"eta_s": 8000}), left({"eta_s": 50}), left({})
    (' (2 h 13 min left)', ' (50 s left)', '')
    """
    seconds = event.get("eta_s")
    if seconds is None:
        return ""
    return f" ({duration(seconds)} left)"


def _failure(event: Mapping[str, Any], write: Print) -> None:
    if event["event"] == "failed":
        where = f", scoring {event['task']}" if event["task"] else ""
        write(f"    {event['status']}: {event['title']}{where}: {event['error']} (log: {event['log']})")


@contextmanager
def _bars(verbose: bool) -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(highlight=False)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
    )
    lines = Lines(lambda line: progress.console.print(line, markup=False), verbose)
    with progress:
        cells = progress.add_task("cells", total=None, left="")
        phase = progress.add_task("starting", total=None, left="")

        def listen(event: Mapping[str, Any]) -> None:
            lines(event)
            if "eta_s" in event:
                progress.update(cells, left=left(event).strip(" ()"))
            kind = event["event"]
            if kind == "planned":
                progress.update(cells, total=event["to_run"], completed=0)
            elif kind == "cell_finished":
                progress.advance(cells)
            elif kind == "phase":
                what = f"{event['phase']} {event.get('task', '')}".strip()
                progress.reset(phase, total=event.get("total"), description=what)
            elif kind == "progress":
                progress.update(phase, completed=event["done"], total=event["total"])

        yield listen
