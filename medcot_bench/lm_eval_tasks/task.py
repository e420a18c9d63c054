"""A task of lm-eval in a plan, checked as far as possible without importing lm-eval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from medcot_bench.errors import ConfigError, suggest
from medcot_bench.lm_eval_tasks.names import read_names
from medcot_bench.lm_eval_tasks.task_file import TaskFile
from medcot_bench.plugins.options import check
from medcot_bench.security.foreign_text import VALUE, shorten
from medcot_bench.study.paths import expand_path
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import LM_EVAL, Spec
from medcot_bench.types import Option

DOMAIN = LM_EVAL
FORM: Mapping[str, str] = {"context": "as written", "answer": LM_EVAL}
"""No other task has this form, so scores are never compared across."""
OPTIONS = {
    "num_fewshot": Option(int, None, "solved examples before each document, unless the task fixes them"),
    "limit": Option(int, None, "documents per task, the first ones"),
}


@dataclass(frozen=True, slots=True)
class LmEvalTask:
    """A task, group or tag of lm-eval, by name or from a user's file."""

    typed: Spec
    name: str
    """lm-eval's name."""
    file: TaskFile | None
    """The user's file; None for lm-eval's own."""
    num_fewshot: int | None
    """None: the task's own number."""
    limit: int | None

    @property
    def label(self) -> str:
        """The name shown for it, with the options as typed; a file's name without its folder."""
        name = f"{LM_EVAL}:{self.file.path.name}" if self.file else self.typed.name
        return str(Spec(name, self.typed.options))

    @property
    def source(self) -> str:
        """The source, as tables show it."""
        return f"file:{self.file.path.name}" if self.file else f"lm-eval {version('lm_eval')}"

    @property
    def remote(self) -> bool:
        """Whether a data set may have to be downloaded."""
        return self.file is None or self.file.remote

    def request(self) -> dict[str, Any]:
        """Return the part of an id that names it, with lm-eval's version, which defines its own tasks."""
        return {
            "task": {
                "lm_eval": version("lm_eval"),
                "name": self.name,
                "files": self.file.digest if self.file else None,
                "num_fewshot": self.num_fewshot,
            },
            "items": {"limit": self.limit},
        }


def is_lm_eval(typed: Spec) -> bool:
    """Return whether a spec names a task of lm-eval."""
    return typed.name.startswith(f"{LM_EVAL}:")


def with_absolute_file(typed: Spec) -> Spec:
    """Return a spec that means the same from any folder."""
    name = typed.name.removeprefix(f"{LM_EVAL}:")
    if not is_lm_eval(typed) or not _is_file(name):
        return typed
    return Spec(f"{LM_EVAL}:{Path(name).expanduser().absolute()}", typed.options)


def resolve_lm_eval_task(typed: Spec, study: Study) -> LmEvalTask:
    """Find the task that was typed, `lm_eval:NAME` or `lm_eval:FILE.yaml`.

    Raises ConfigError for an unknown name or a wrong option, and for a file that is unusable, has the name of
    another one of the study, or would run code that the study does not trust.
    """
    name = typed.name.removeprefix(f"{LM_EVAL}:")
    options = check(f"task {typed.name}", OPTIONS, typed.options)
    for key, least in (("num_fewshot", 0), ("limit", 1)):
        if options[key] is not None and options[key] < least:
            raise ConfigError(f"task {typed.name}: {key}={options[key]}: give a number from {least} up")
    file = None
    if _is_file(name):
        file = TaskFile(expand_path(name))
        _check_alone(file, study)
        name = file.name
        if file.code and not study.trust_task_code:
            raise ConfigError(f"{file.code} runs code; read it, then add --trust-task-code")
    elif name not in read_names():
        near = suggest(name[:VALUE], read_names())
        raise ConfigError(f"lm-eval has no task, group or tag '{shorten(name)}'{near}")
    limit = study.limit if options["limit"] is None else options["limit"]
    return LmEvalTask(typed, name, file, options["num_fewshot"], limit)


def _check_alone(file: TaskFile, study: Study) -> None:
    """Raise ConfigError if another file of the study has the same name, since tables show names only."""
    names = [typed.name.removeprefix(f"{LM_EVAL}:") for typed in study.eval_tasks if is_lm_eval(typed)]
    paths = [path for name in names if _is_file(name) and (path := expand_path(name)).name == file.path.name]
    if len({path.resolve() for path in paths}) > 1:
        alike = ", ".join(map(str, dict.fromkeys(paths)))
        raise ConfigError(f"task files {alike}: tables show file names only; rename one")


def _is_file(name: str) -> bool:
    return Path(name).suffix in (".yaml", ".yml")
