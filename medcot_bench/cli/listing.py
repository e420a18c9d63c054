"""`medcot-bench list`: every plugin with the distribution it comes from. Imports none of them."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from medcot_bench.plugins import KINDS, installed


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "list",
        help="list tasks, adapters, selectors and exporters",
        description="List every plugin and the distribution it comes from. No plugin is imported.",
        allow_abbrev=False,
    )
    command.add_argument("kind", nargs="?", choices=[f"{kind}s" for kind in KINDS], help="only these")
    command.add_argument("--json", action="store_true", help="as a JSON list")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the list."""
    entries = [entry for entry in installed().entries if options.kind in (None, f"{entry.kind}s")]
    if options.json:
        print(json.dumps([asdict(entry) for entry in entries], indent=1))
        return 0
    offers = Counter((entry.kind, entry.name) for entry in entries)
    rows = [
        [
            entry.kind,
            entry.name,
            f"{entry.distribution} {entry.version}",
            "offered twice: unusable until one is hidden" if offers[entry.kind, entry.name] > 1 else "",
        ]
        for entry in entries
    ]
    print(tabulate(rows, ["kind", "name", "from", ""], disable_numparse=True))
    return 0
