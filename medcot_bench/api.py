"""The Python interface: run a study, read a result folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcot_bench.results.folder import Results, load
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study

__all__ = ["Results", "Study", "load", "run"]


def run(study: Study | Mapping[str, Any] | str | Path, **fields: Any) -> Results:
    """Run a study and return its results.

    `study` is a Study, its fields as a mapping, or the path of a study file; `fields` override it. Cells that
    fail are in the results. Raises MedcotError for a wrong study; nothing is written then.
    """
    from medcot_bench.runner.run import run_study

    path = Path(study) if isinstance(study, str | Path) else None
    given: Mapping[str, Any] = {}
    if isinstance(study, Study):
        given = study.model_dump(exclude_unset=True)
    elif isinstance(study, Mapping):
        given = study
    read, errors = load_study(path, [*given.items(), *fields.items()])
    run_study(read, errors)
    return load(read.output_dir)
