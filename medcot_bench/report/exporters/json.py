"""The leaderboard as JSON, whole, with the sentences that the documents have."""

from __future__ import annotations

import dataclasses
import json

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.headline import write_headline
from medcot_bench.report.notes import write_notes
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.results.leaderboard import Leaderboard


class Json:
    """The exporter plugin."""

    suffix = ".json"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        content = dataclasses.asdict(leaderboard) | {
            "answer": dataclasses.asdict(write_headline(leaderboard))
            | {"recommendations": [" ".join(write_recommendation(one)) for one in leaderboard.recommendations]},
            "notes": write_notes(leaderboard),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@hookimpl
def medcot_make_exporter(name: str) -> Json:
    """Build the exporter."""
    return Json()
