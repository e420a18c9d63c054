"""Errors of a study as a whole: unknown names, wrong roles, splits without items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from medcot_bench.base_model.chat_template import why_no_system_prompt, without_system_prompt
from medcot_bench.base_model.resolve import Base
from medcot_bench.data.sources import TaskData
from medcot_bench.errors import PluginError, suggest, suggest_or_list
from medcot_bench.lm_eval_tasks.task import is_lm_eval
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.manager import Plugins
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.results.metrics import CORE_METRICS, TRIED_BY
from medcot_bench.study.schema import BUNDLED, Study
from medcot_bench.text import counted
from medcot_bench.types import SPLITS, Split

Tasks = Mapping[str, ResolvedTask]
Adapters = Mapping[str, ResolvedAdapter]


def find_missing_names(study: Study) -> list[str]:
    """Return errors for a study without adapters or tasks.

    Only for studies read without errors: what was named may have been left out because of one.
    """
    problems = []
    if not study.adapters:
        problems.append("no adapter: name some with --adapters (see medcot-bench list)")
    if not study.tasks and not study.eval_tasks:
        problems.append(
            "no task: name some with --tasks (see medcot-bench list), or a file of your own rows with --train"
        )
    return problems


def find_wrong_names(study: Study, tasks: Tasks, adapters: Adapters, plugins: Plugins) -> Iterator[str]:
    """Yield an error for every name that does not exist, or does not fit its role."""
    yield from _roles(study, adapters)
    yield from _data(study, plugins)
    yield from _training_tasks(study)
    yield from _engine(study, plugins)
    yield from _scores(study, tasks)
    yield from _checkpoints(study)
    yield from _hypotheses(study, adapters)


def find_unusable_base(study: Study, base: Base, adapters: Adapters) -> Iterator[str]:
    """Yield an error for a base model that can do nothing, or not all, of what the study asks."""
    training = study.tasks and any(chosen.adapter.spec.update != "none" for chosen in adapters.values())
    if not base.flat and (training or study.scoring.engine == "fast"):
        yield (
            f"model '{base.name}': {base.info.architecture} can't read flat batches, so it can't be trained here; "
            "score it with --adapters none --set scoring.engine=hf"
        )
    if base.path and base.path.is_dir() and study.chat_template and study.system_prompt:
        why = why_no_system_prompt(base.path)
        if why:
            yield f"model '{base.name}': its {without_system_prompt(why)}"


def _roles(study: Study, adapters: Adapters) -> Iterator[str]:
    specs = {label: adapter.adapter.spec for label, adapter in adapters.items()}
    training = [label for label, spec in specs.items() if spec.update != "none"]
    if study.eval_tasks and not study.tasks and training:
        yield f"no task to train {training[0]} on: name some with --tasks"
    resolved = {adapter.typed.name for adapter in adapters.values()}
    known = all(typed.name in resolved for typed in study.adapters)  # one that is not may be the base model
    if (
        study.baselines
        and specs
        and known
        and not any(s.update == "none" and not s.weights for s in specs.values())
    ):
        yield "baselines: they are prompts of the base model; add it to --adapters (none)"


def _data(study: Study, plugins: Plugins) -> Iterator[str]:
    known = {entry.name for entry in plugins.of("task")}
    named = {typed.stem for typed in (*study.tasks, *study.eval_tasks)}  # has its own error if it is unknown
    for name in study.data:
        if name in study.own:
            yield f"data.{name}: this task has its files in the section own"
        elif name not in known | named:
            yield f"data.{name}: no task of this name{suggest(name, known | named)}"


def _training_tasks(study: Study) -> Iterator[str]:
    for typed in study.tasks:
        if typed.shift:
            yield f"task {typed}: a graded shift is scored, not trained on; add it to --eval-tasks"
    for typed in study.tasks:
        if is_lm_eval(typed):
            yield f"task {typed}: tasks of lm-eval are scored, not trained on; add it to --eval-tasks"


def _engine(study: Study, plugins: Plugins) -> Iterator[str]:
    try:
        plugins.admit("engine", study.scoring.engine)
    except PluginError as error:
        yield f"scoring.engine: {error}"


def _scores(study: Study, tasks: Tasks) -> Iterator[str]:
    if not tasks:
        return
    own = (score for task in tasks.values() for score in task.task.spec.scores)
    known = [*dict.fromkeys((*CORE_METRICS, *own))]
    for field, named in (
        ("scoring.scores", study.scoring.scores),
        ("analysis.primary", (study.analysis.primary,)),
        ("analysis.margins", tuple(study.analysis.margins)),
    ):
        if unknown := sorted(set(named) - set(known)):
            yield f"{field}: no metric '{unknown[0]}'{suggest_or_list(unknown[0], known)}"
    for label, task in tasks.items():
        if set(study.scoring.scores) == {"choice"} and task.task.spec.form.answer != "letter":
            yield f"scoring.scores: task {label} has no options to choose from, so there is no 'choice'"


def _checkpoints(study: Study) -> Iterator[str]:
    if not study.training.checkpoints:
        return
    if study.scoring.scores and TRIED_BY not in study.scoring.scores:
        yield f"training.checkpoints: they are scored by {TRIED_BY}; add it to scoring.scores"
    if study.training.select_by == "val_nll":
        yield "training.checkpoints: with select_by=val_nll the selected step may come before one; use either"


def _hypotheses(study: Study, adapters: Adapters) -> Iterator[str]:
    trained = [*study.adapters, *(spec for one in adapters.values() for spec in (one.typed.unsized, one.typed))]
    for field, named, there in (
        ("analysis.adapters", study.analysis.adapters, trained),
        ("analysis.shifts", study.analysis.shifts, [*study.tasks, *study.eval_tasks]),
    ):
        if absent := [name for name in named if name not in there]:
            known = ", ".join(dict.fromkeys(map(str, there)))
            yield (
                f"{field}: {absent[0]} is not in the study, which has: {known}; "
                f"--set {field}= puts everything under exploration"
            )


def find_empty_splits(plan: Plan, trained: list[str]) -> list[str]:
    """Return an error for every task without enough items in a split that the study needs."""
    problems = []
    for label in plan.tasks:
        data = plan.data[label]
        splits: dict[Split, str] = {plan.study.scoring.split: "to score"}
        if plan.trials and label in trained:
            splits["validation"] = "for the learning-rate search"
        left_out = (
            "; left out: " + ", ".join(f"{n} {why}" for why, n in data.left_out.items()) if data.left_out else ""
        )
        trains = any(adapter.adapter.spec.update != "none" for adapter in plan.adapters.values())
        if label in trained and trains and not data.splits["train"]:
            problems.append(f"task {label}: {data.source} has no training item{left_out}{_groups(data)}")
        if (shots := len(plan.items.shots(label))) < plan.study.scoring.num_fewshot:
            problems.append(
                f"task {label}: scoring.num_fewshot={plan.study.scoring.num_fewshot}, but only "
                f"{counted(shots, 'training item', ('shares', 'share'))} no group or question with the scored "
                "items"
            )
        problems += [
            f"task {label}: {data.source} has no item {purpose} in '{split}'{left_out}{_groups(data)}"
            for split, purpose in splits.items()
            if not data.splits[split]
        ]
    return problems


def _groups(data: TaskData) -> str:
    """Return how many groups there are to split, and what to do; nothing for items that the task makes itself."""
    items = [example for split in SPLITS for example in data.splits[split]]
    if data.source.startswith(BUNDLED) or not items:
        return ""
    groups = counted(len({example.group for example in items}), "group")
    return (
        f"; {counted(len(items), 'row')} in {groups}, and a group lies in one split: add rows, give each row its "
        "split in a column 'split', or group them otherwise (--group)"
    )
