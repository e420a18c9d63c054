"""`python -m medcot_bench.worker`: do one job, and tell what happens as lines of JSON.

The job comes on standard input, events go to standard output, and the worker ends when its parent is gone. With
--job and --events both are files, and it outlives whoever started it. What stands in them: runner/protocol.py and
runner/events.py.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from medcot_bench.errors import MedcotError
from medcot_bench.runner.events import Fatal
from medcot_bench.runner.pipes import lines_to_parent
from medcot_bench.runner.protocol import Examine, Job, Merge, Predict, RunCells
from medcot_bench.security.foreign_text import LINE, make_visible, shorten
from medcot_bench.security.secrets import scrub
from medcot_bench.text import encodable
from medcot_bench.worker.environment import set_environment
from medcot_bench.worker.io import Emit, events_to_file, job_of_file, job_of_parent, writer


def main(arguments: Sequence[str] | None = None) -> int:
    """Do a job; return the exit status. An expected error is the last event, and with files also one line."""
    parser = argparse.ArgumentParser(
        prog="python -m medcot_bench.worker", description="Do one job of medcot-bench.", allow_abbrev=False
    )
    parser.add_argument("--job", type=Path, metavar="JOB.json", help="default: a line on standard input")
    parser.add_argument("--events", type=Path, metavar="EVENTS.jsonl", help="a new file, with --job")
    options = parser.parse_args(arguments)
    if (options.job is None) != (options.events is None):
        parser.error("--job and --events go together")
    try:
        with events_to_file(options.events) if options.events else lines_to_parent() as events:
            return _serve(options.job, writer(events))
    except MedcotError as error:
        if options.events:
            print(make_visible(f"{parser.prog}: {shorten(str(error), LINE)}"), file=sys.stderr)
        return error.exit_code


def _serve(path: Path | None, emit: Emit) -> int:
    try:
        return _do(job_of_file(path) if path else job_of_parent(), emit)
    except MedcotError as error:
        emit(Fatal(message=scrub(encodable(str(error))), exit_code=error.exit_code))
        raise


def _do(job: Job, emit: Emit) -> int:
    threads = set_environment(job)
    # Only now, since libraries read the environment when they are imported.
    import torch

    torch.set_num_threads(threads)
    match job.work:
        case RunCells() as work:
            from medcot_bench.worker.run_cells import run_cells

            return run_cells(work, threads, emit)
        case Predict() as work:
            from medcot_bench.worker.predict import predict

            return predict(work, emit)
        case Merge() as work:
            from medcot_bench.worker.merge import merge

            return merge(work, emit)
        case Examine() as work:
            from medcot_bench.worker.examine import examine

            return examine(work, emit)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that a KeyboardInterrupt is one that some code raised
    sys.exit(main())
