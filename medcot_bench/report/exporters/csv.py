"""The scores as CSV: one line per training run, evaluation task and metric."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.format import one_line
from medcot_bench.results.folder import Results
from medcot_bench.results.score_lines import COLUMNS

FORMULA = tuple("=+-@＝＋－＠")
"""What begins a formula, the wide forms too, which spreadsheets take for the same where input is East Asian."""


class Csv:
    """The exporter plugin."""

    suffix = ".csv"

    def export_runs(self, results: Results) -> str:
        """Return the whole file."""
        return write_csv(COLUMNS, results.score_lines())


def write_csv(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """Return a file with a header; what a line lacks, or has as None, is empty."""
    output = io.StringIO()
    writer = csv.DictWriter(output, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in line.items()} for line in lines)
    return output.getvalue()


def _safe(value: Any) -> Any:
    """Keep a string in one line, and from being run as a formula (OWASP ASVS 1.2.10); numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text


@hookimpl
def medcot_make_exporter(name: str) -> Csv:
    """Build the exporter."""
    return Csv()
