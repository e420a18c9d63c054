"""`medcot-bench init`: write the study file of a preset, for editing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from medcot_bench.errors import ConfigError
from medcot_bench.study import presets
from medcot_bench.study.paths import read_path


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "init",
        help="write a preset's study file, for editing",
        description="Write the study file of a preset. `medcot-bench run FILE` runs it; docs/study.md explains "
        "its fields.",
        allow_abbrev=False,
    )
    command.add_argument("file", nargs="?", type=read_path, default=Path("study.yaml"), help="default study.yaml")
    command.add_argument(
        "--preset", default=presets.DEFAULT, metavar="NAME", help=f"one of {', '.join(presets.names())}"
    )
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Write the file; return the exit status. An existing file is never overwritten."""
    content = presets.path_of(options.preset).read_text(encoding="utf-8")
    try:
        with options.file.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise ConfigError(f"{options.file} already exists; choose another file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ConfigError(f"can't write {options.file}: {getattr(error, 'strerror', error)}") from None
    print(f"{options.file} written; edit it, then run: medcot-bench run {options.file}")
    return 0
