"""Conformance checks of an exporter plugin of the records in one file, to subclass in its tests."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from medcot_bench.interfaces import RunsExporter
from medcot_bench.plugins.manager import installed
from medcot_bench.testing.example_results import folders, whole_results, with_method, with_other_scores
from medcot_bench.testing.exporters import HOSTILE, alike_suffixes, fault_of


class RunsExporterChecks:
    """What holds for every exporter of the records in one file. Name it in a subclass, and every check runs:

    class TestCsv(RunsExporterChecks):
        name = "csv"
    """

    name: str
    """The exporter as typed after `--format`, e.g. `csv`."""

    @pytest.fixture
    def exporter(self) -> RunsExporter:
        """Return the exporter to check."""
        return self.make()

    def make(self) -> RunsExporter:
        """Build the exporter that `name` says; overridden where it isn't installed."""
        made = installed().make_exporter(self.name)
        assert isinstance(made, RunsExporter), "a format of the leaderboard has ExporterChecks"
        return made

    @pytest.fixture
    def texts(self, exporter: RunsExporter) -> Mapping[str, str]:
        """Return what the exporter makes of results of every kind: without scores, models or cells too."""
        return {kind: exporter.export_runs(results) for kind, results in folders().items()}

    def test_suffix_is_the_end_of_a_file_name(self, exporter: RunsExporter) -> None:
        """The suffix has its dot, is no path, and belongs to no other installed exporter."""
        assert isinstance(exporter, RunsExporter), (
            f"{type(exporter).__name__} is missing a method of such an exporter"
        )
        suffix = exporter.suffix
        assert re.fullmatch(r"(\.[A-Za-z0-9_-]+)+", suffix), f"suffix is {suffix!r}; write one like '.csv'"
        alike = alike_suffixes(exporter)
        assert not alike, f"leaderboard{suffix} is also the file of {', '.join(alike)}"

    def test_exports_text_whatever_is_missing(self, exporter: RunsExporter, texts: Mapping[str, str]) -> None:
        """Every kind of results becomes a text that can be written as UTF-8, ends its last line and is whole."""
        for kind, text in texts.items():
            assert isinstance(text, str), f"{kind}: export_runs() gives a {type(text).__name__}, not a str"
            text.encode()
            assert not text or text.endswith("\n"), f"{kind}: the last line has no end"
            if fault := fault_of(exporter.suffix, text):
                pytest.fail(f"{kind}: {fault}")

    def test_is_deterministic(self, exporter: RunsExporter, texts: Mapping[str, str]) -> None:
        """Equal results give equal text, from this object and from another one."""
        for kind, results in folders().items():
            assert exporter.export_runs(results) == texts[kind], f"{kind}: another text the second time"
            assert self.make().export_runs(results) == texts[kind], f"{kind}: another text from another object"

    def test_leaves_the_results_as_they_are(self, exporter: RunsExporter) -> None:
        """What other exporters are given after it is the same."""
        results = whole_results()
        exporter.export_runs(results)
        assert results == whole_results(), "export_runs() changes the results"

    def test_every_row_is_in_it(self, exporter: RunsExporter, texts: Mapping[str, str]) -> None:
        """Other scores of any row, prompting baselines among them, give another text."""
        whole = whole_results()
        for number, cell in enumerate(whole.cells):
            changed = exporter.export_runs(with_other_scores(whole, number))
            assert changed != texts["whole"], f"another score of {cell.row} makes no difference"

    def test_keeps_every_text_in_its_place(self, exporter: RunsExporter) -> None:
        """No name of a method breaks the file, begins a line of its own, or does something."""
        for hostile in HOSTILE:
            text = exporter.export_runs(with_method(whole_results(), hostile))
            text.encode()
            stray = [line for line in re.split(r"[\n\r]", text) if line.startswith("SECOND")]
            assert not stray, "what follows a line break begins a line of the file"
            if fault := fault_of(exporter.suffix, text):
                pytest.fail(f"{hostile[:20]!r}: {fault}")
