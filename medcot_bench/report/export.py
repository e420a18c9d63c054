"""Write a result folder's leaderboard in any format that an exporter plugin offers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from medcot_bench.analysis.leaderboard import build
from medcot_bench.interfaces import Exporter
from medcot_bench.plugins import blame, installed
from medcot_bench.results import load
from medcot_bench.store import Store


def export(folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write `leaderboard` + the format's suffix into `folder` for each format; return the paths.

    Raises PluginError for an unknown format, ConfigError or StoreError for a folder that can't be read.
    """
    plugins = installed()
    exporters = [(plugins.entry("exporter", name), plugins.make("exporter", name)) for name in formats]
    leaderboard = build(load(folder))
    store, paths = Store(folder), []
    for entry, made in exporters:
        exporter = cast("Exporter", made)
        with blame(entry, "export"):
            text = exporter.export(leaderboard)
            if not isinstance(text, str):
                raise TypeError(f"it gives a {type(text).__name__}, not a text")
        paths.append(folder / f"leaderboard{exporter.suffix}")
        store.replace(paths[-1], text.encode())
    return paths
