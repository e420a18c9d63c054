"""Evaluate one model on a task of lm-eval: its own code, prompts, metrics and filters, with our engine."""

from __future__ import annotations

import hashlib
import math
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from jinja2.sandbox import SandboxedEnvironment

from medcot_bench.errors import ConfigError, ConfigErrors
from medcot_bench.hub.client import asking
from medcot_bench.lm_eval_tasks.task import LmEvalTask
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Evaluation
from medcot_bench.scoring.evaluate import EvaluationResult
from medcot_bench.scoring.kept_texts import PROMPT, cut_middle
from medcot_bench.scoring.lm import OnAnswered, build_lm
from medcot_bench.scoring.lm_eval import (
    DEFAULT_OTHER_SEED,
    DEFAULT_RANDOM_SEED,
    Group,
    Kind,
    TaskManager,
    evaluate,
    mean,
    nanmean,
)
from medcot_bench.scoring.lm_eval import templates as environment
from medcot_bench.scoring.lm_eval_shots import mark_shots

RESAMPLES = 1000
"""For standard errors that lm-eval finds by resampling, in one process; by itself it takes 100,000 in many."""
OF_ITEMS = (mean, nanmean)
"""Aggregations whose result is the mean over items."""
Loaded = Mapping[str, Any]
"""lm-eval's `tasks` and `groups`, by name."""


def check_loadable(tasks: Iterable[LmEvalTask], *, trusted: bool) -> None:
    """Load tasks and let them go. Raises ConfigErrors with every one that can't be loaded."""
    problems = []
    for task in tasks:
        try:
            with _conditions(sandboxed=task.file is not None and not trusted):
                load(task, trusted=trusted)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigErrors(problems)


def load(task: LmEvalTask, *, trusted: bool) -> Loaded:
    """Build a task or group with its documents. Raises ConfigError that says what is missing."""
    own = task.file
    manager = _manager(str(own.path.parent) if own and own.group else None, own is None or own.packaged)
    typed = str(own.path) if own and not own.group else task.name  # it takes the path of a group for a task's
    if typed not in manager.task_index and own is None:
        raise ConfigError(f"lm-eval has no task, group or tag '{task.name}'")
    if not trusted and (unsafe := next(_unsafe(manager, task.name), None)):
        raise ConfigError(
            f"{task.label}: its task {unsafe} runs code that the model wrote; to let it, add --trust-task-code"
        )
    try:
        with asking():
            loaded: Loaded = manager.load([typed])
    except (ConnectionError, FileNotFoundError) as error:  # also where a data set is not on the hub
        raise ConfigError(
            f"{task.label}: its data can't be loaded: {_line(error)}; connect to the hub, or set HF_HOME to a "
            "folder whose cache holds them (with HF_DATASETS_OFFLINE=1), or score on a YAML file with your own "
            "data_files, lm_eval:./FILE.yaml"
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{task.label}: lm-eval can't load it: {type(error).__name__}: {_line(error)}"
        ) from error
    for name, one in loaded["tasks"].items():
        metrics = getattr(one, "_metric_fn_list", {})
        absent = [metric for metric, function in metrics.items() if function is None]
        if absent and one.config.process_results is None:
            raise ConfigError(
                f"{task.label}: the metric {absent[0]} of {name} can't be loaded: it is not lm-eval's"
            )
    return loaded


