"""`medcot-bench completion SHELL`: a script that completes commands, flags and names of installed plugins."""

from __future__ import annotations

import argparse
from typing import Any

from medcot_bench.plugins.manager import installed
from medcot_bench.study import presets

SHELLS = ("bash", "zsh", "fish")


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "completion",
        help="print a completion script for bash, zsh or fish",
        description="Print a script that completes commands, flags, and the names of tasks, adapters, presets and "
        'formats that are installed. bash: put eval "$(medcot-bench completion bash)" into ~/.bashrc. zsh: write '
        "it to a file _medcot-bench in a folder of $fpath. fish: write it to "
        "~/.config/fish/completions/medcot-bench.fish.",
        allow_abbrev=False,
    )
    command.add_argument("shell", choices=SHELLS, help=", ".join(SHELLS))
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the script; return the exit status."""
    import shtab

    from medcot_bench.cli import parser  # which has this command

    program = parser()
    for command in _commands(program):
        for action in command._actions:
            if names := _names().get(action.dest):
                action.choices = names
    print(shtab.complete(program, options.shell))
    return 0


def _commands(program: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    groups = (action for action in program._actions if isinstance(action, argparse._SubParsersAction))
    return [command for group in groups for command in group.choices.values()]


def _names() -> dict[str, list[str]]:
    """Return destination of a flag -> the names that it takes."""
    plugins = installed()
    tasks = [entry.name for entry in plugins.of("task")]
    return {
        "tasks": tasks,
        "eval_tasks": tasks,
        "adapters": [entry.name for entry in plugins.of("adapter")],
        "preset": presets.names(),
        "format": [entry.name for entry in plugins.of("exporter")],
    }
