"""A study as the result folder keeps it: the same from any folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from medcot_bench.lm_eval_tasks.task import with_absolute_file
from medcot_bench.plugins.manager import installed
from medcot_bench.study.loading import TRUST
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import Spec
from medcot_bench.study.task_files import relative_to


def dump_study(study: Study) -> str:
    """Return the study as a YAML file that gives it again, wherever it lies: its paths are absolute."""
    fields = study.model_dump(mode="json", exclude_defaults=True, exclude={TRUST})  # no file grants it
    for task, given in fields.get("data", {}).items():
        whole = isinstance(given, str)
        fields["data"][task] = _absolute(given) if whole else {k: _absolute(v) for k, v in given.items()}
    for task in fields.get("own", {}).values():
        task["data"] = relative_to(Path.cwd(), task["data"])
    if study.eval_tasks:
        fields["eval_tasks"] = [str(with_absolute_file(typed)) for typed in study.eval_tasks]
    if "adapters" in fields:
        fields["adapters"] = _absolute_adapters(study.adapters)
    if study.analysis.adapters:
        fields["analysis"]["adapters"] = _absolute_adapters(study.analysis.adapters)
    if study.general_text:
        fields["general_text"] = str(Path(study.general_text).expanduser().absolute())
    fields["output_dir"] = str(Path(study.output_dir).absolute())
    try:
        model = Path(study.model).expanduser()
        if study.model and model.exists():
            fields["model"] = str(model.absolute())
    except (OSError, RuntimeError, ValueError):
        pass  # no path
    return yaml.safe_dump(fields, sort_keys=False)


def _absolute_adapters(specs: Iterable[Spec]) -> list[str]:
    """Return adapters as typed, with the paths among their options absolute. What is not there may be a hub id."""
    changed = []
    for typed in specs:
        declared = installed().make_adapter(typed.name).spec.options
        paths = {
            key: Path(typed.options[key]).expanduser()
            for key, option in declared.items()
            if option.path and key in typed.options
        }
        there = {key: str(path.absolute()) for key, path in paths.items() if path.exists()}
        changed.append(str(Spec(typed.name, {**typed.options, **there})))
    return changed


def _absolute(source: str) -> str:
    kind, _, location = source.partition(":")
    return f"file:{Path(location).expanduser().absolute()}" if kind == "file" else source
