"""The leaderboard as JSON, whole, with the sentences that the documents have."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.answer import write_answer
from medcot_bench.report.headline import write_headline
from medcot_bench.report.notes import write_notes
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.results.leaderboard import Leaderboard


class Json:
    """The exporter plugin."""

    suffix = ".json"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        answer = _fields(write_headline(leaderboard)) | _fields(write_answer(leaderboard))
        answer["recommendations"] = [" ".join(write_recommendation(one)) for one in leaderboard.recommendations]
        content = _fields(leaderboard) | {"answer": answer, "notes": write_notes(leaderboard)}
        written = io.StringIO()  # json.dumps would hold the pieces of a large study all at once
        json.dump(content, written, indent=1, ensure_ascii=False, allow_nan=False, default=_fields)
        return f"{written.getvalue()}\n"


def _fields(record: Any) -> dict[str, Any]:
    """Return the fields of a record, those within it as they are; `dataclasses.asdict` would copy it all.

    Fields that its repr leaves out are for computing on, and stay out.
    """
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record) if field.repr}


@hookimpl
def medcot_make_exporter(name: str) -> Json:
    """Build the exporter."""
    return Json()
