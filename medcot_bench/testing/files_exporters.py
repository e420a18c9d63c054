"""Conformance checks of an exporter plugin of several files, to subclass in its tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import pytest

from medcot_bench.interfaces import FilesExporter
from medcot_bench.plugins.manager import installed
from medcot_bench.testing.example_results import folders, whole_results, with_other_scores
from medcot_bench.testing.exporters import others

Files = Mapping[str, str]
RECORDS = "cells"
"""The folder that holds the records."""


class FilesExporterChecks:
    """What holds for every exporter of several files. Name it in a subclass, and every check runs:

    class TestLmEval(FilesExporterChecks):
        name = "lm-eval"
    """

    name: str
    """The exporter as typed after `--format`, e.g. `lm-eval`."""

    @pytest.fixture
    def exporter(self) -> FilesExporter:
        """Return the exporter to check."""
        return self.make()

    def make(self) -> FilesExporter:
        """Build the exporter that `name` says; overridden where it isn't installed."""
        made = installed().make_exporter(self.name)
        assert isinstance(made, FilesExporter), "a format of one file has ExporterChecks"
        return made

    @pytest.fixture
    def made(self, exporter: FilesExporter) -> Mapping[str, Files]:
        """Return what the exporter makes of results of every kind: without scores, models or cells too."""
        return {kind: exporter.files(results) for kind, results in folders().items()}

    def test_has_a_folder_of_its_own(self, exporter: FilesExporter) -> None:
        """The folder is a plain name, none of the result folder's own, and no other installed exporter's."""
        assert isinstance(exporter, FilesExporter), (
            f"{type(exporter).__name__} is missing a method of such an exporter"
        )
        folder = exporter.folder
        assert _inside(folder), f"folder is {folder!r}; write one like 'lm_eval'"
        assert len(PurePosixPath(folder).parts) == 1, f"folder is {folder!r}; write one name"
        assert folder != RECORDS, f"{folder}/ holds the records"
        alike = [
            name
            for name, other in others(FilesExporter)  # type: ignore[type-abstract]  # it asks isinstance alone
            if other.folder == folder and not isinstance(exporter, type(other))
        ]
        assert not alike, f"{folder}/ is also the folder of {', '.join(alike)}"

    def test_paths_stay_in_the_folder(self, made: Mapping[str, Files]) -> None:
        """Every path is relative, and leads to no place outside."""
        for kind, files in made.items():
            for path in files:
                assert _inside(path), f"{kind}: the path {path!r} is not within the folder"

    def test_files_are_text(self, made: Mapping[str, Files]) -> None:
        """Every file is a text that can be written as UTF-8."""
        for kind, files in made.items():
            for path, text in files.items():
                assert isinstance(text, str), f"{kind}: {path} is a {type(text).__name__}, not a str"
                text.encode()

    def test_is_deterministic(self, exporter: FilesExporter, made: Mapping[str, Files]) -> None:
        """Equal results give equal files, from this object and from another one."""
        for kind, results in folders().items():
            assert exporter.files(results) == made[kind], f"{kind}: other files the second time"
            assert self.make().files(results) == made[kind], f"{kind}: other files from another object"

    def test_leaves_the_results_as_they_are(self, exporter: FilesExporter) -> None:
        """What other exporters are given after it is the same."""
        results = whole_results()
        exporter.files(results)
        assert results == whole_results(), "files() changes the results"

    def test_every_row_is_in_it(self, exporter: FilesExporter, made: Mapping[str, Files]) -> None:
        """Other scores of any row, prompting baselines among them, give other files."""
        whole = whole_results()
        for number, cell in enumerate(whole.cells):
            changed = exporter.files(with_other_scores(whole, number))
            assert changed != made["whole"], f"another score of {cell.row} makes no difference"


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not PurePosixPath(path).is_absolute()
