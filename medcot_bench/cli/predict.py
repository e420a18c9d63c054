"""`medcot-bench predict DIR RUN QUESTION`: what a trained model answers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from medcot_bench.cli.progress import say_on_terminal, say_phase
from medcot_bench.cli.supervision_arguments import read_timeout
from medcot_bench.cli.trained_arguments import add_trained_arguments, find_trained
from medcot_bench.errors import ConfigError
from medcot_bench.runner.answer import answer_of
from medcot_bench.runner.events import Answered
from medcot_bench.runner.protocol import Job, Predict
from medcot_bench.security.regular_files import check_regular
from medcot_bench.study.paths import read_path
from medcot_bench.trained.question import ask


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "predict",
        help="ask a trained model a question",
        description="Ask the model of a finished run a question: in the prompt that it was trained and scored "
        "with, answered greedily. Not for clinical use.",
        allow_abbrev=False,
    )
    add_trained_arguments(command)
    command.add_argument("question", metavar="QUESTION", help="the question; - reads it from standard input")
    command.add_argument(
        "--task", metavar="NAME", help="ask by this task of the study (default: the one trained on)"
    )
    given = command.add_mutually_exclusive_group()
    given.add_argument("--context", metavar="TEXT", help="the text that the question is about")
    given.add_argument("--context-file", type=read_path, metavar="FILE", help="the same from a file")
    command.add_argument(
        "--option", action="append", default=[], metavar="LETTER=TEXT", help="an option of the answer; repeatable"
    )
    command.add_argument("--base", action="store_true", help="ask the base model instead")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the answer; return the exit status."""
    timeouts = read_timeout(options)
    trained = find_trained(
        options.folder, options.cell, timeouts.plan, task=options.task, weights=not options.base
    )
    task = trained.task(options.task)
    question = _read_stdin() if options.question == "-" else options.question
    context = _read(options.context_file) if options.context_file else options.context
    job = Job(
        work=Predict(
            root=str(options.folder),
            cell=trained.name,
            task=task.label,
            example=ask(task, question, context, _options(options.option)),
            base=options.base,
            model=options.model,
            device=options.device,
        ),
        threads=trained.study.threads,
        offline=not trained.of_hub,
    )
    say_on_terminal(f"loading {'the base of ' if options.base else ''}{trained.name} to answer ...")
    text = answer_of(job, Answered, timeouts, on_phase=say_phase).text
    print(text)
    if not text:
        print("medcot-bench: the model wrote nothing", file=sys.stderr)
    if trained.retrained and not options.base:
        print(f"medcot-bench: {trained.retrained}", file=sys.stderr)
    return 0


def _read_stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"standard input: not {error.encoding} text; set PYTHONIOENCODING to its encoding"
        ) from None


def _read(file: Path) -> str:
    try:
        check_regular(file)
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise ConfigError(f"--context-file {file}: {reason}") from None


def _options(typed: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in typed:
        letter, equals, option = text.partition("=")
        if not (letter.strip() and equals and option.strip()):
            raise ConfigError(f"--option {text}: write LETTER=TEXT, e.g. A=aspirin")
        if letter.strip() in found:
            raise ConfigError(f"--option {text}: {letter.strip()} is given twice")
        found[letter.strip()] = option.strip()
    return found
