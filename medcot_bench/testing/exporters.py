"""Conformance checks of an exporter plugin on leaderboards of every kind, to subclass in its tests."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from medcot_bench.errors import PluginError
from medcot_bench.interfaces import Exporter, RunsExporter
from medcot_bench.plugins.manager import installed
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.testing.example_leaderboards import boards, places, whole

HOSTILE = (
    "=cmd()|'/C calc'!A0 <script>alert(1)</script> [x](javascript:y) ![i](u) `a|b` \\| &lt; \\input{/etc/passwd}",
    '@SUM(1) {} {0} %s %(x)s ${HOME} $(id) "\'""" --- ... # & _ ^ ~ \\ \x00 \x1b[31m \u202e \N{ZERO WIDTH SPACE}',
    "first\nSECOND\r\nSECOND\u2028SECOND",
    "",
)
"""Names, options, errors and paths as models, files and plugins may bring them. No line may begin with SECOND."""
T = TypeVar("T")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ExporterChecks:
    """What holds for every exporter of one file. Name it in a subclass, and every check runs:

    class TestMarkdown(ExporterChecks):
        name = "md"
    """

    name: str
    """The exporter as typed after `--format`, e.g. `md`."""

    @pytest.fixture
    def exporter(self) -> Exporter:
        """Return the exporter to check."""
        return self.make()

    def make(self) -> Exporter:
        """Build the exporter that `name` says; overridden where it isn't installed."""
        made = installed().make_exporter(self.name)
        assert isinstance(made, Exporter), "a format of several files has FilesExporterChecks"
        return made

    @pytest.fixture
    def texts(self, exporter: Exporter) -> Mapping[str, str]:
        """Return what the exporter makes of a leaderboard of every kind."""
        return {kind: exporter.export(board) for kind, board in boards().items()}

    def test_suffix_is_the_end_of_a_file_name(self, exporter: Exporter) -> None:
        """The suffix has its dot, is no path, and belongs to no other installed exporter."""
        assert isinstance(exporter, Exporter), f"{type(exporter).__name__} is missing a method of an exporter"
        suffix = exporter.suffix
        assert re.fullmatch(r"(\.[A-Za-z0-9_-]+)+", suffix), f"suffix is {suffix!r}; write one like '.md'"
        alike = alike_suffixes(exporter)
        assert not alike, f"leaderboard{suffix} is also the file of {', '.join(alike)}"

    def test_exports_text_whatever_is_missing(self, texts: Mapping[str, str]) -> None:
        """Every kind of leaderboard becomes a text that can be written as UTF-8 and ends its last line."""
        for kind, text in texts.items():
            assert isinstance(text, str), f"{kind}: export() gives a {type(text).__name__}, not a str"
            text.encode()
            assert not text or text.endswith("\n"), f"{kind}: the last line has no end"

    def test_is_deterministic(self, exporter: Exporter, texts: Mapping[str, str]) -> None:
        """Equal leaderboards give equal text, from this object and from another one."""
        for kind, board in boards().items():
            assert exporter.export(board) == texts[kind], f"{kind}: another text the second time"
            assert self.make().export(board) == texts[kind], f"{kind}: another text from another object"

    def test_leaves_the_leaderboard_as_it_is(self, exporter: Exporter) -> None:
        """What other exporters are given after it is the same."""
        board = whole()
        exporter.export(board)
        assert board == whole(), "export() changes the leaderboard"

    def test_scores_and_rows_are_in_it(self, exporter: Exporter, texts: Mapping[str, str]) -> None:
        """Another score gives another text, and so does a row more."""
        board = whole()
        scores = {"answer": replace(board.rows[2].tasks["k8s_qa"].scores["answer"], value=0.125)}
        part = replace(board.rows[2].tasks["k8s_qa"], scores=scores)
        row = replace(board.rows[2], tasks={**board.rows[2].tasks, "k8s_qa": part})
        changed = exporter.export(replace(board, rows=(*board.rows[:2], row, *board.rows[3:])))
        assert changed != texts["whole"], "another score makes no difference"
        fewer = exporter.export(replace(board, rows=board.rows[:2]))
        assert fewer != texts["whole"], "a row less makes no difference"

    def test_keeps_every_text_in_its_place(self, exporter: Exporter, texts: Mapping[str, str]) -> None:
        """No name, option, error or path breaks the file, begins a line of its own, or does something."""
        suffix = exporter.suffix
        for place, board in hostile():
            text = exporter.export(board)
            assert isinstance(text, str), f"{place}: export() gives a {type(text).__name__}, not a str"
            text.encode()
            stray = [line for line in re.split(r"[\n\r]", text) if line.startswith("SECOND")]
            assert not stray, f"{place}: what follows a line break begins a line of the file"
            if fault := fault_of(suffix, text):
                pytest.fail(f"{place}: {fault}")
        for kind, text in texts.items():
            if fault := fault_of(suffix, text):
                pytest.fail(f"{kind}: {fault}")


def hostile() -> Iterator[tuple[str, Leaderboard]]:
    """Yield a leaderboard with each hostile text in each place, and the place."""
    for text in HOSTILE:
        for place, change in places(text).items():
            yield f"{place} {text[:20]!r}", change(deepcopy(whole()))


def fault_of(suffix: str, text: str) -> str:
    """Return what is wrong with a text of this suffix, empty where nothing is or the suffix is not known here."""
    last = f".{suffix.rpartition('.')[2]}"
    return _FAULTS[last](text) if last in _FAULTS else ""


def alike_suffixes(exporter: Exporter | RunsExporter) -> list[str]:
    """Return the installed exporters whose file has the name of this one's."""
    kinds: tuple[type[Any], ...] = (Exporter, RunsExporter)
    found = (other for kind in kinds for other in others(kind))
    return [
        name for name, other in found if other.suffix == exporter.suffix and not isinstance(exporter, type(other))
    ]


def others(protocol: type[T]) -> Iterator[tuple[str, T]]:
    """Yield the installed exporters of a protocol with their names."""
    for entry in installed().of("exporter"):
        try:
            other = installed().make_exporter(entry.name)
        except PluginError:  # another one that is broken is no fault of this one
            continue
        if isinstance(other, protocol):
            yield entry.name, other


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _json(text: str) -> str:
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        return f"not JSON: {error}"
    return ""


def _json_lines(text: str) -> str:
    return next((fault for line in text.split("\n")[:-1] if (fault := _json(line))), "")


def _table(delimiter: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        if len({len(row) for row in rows}) > 1:
            return "rows have different numbers of cells"
        cells = [cell for row in rows for cell in row if cell.startswith(FORMULA)]
        acted_on = [cell for cell in cells if not re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)]
        return f"a spreadsheet would run {acted_on[0][:20]!r} as a formula" if acted_on else ""

    return check


def _markup(text: str) -> str:
    return "<script> of a text is left live" if "<script>alert(1)" in text else ""


def _markdown(text: str) -> str:
    # What stands between lines of hyphens at the start is YAML: data, and no markup.
    return _markup(re.sub(r"\A---\n.*?^---\n", "", text, flags=re.DOTALL | re.MULTILINE))


_FAULTS: Mapping[str, Callable[[str], str]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".html": _markup,
    ".md": _markdown,
}