def evaluate_lm_eval_task(
    model: Any,
    tokenizer: Any,
    plan: Plan,
    score: Evaluation,
    *,
    compute_dtype: torch.dtype | None = None,
    on_answered: OnAnswered | None = None,
) -> EvaluationResult:
    """Evaluate a model as `score` asks and as lm-eval's `simple_evaluate` does. Raises ConfigError as `load`."""
    task, trusted = plan.lm_eval_tasks[score.task], plan.study.trust_task_code
    with _conditions(sandboxed=task.file is not None and not trusted), torch.no_grad():
        loaded = load(task, trusted=trusted)
        marks = _set_shots(loaded, task.num_fewshot)
        lm = build_lm(
            model,
            Encoder(tokenizer),
            engine=plan.scoring.engine,
            max_length=score.request["max_length"],
            batch_size=plan.scoring.batch_size,
            compute_dtype=compute_dtype,
            on_answered=on_answered,
        )
        output: Any = evaluate(
            lm,
            loaded,
            limit=task.limit,
            bootstrap_iters=RESAMPLES,
            system_instruction=plan.study.system_prompt or None,
            apply_chat_template=plan.study.chat_template,
            fewshot_as_multiturn=plan.study.chat_template,
            confirm_run_unsafe_code=trusted,
        )
        marks += mark_shots(loaded["tasks"], output["samples"])  # it writes documents by the file's templates
    return _collect(task, loaded, output, marks)


def _set_shots(loaded: Loaded, count: int | None) -> list[str]:
    """Set the solved examples as `simple_evaluate` does; return what has to be said of it."""
    fixed = []
    for name, task in loaded["tasks"].items():
        own = task.get_config("num_fewshot")
        if count is not None and own == 0 and count != 0:
            fixed.append(name)
        elif count is not None or own is None:
            task.set_config(key="num_fewshot", value=count or 0)
        task.set_fewshot_seed(seed=DEFAULT_OTHER_SEED)
    return [f"num_fewshot={count} left aside by tasks that fix it at 0: {', '.join(fixed)}"] if fixed else []


def _collect(task: LmEvalTask, loaded: Loaded, output: Mapping[str, Any], marks: list[str]) -> EvaluationResult:
    results: dict[str, float] = {}
    lower: list[str] = []
    samples: dict[str, dict[str, Any]] = {}
    subtasks: dict[str, Mapping[str, Any]] = {}
    for prefix, name, leaves in _tables(task, loaded):
        found = {key: value for key, value in output["results"][name].items() if _is_number(value) and "," in key}
        results |= {f"{prefix}{key}": float(value) for key, value in found.items()}
        better = output["higher_is_better"].get(name, {})
        lower += [
            _named(prefix, *key.split(",", 1)) for key in found if better.get(key.partition(",")[0]) is False
        ]
        for leaf in leaves:
            rows = output["samples"][leaf]
            for row in rows:
                sample = samples.setdefault(f"{leaf}/{row['doc_id']}-{row['doc_hash'][:8]}", _sample(row))
                sample["scores"] |= {
                    _named(prefix, metric, row["filter"]): float(row[metric])
                    for metric in row["metrics"]
                    if f"{metric},{row['filter']}" in found
                    and _is_number(row[metric])
                    and _is_mean(loaded, name, leaf, metric)
                }
            subtasks[leaf] = {
                "version": str(output["versions"][leaf]),
                "num_fewshot": output["n-shot"][leaf],
                "documents": hashlib.sha256("".join(row["doc_hash"] for row in rows).encode()).hexdigest(),
                "results": {k: float(v) for k, v in output["results"][leaf].items() if "," in k and _is_number(v)},
            }
    kept = tuple({"id": name, **sample} for name, sample in samples.items())
    counts = {"items": len(kept)}
    for name in dict.fromkeys(name for sample in kept for name in sample["scores"]):
        counts[f"n_{name}"] = sum(name in sample["scores"] for sample in kept)
    return EvaluationResult(results, counts, tuple(marks), kept, None, tuple(lower), subtasks)


def _tables(task: LmEvalTask, loaded: Loaded) -> Iterator[tuple[str, str, list[str]]]:
    """Yield prefix of score names, name of lm-eval's results, and tasks in them.

    One table where lm-eval has one. A tag, or a group that it does not sum up, has one for each of its parts.
    """
    top = loaded["groups"].get(task.name)
    parts = [top] if top else [*loaded["tasks"].values()]
    whole = len(parts) == 1
    while parts:
        part = parts.pop(0)
        if not isinstance(part, Group):
            yield "" if whole else f"{part.task_name}/", part.task_name, [part.task_name]
        elif part.has_aggregation:
            yield "" if whole else f"{part.name}/", part.name, [leaf.task_name for leaf in part.get_all_tasks()]
        else:
            parts += [*part]
            whole = False


