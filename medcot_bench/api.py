"""The Python interface: run a study, read a result folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.analysis.build import build
from medcot_bench.report.export import export
from medcot_bench.results.folder import Results, load
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.runner.notices import Listener
from medcot_bench.runner.outcome import Outcome
from medcot_bench.runner.run import run_study
from medcot_bench.runner.supervision import Supervision
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study

__all__ = ["Results", "Study", "load", "run"]

FORMATS = ("md", "csv", "json")
"""What a run exports by itself."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has come to its end: how, and what it left in the result folder."""

    outcome: Outcome
    results: Results
    leaderboard: Leaderboard
    files: list[Path]


def run(study: Study | Mapping[str, Any] | str | Path, **fields: Any) -> Results:
    """Run a study and return its results.

    `study` is a Study, its fields as a mapping, or the path of a study file; `fields` override it. Cells that
    fail are in the results. Raises MedcotError for a wrong study; nothing is written then.
    """
    path = Path(study) if isinstance(study, str | Path) else None
    given: Mapping[str, Any] = {}
    if isinstance(study, Study):
        given = study.model_dump(exclude_unset=True)
    elif isinstance(study, Mapping):
        given = study
    read, errors = load_study(path, [*given.items(), *fields.items()])
    return run_and_export(read, errors).results


def run_and_export(
    study: Study,
    errors: list[str] | None = None,
    listen: Listener = lambda notice: None,
    supervision: Supervision = Supervision(),  # noqa: B008  (frozen)
) -> Finished:
    """Run everything a study still needs and export its leaderboard, which is built once.

    Raises MedcotError as `run_study` does.
    """
    made: list[tuple[Results, Leaderboard, list[Path]]] = []
    folder = Path(study.output_dir).absolute()  # whatever the working directory is later

    def conclude() -> None:
        results = load(folder)
        board = build(results)
        made.append((results, board, export(folder, FORMATS, results, board)))

    outcome = run_study(study, errors, listen, conclude, supervision=supervision)
    return Finished(outcome, *made[0])
