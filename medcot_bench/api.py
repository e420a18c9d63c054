"""The Python interface: run a study, read a result folder, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcot_bench.analysis.build import build
from medcot_bench.analysis.comparison import compare, default_baseline, resolve_row
from medcot_bench.errors import ConfigError
from medcot_bench.report.answer import write_answer
from medcot_bench.report.export import export
from medcot_bench.report.exporters.html import write_blocks
from medcot_bench.report.terminal import draw_answer
from medcot_bench.results import folder as folders
from medcot_bench.results.folder import Results
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.runner.notices import Listener
from medcot_bench.runner.outcome import Outcome
from medcot_bench.runner.run import run_study
from medcot_bench.runner.supervision import Supervision
from medcot_bench.study import presets
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study
from medcot_bench.text import counted

if TYPE_CHECKING:
    import pandas

__all__ = ["Results", "Study", "StudyResults", "load", "run"]

FORMATS = ("md", "csv", "json")
"""What a run exports by itself."""


@dataclass(frozen=True, repr=False)
class StudyResults(Results):
    """The records of a study, as exporters get them, with what they say."""

    @cached_property
    def _board(self) -> Leaderboard:
        return build(self)

    def leaderboard(self) -> Leaderboard:
        """Return the leaderboard, built once: rows, gaps, verdicts, recommendations (docs/plugins/exporter.md)."""
        return self._board

    @property
    def answer(self) -> str:
        """What the study answers, as the end of a run prints it."""
        return draw_answer(self._board)

    def compare(self, baseline: str | None = None, score: str | None = None) -> pandas.DataFrame:
        """Return what the command `compare` shows: every row beside a baseline, paired by item and seed.

        By default full fine-tuning and the study's primary score. `difference` is above 0 where the row is better;
        `low` and `high` are its 95% CI, `p_value` is Holm-corrected. Raises ConfigError for a row that there is
        not.
        """
        import pandas

        reference = resolve_row(self, baseline or default_baseline(self))
        rows = []
        for one in compare([self], reference, score or self.analysis.primary):
            low, high = one.ahead.interval() or (None, None)
            rows.append(
                {
                    "method": one.adapter,
                    "trained_on": one.trained,
                    "task": one.task,
                    "mean": one.mean.value,
                    "baseline": one.baseline.value,
                    "difference": one.ahead.value,
                    "low": low,
                    "high": high,
                    "p_value": one.p_value,
                    "better_items": one.better,
                    "worse_items": one.worse,
                    "seeds": one.ahead.seeds,
                    "items": one.ahead.items,
                }
            )
        return pandas.DataFrame(rows)

    def __repr__(self) -> str:
        """Return one line: the folder, and how much of what was planned is there."""
        whole = sum(cell.whole for cell in self.cells)
        methods = counted(len({cell.row for cell in self.cells}), "method")
        return f"<StudyResults {self.root}: {methods}, {whole} of {counted(len(self.cells), 'training run')} done>"

    def _repr_html_(self) -> str:
        """Return the answer for a notebook."""
        return write_blocks(write_answer(self._board).blocks)


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has come to its end: how, and what it left in the result folder."""

    outcome: Outcome
    results: Results
    leaderboard: Leaderboard
    files: list[Path]


def run(
    study: Study | Mapping[str, Any] | str | Path | None = None,
    *,
    preset: str | None = None,
    progress: bool = False,
    **fields: Any,
) -> StudyResults:
    """Run a study and return its results, e.g. `run(tasks=["k8s_qa"], adapters=["full", "lora"])`.

    `study` is a Study, its fields as a mapping, or the path of a study file; `preset` names one that comes with
    the program, `quick` where no task is named either. `fields` override it. `progress` prints a line for
    what happens. Cells that fail are in the results. Raises MedcotError for a wrong study, and writes nothing.
    """
    path = Path(study) if isinstance(study, str | Path) else None
    given: Mapping[str, Any] = {}
    if isinstance(study, Study):
        given = study.model_dump(exclude_unset=True)
    elif isinstance(study, Mapping):
        given = study
    if preset is not None and study is not None:
        raise ConfigError(f"preset '{preset}': give a preset or a study, not both")
    if study is None and (preset or not {"tasks", "eval_tasks"} & fields.keys()):
        path = presets.path_of(preset or presets.DEFAULT)
    read, errors = load_study(path, [*given.items(), *fields.items()])
    if not progress:
        return _with_answers(run_and_export(read, errors).results)
    from medcot_bench.cli.progress import Lines  # the command line imports this module

    return _with_answers(run_and_export(read, errors, Lines(print, verbose=False)).results)


def load(folder: str | Path) -> StudyResults:
    """Read a result folder. Raises ConfigError for a folder without a study, StoreError for broken records."""
    return _with_answers(folders.load(folder))


def _with_answers(results: Results) -> StudyResults:
    return StudyResults(**{field.name: getattr(results, field.name) for field in fields(results)})


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
        results = folders.load(folder)
        board = build(results)
        made.append((results, board, export(folder, FORMATS, results, board)))

    outcome = run_study(study, errors, listen, conclude, supervision=supervision)
    return Finished(outcome, *made[0])
