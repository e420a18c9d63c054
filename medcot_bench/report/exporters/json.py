"""The leaderboard as JSON, whole."""

from __future__ import annotations

import dataclasses
import json

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.results.leaderboard import Leaderboard


class Json:
    """The exporter plugin."""

    suffix = ".json"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        return json.dumps(dataclasses.asdict(leaderboard), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@hookimpl
def medcot_make_exporter(name: str) -> Json:
    """Build the exporter."""
    return Json()
