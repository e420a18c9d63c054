"""What a run shows: bars with an ETA on a terminal, one line per event elsewhere, JSON lines on request."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from medcot_bench.report.format import duration
from medcot_bench.report.notes import write_left_out_baseline
from medcot_bench.report.precision import write_precision
from medcot_bench.results.metrics import metric_name
from medcot_bench.runner.events import (
    CellFinished,
    CellStarted,
    Failed,
    Measuring,
    Noted,
    PhaseStarted,
    Progress,
    Resumed,
    Scored,
    Trained,
)
from medcot_bench.runner.notices import Listener, LogLine, Looked, Notice, Planned, Restarted, Skipped
from medcot_bench.security.foreign_text import make_visible
from medcot_bench.security.secrets import scrub
from medcot_bench.security.terminal import drawing_stream
from medcot_bench.text import counted

Print = Callable[[str], None]
DOING = {"train": "training", "restore": "loading", "score": "scoring", "answer": "answering", "merge": "merging"}
"""Phase of a run -> what its bar says."""
MEASURING = "measuring drift"
BAR = 16
"""Columns of a bar: with all that stands beside it a line fits 80."""
SHOWN = ("answer", "gold_nll", "rouge_l")
"""Scores that a line shows, of those that a task has."""


@contextmanager
def choose_listener(options: argparse.Namespace) -> Iterator[Listener]:
    """Give the listener that the flags and the terminal ask for."""
    if options.json:
        yield print_json
    elif options.quiet:
        yield print_failure
    elif sys.stdout.isatty():
        with _bars(options.verbose) as listener:
            yield listener
    else:
        yield Lines(lambda line: print(line, flush=True), options.verbose)


def print_json(notice: Notice) -> None:
    """Print what happens as a line of JSON; what libraries write is none of it."""
    if not isinstance(notice.event, LogLine):
        print(notice.json, flush=True)


def print_failure(notice: Notice) -> None:
    """Print what failed to standard error, and nothing else."""
    if isinstance(notice.event, Failed):
        print(_failure(notice.event, notice.title), file=sys.stderr)


def say_on_terminal(text: str) -> None:
    """Tell who waits at a terminal what takes a while; say nothing to scripts."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def say_phase(phase: PhaseStarted) -> None:
    """Tell who waits at a terminal what a worker does now that its model is loaded."""
    if phase.phase != "restore":
        say_on_terminal(f"{_doing(phase)} ...")


def _doing(phase: PhaseStarted) -> str:
    return make_visible(f"{DOING[phase.phase]} {phase.task or ''}".strip())


class Lines:
    """One line for every event that a reader of a log wants; `timed` has them say how long the run still takes."""

    def __init__(self, write: Print, verbose: bool, *, timed: bool = True):
        self._print = write
        self._verbose = verbose
        self._timed = timed
        self._total = self._number = 0

    def _write(self, line: str) -> None:
        self._print(make_visible(scrub(line)))

    def __call__(self, notice: Notice) -> None:
        """Write what `notice` has for a reader."""
        match notice.event:
            case Planned() as event:
                self._total, self._number = event.to_run, 0
                what = "runs that try learning rates" if event.stage == "trials" else "runs"
                self._write(f"plan: {event.cells} {what}, {event.to_run} to do, into {event.output_dir}")
                for note in (*event.notes, *map(write_left_out_baseline, event.left_out_baselines)):
                    self._write(f"note: {note}")
                for fact in event.facts:
                    self._write(f"data: {fact}")
            case CellStarted():
                self._number += 1
                left = time_left(notice.eta_s if self._timed else None)
                self._write(f"[{self._number}/{self._total}] {notice.title}{left}")
            case PhaseStarted(reason=str(reason)):
                self._write(f"    {reason}: training again")
            case Resumed(step=step, steps=steps):
                self._write(f"    goes on from step {step} of {steps}")
            case Noted(text=text):
                self._write(f"    note: {text}")
            case Trained(steps=steps, loss=loss, seconds=seconds) if steps and loss is not None:
                self._write(f"    trained {counted(steps, 'step')} in {seconds:.0f} s, loss {loss:.3f}")
            case Scored() as event:
                marks = "".join(f"; {mark}" for mark in event.marks)
                scores = _scores(event.results)
                self._write(f"    scored on {event.task} in {event.seconds:.0f} s: {scores}{marks}")
            case LogLine(line=line) if self._verbose:
                print(make_visible(scrub(line)), file=sys.stderr)  # on a terminal the bars take it
            case Skipped(reason=reason):
                self._write(f"    skipped {notice.title}: {reason}")
            case Looked(precision=precision):
                self._write(write_precision(precision))
            case Restarted(reason=reason):
                self._write(f"note: {reason}; another worker goes on")
            case Failed() as event:
                self._write(f"    {_failure(event, notice.title)}")


def time_left(seconds: int | None) -> str:
    """Write how long the run will still take, nothing while that isn't known.

    >>> time_left(8000), time_left(50), time_left(None)
    (' (2 h 13 min left)', ' (50 s left)', '')
    """
    return "" if seconds is None else f" ({duration(seconds)} left)"


def _scores(results: Mapping[str, float]) -> str:
    """Write the scores that matter most, or the first ones of a task of lm-eval."""
    known = {name: results[f"{name},none"] for name in SHOWN if f"{name},none" in results}
    first = {metric_name(key): value for key, value in [*results.items()][:3]}
    return ", ".join(f"{name} {value:.3f}" for name, value in (known or first).items())


def _failure(event: Failed, title: str | None) -> str:
    where = f", scoring {event.task}" if event.task else ""
    return f"{event.status}: {title}{where}: {event.error} (log: {event.log})"


def _pace(event: Progress, speed: float | None) -> str:
    """Write the loss of a step, and how many steps, likelihoods or answers come in a second."""
    loss = [] if event.loss is None else [f"loss {event.loss:.3f}"]
    return ", ".join([*loss, *([f"{speed:.2g} {event.unit}s/s"] if speed else [])])


@contextmanager
def _bars(verbose: bool) -> Iterator[Listener]:
    from rich import progress as rich
    from rich.console import Console

    console = Console(file=drawing_stream(), highlight=False)
    bars = rich.Progress(
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(BAR),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TextColumn("{task.fields[more]}", markup=False),
        console=console,
        transient=True,
    )
    lines = Lines(lambda line: bars.console.print(line, markup=False), verbose, timed=False)
    with bars:
        runs = bars.add_task("runs", total=None, more="")
        phase = bars.add_task("loading", total=None, more="")
        doing = said = "loading"

        def show(what: str) -> None:
            nonlocal phase, said
            if what != said:
                bars.remove_task(phase)  # a bar that is reset would keep its total
                phase, said = bars.add_task(what, total=None, more=""), what

        def listen(notice: Notice) -> None:
            nonlocal doing, said
            lines(notice)
            if not isinstance(notice.event, LogLine):
                bars.update(runs, more=time_left(notice.eta_s).strip(" ()"))
            match notice.event:
                case Planned(to_run=to_run):
                    bars.update(runs, total=to_run, completed=0)
                case CellFinished() | Skipped():
                    bars.advance(runs)
                case PhaseStarted() as event:
                    doing, said = _doing(event), ""
                    show(doing)
                case Measuring():
                    show(MEASURING)
                case Progress() as event:
                    show(doing.replace(DOING["score"], DOING["answer"]) if event.unit == "answer" else doing)
                    bars.update(phase, completed=event.done, total=event.total)
                    bars.update(phase, more=_pace(event, bars.tasks[-1].speed))

        yield listen
