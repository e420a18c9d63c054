"""`medcot-bench list`: every plugin, what it is and where it comes from, and the presets."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from medcot_bench.plugins.descriptions import describe
from medcot_bench.plugins.entries import KINDS
from medcot_bench.plugins.manager import installed
from medcot_bench.report.blocks import Table
from medcot_bench.report.terminal import draw_table, wrap
from medcot_bench.study import presets
from medcot_bench.version import __version__


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "list",
        help="list tasks, adapters, selectors, engines, exporters and presets",
        description="List the presets and every plugin: what it is, and where it comes from. Imports no plugin.",
        allow_abbrev=False,
    )
    kinds = [*(f"{kind}s" for kind in KINDS), "presets"]
    command.add_argument("kind", nargs="?", choices=kinds, help="only these")
    command.add_argument("--json", action="store_true", help="as a JSON list")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the list."""
    entries = [entry for entry in installed().entries if options.kind in (None, f"{entry.kind}s")]
    studies = presets.names() if options.kind in (None, "presets") else []
    if options.json:
        own = {"kind": "preset", "distribution": "medcot-bench", "version": __version__}
        found = [asdict(entry) | {"description": describe(entry)} for entry in entries]
        found += [{**own, "name": name, "description": presets.description(name)} for name in studies]
        print(json.dumps(found, indent=1))
        return 0
    offers = Counter((entry.kind, entry.name) for entry in entries)
    rows = [
        [
            entry.kind,
            entry.name,
            "name conflict: block one" if offers[entry.kind, entry.name] > 1 else describe(entry),
            f"{entry.distribution} {entry.version}",
        ]
        for entry in entries
    ]
    rows += [["preset", name, presets.description(name), f"medcot-bench {__version__}"] for name in studies]
    headers = ["kind", "name", "description", "from"]
    owners = {row[-1] for row in rows}
    if len(owners) == 1:
        print(f"from {owners.pop()}:")
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    print(draw_table(Table(headers, rows)))
    if options.kind in (None, "tasks"):
        print(wrap("and every task of lm-eval to score on: --eval-tasks lm_eval:NAME or lm_eval:./FILE.yaml"))
    return 0
