"""Write a result folder's leaderboard and records in any format that an exporter plugin offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medcot_bench.analysis.build import build
from medcot_bench.errors import PluginError
from medcot_bench.interfaces import FilesExporter, RunsExporter
from medcot_bench.plugins.entries import PluginEntry, blame
from medcot_bench.plugins.manager import installed
from medcot_bench.results.folder import Results, load
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.store import Store


def export(
    folder: Path,
    formats: Iterable[str],
    results: Results | None = None,
    board: Leaderboard | None = None,
    *,
    into: Path | None = None,
) -> list[Path]:
    """Write each format into the result folder, or `into` another one; return the paths of the files.

    `results` and `board` are the folder's, where they are known already. A format of one file is `leaderboard` +
    its suffix, one of many has a folder of its own. Raises PluginError for an unknown format, ConfigError or
    StoreError for a folder that can't be read or written.
    """
    into = into or folder
    plugins = installed()
    exporters = [(plugins.entry("exporter", name), plugins.make_exporter(name)) for name in formats]
    results = results or load(folder)
    store, paths = Store(into), []
    for entry, exporter in exporters:
        if isinstance(exporter, FilesExporter):
            with blame(entry, "files"):
                contents = _inside(entry, exporter.folder, exporter.files(results))
        elif isinstance(exporter, RunsExporter):
            with blame(entry, "export_runs"):
                contents = {Path(f"leaderboard{exporter.suffix}"): _encoded(exporter.export_runs(results))}
        else:
            board = board or build(results)
            with blame(entry, "export"):
                contents = {Path(f"leaderboard{exporter.suffix}"): _encoded(exporter.export(board))}
        for name, content in contents.items():
            paths.append(into / name)
            store.replace(paths[-1], content)
    return paths


def _inside(entry: PluginEntry, folder: str, texts: Mapping[str, str]) -> dict[Path, bytes]:
    """Return path -> content. Raises PluginError for a path that leaves the folder of its format."""
    contents = {}
    for name, text in texts.items():
        path = Path(folder, name)
        if ".." in path.parts or path.is_absolute() or len(path.parts) < 2:
            raise PluginError(f"{entry}: the path '{name}' is not within the folder '{folder}'")
        contents[path] = _encoded(text)
    return contents


def _encoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"it returned type {type(text).__name__}, not a string")
    # What UTF-8 has no bytes for, half of a surrogate pair, is written as the escape that JSON has for it.
    return text.encode(errors="backslashreplace")
