"""The command line: argparse, a file a command."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from medcot_bench.cli import (
    compare,
    completion,
    doctor,
    export,
    init,
    listing,
    merge,
    plan,
    predict,
    run,
    schema,
    show,
    validate,
    verify,
)
from medcot_bench.cli.parser import Parser
from medcot_bench.cli.termination import interruptible
from medcot_bench.errors import INTERRUPTED, SOME_FAILED, TERMINATED, ConfigErrors, MedcotError, Terminated
from medcot_bench.runner.pipes import close_stdin
from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.security.hub_code import hide_kernels
from medcot_bench.security.terminal import make_output_safe, safe_output
from medcot_bench.text import counted
from medcot_bench.version import __version__

MOST_ERRORS = 100
"""Lines of errors that are printed."""
EPILOG = """\
examples:
  medcot-bench run                        (the preset "quick": a first comparison)
  medcot-bench list
  medcot-bench show k8s_qa
  medcot-bench run --tasks k8s_qa --eval-tasks manuals_qa --adapters none,full,lora,layer_lora \\
      --data k8s_qa=file:k8s.jsonl --data manuals_qa=file:manuals.jsonl -o out
  medcot-bench run study.yaml --seeds 0,1,2
  medcot-bench compare out --baseline full
  medcot-bench compare out --require "manuals_qa.answer >= none"
  medcot-bench export out --format md,csv
  medcot-bench verify out
  medcot-bench doctor -o out
  medcot-bench predict out lora__s0 "Which port does the Service expose?" --context-file service.yaml
  medcot-bench merge out lora__s0 model

exit status: 0 all done, 1 some runs failed or are missing, 2 wrong usage or study, 3 folder in use or unreadable,
130 interrupted (Ctrl-C), 143 terminated (SIGTERM).
A benchmark of fine-tuning methods. Not for clinical use."""


COMMANDS: tuple[Any, ...] = (
    *(run, plan, validate, init, schema, listing, show),
    *(compare, export, verify, predict, merge, doctor, completion),
)
"""In the order of `--help`."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole program."""
    program = Parser(
        prog="medcot-bench",
        description="Fine-tune one language model with every adapter on every task, score each through lm-eval, "
        "and export the leaderboard.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    program.add_argument("--version", action="version", version=f"medcot-bench {__version__}")
    commands = program.add_subparsers(dest="command", metavar="command", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status. An expected error is one line each on standard error."""
    with safe_output():
        return _execute(arguments)


def _execute(arguments: Sequence[str] | None) -> int:
    try:
        with interruptible():
            options = parser().parse_args(arguments)
            status: int = options.execute(options)
            sys.stdout.flush()
        return status
    except MedcotError as error:
        lines = error.errors if isinstance(error, ConfigErrors) else [str(error)]
        for line in lines[:MOST_ERRORS]:
            print(f"medcot-bench: {shorten(line, LINE)}", file=sys.stderr)
        if len(lines) > MOST_ERRORS:
            print(f"medcot-bench: and {counted(len(lines) - MOST_ERRORS, 'more error')}", file=sys.stderr)
        return error.exit_code
    except MemoryError as error:
        where = f" ({shorten(str(error))})" if str(error) else ""
        print(f"medcot-bench: out of memory{where}; nothing finished is lost", file=sys.stderr)
        return SOME_FAILED
    except KeyboardInterrupt as error:
        terminated = isinstance(error, Terminated)
        how = "terminated" if terminated else "interrupted"
        print(f"medcot-bench: {how}; the same command goes on where it stopped", file=sys.stderr)
        return TERMINATED if terminated else INTERRUPTED


def console_main() -> None:
    """Run the program as a console script. A closed pipe (`| head`) is no error."""
    make_output_safe()  # also for tracebacks
    hide_kernels()
    if sys.argv[1:2] != ["predict"]:  # which may read its question there
        close_stdin()  # a plugin that asks would wait for ever
    warnings.showwarning = lambda message, *_, **__: print(f"medcot-bench: warning: {message}", file=sys.stderr)
    try:
        sys.exit(main())
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
