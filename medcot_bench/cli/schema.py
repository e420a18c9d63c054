"""`medcot-bench config-schema`: the fields of a study file as JSON Schema, for editors."""

from __future__ import annotations

import argparse
import json
from typing import Any

from medcot_bench.study.schema import Study


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "config-schema",
        help="print the JSON Schema of a study file",
        description="Print the JSON Schema of a study file, with which editors check and complete study files.",
        allow_abbrev=False,
    )
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the schema; return the exit status."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    print(json.dumps(schema, indent=1))
    return 0