def _is_mean(loaded: Loaded, table: str, leaf: str, metric: str) -> bool:
    """Whether a result is the mean of its items' values: then models can be compared item by item."""
    aggregation = loaded["tasks"][leaf].aggregation().get(metric, mean)
    group = loaded["groups"].get(table)
    weighted = not group or any(
        one.metric == metric and one.weight_by_size and one.aggregation == "mean"
        for one in group.aggregate_metric_list or ()
    )
    return aggregation in OF_ITEMS and weighted


def _sample(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document's record. Equal documents are one group."""
    responses = [response[0] for response in row["resps"]]
    texts = [response for response in responses if isinstance(response, str)]
    likelihoods = [float(r[0]) if isinstance(r, tuple | list) else float(r) for r in responses if r not in texts]
    return {
        "group": row["doc_hash"][:16],
        "prompt": cut_middle(str(row["arguments"][0][0]), PROMPT),
        "prompt_hash": row["prompt_hash"][:16],
        "target_hash": row["target_hash"][:16],
        "target": str(row["target"]),
        "prediction": texts[0] if texts else None,
        "gold_loglikelihood": None,
        "option_loglikelihoods": {str(n): value for n, value in enumerate(likelihoods)} or None,
        "scores": {},
    }


def _named(prefix: str, metric: str, filtered: str) -> str:
    """Return a score's name: the metric as lm-eval calls it, with its filter if it has several."""
    return f"{prefix}{metric}" if filtered == "none" else f"{prefix}{metric},{filtered}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not math.isnan(value)


@cache
def _manager(folder: str | None, defaults: bool) -> TaskManager:
    """Return lm-eval's index, which takes it seconds to make."""
    return TaskManager(include_path=folder, include_defaults=defaults)


def _unsafe(manager: TaskManager, name: str) -> Iterator[str]:
    """Yield the tasks of a name that score by running what a model wrote; no module of theirs is imported."""
    entry = manager.task_index.get(name)
    config = (entry.cfg or {}) if entry else {}
    if config.get("unsafe_code"):
        yield name
    members = config.get("task") if entry and entry.kind is Kind.GROUP else None
    tagged = sorted(entry.tags) if entry and entry.kind is Kind.TAG else []
    for member in [*(members if isinstance(members, list) else []), *tagged]:
        named = member if isinstance(member, str) else member.get("task", member.get("group"))
        yield from _unsafe(manager, str(named))


@contextmanager
def _conditions(*, sandboxed: bool) -> Iterator[None]:
    """Set the seeds of `simple_evaluate`, keep resampling in this process, and put all back.

    Templates of files that are not trusted run in Jinja's sandbox: outside of it they can reach any code.
    """
    states, templates = (random.getstate(), np.random.get_state()), environment.env
    alone = os.environ.get("DISABLE_MULTIPROC")
    with torch.random.fork_rng():
        random.seed(DEFAULT_RANDOM_SEED)
        np.random.seed(DEFAULT_OTHER_SEED)
        torch.manual_seed(DEFAULT_OTHER_SEED)
        os.environ["DISABLE_MULTIPROC"] = "1"
        if sandboxed:
            environment.env = SandboxedEnvironment(
                loader=templates.loader, undefined=templates.undefined, keep_trailing_newline=True
            )
            environment.env.filters |= templates.filters
        try:
            yield
        finally:
            environment.env = templates
            random.setstate(states[0])
            np.random.set_state(states[1])
            os.environ.pop("DISABLE_MULTIPROC")
            os.environ.update({"DISABLE_MULTIPROC": alone} if alone is not None else {})


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
