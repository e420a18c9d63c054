"""The arguments that describe a study, shared by `run` and `plan`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from medcot_bench.errors import ConfigError
from medcot_bench.results import study_file
from medcot_bench.study import presets
from medcot_bench.study.loading import load_study
from medcot_bench.study.paths import read_path
from medcot_bench.study.schema import DEFAULT_MODEL, Study
from medcot_bench.study.task_files import name_of

# heading of the help -> flag -> (field of the study, placeholder, help)
_GROUPS = {
    "what is compared": {
        "--tasks": ("tasks", "NAME[,NAME]", "tasks to train on; every model is also scored on each of them"),
        "--eval-tasks": (
            "eval_tasks",
            "NAME[,NAME]",
            "tasks to score on without training; lm_eval:NAME for tasks of lm-eval",
        ),
        "--adapters": ("adapters", "SPEC[,SPEC]", "e.g. none,full:lr=1e-5,layer_lora:select=top,k=2,qlora"),
        "--baselines": (
            "baselines",
            "NAME[,NAME]",
            "prompting baselines of the base model: zero_shot,few_shot=5,cot,no_context",
        ),
        "--seeds": ("seeds", "N[,N]|N-N", "training seeds, e.g. 0-2 or 0,1,2 for three runs each (default 0)"),
    },
    "model": {
        "--model": ("model", "MODEL", f"hub id[@revision], folder or GGUF file (default {DEFAULT_MODEL})"),
        "--device": ("device", "DEVICE", "auto, cpu, cuda, cuda:1, mps"),
        "--dtype": ("dtype", "DTYPE", "auto, float32, bfloat16"),
    },
    "training": {
        "--train-items": (
            "training.train_items",
            "N[,N]",
            "training items per task; several numbers, or `all`: one run per number",
        ),
        "--train-tokens": (
            "training.train_tokens",
            "N",
            "token budget of every training run, equal for all adapters",
        ),
        "--lr": ("training.lr", "X[,X]", "learning rate; several rates: as --tune-lr"),
        "--tune-lr": (
            "training.tune_lr",
            "N|X,X",
            "learning-rate search per adapter on validation items: N rates around its default, or these",
        ),
        "--checkpoints": (
            "training.checkpoints",
            "K|A/B,A/B",
            "points of a training run at which the model is also scored by likelihood: K (4: 1/12,1/6,1/3,2/3), "
            "or their shares",
        ),
        "--epochs": (
            "training.epochs",
            "X",
            "passes over the training items; ignored with --max-steps or --train-tokens",
        ),
        "--max-steps": ("training.max_steps", "N", "optimiser steps; items repeat as often as needed"),
        "--max-length": ("training.max_length", "N", "longest training item in tokens"),
        "--batch-size": ("training.batch_size", "N", "items per optimiser step"),
    },
    "scoring": {
        "--limit": ("limit", "N", "evaluation items per task"),
        "--general-text": (
            "general_text",
            "FILE",
            "text file to measure forgetting on (default: the bundled one)",
        ),
    },
    "output": {
        "-o": ("output_dir", "DIR", "result folder (default out)"),
    },
}
_FLAGS = {flag: about for flags in _GROUPS.values() for flag, about in flags.items()}

# flag -> (placeholder, help): the task that `--train` makes
_OWN_FLAGS = {
    "question": ("COLUMN", "column of the question"),
    "answer": ("COLUMN", "column of the answer; without both, columns are recognised by their names"),
    "reasoning": ("COLUMN", "column of the reasoning, trained before the answer"),
    "context": ("COLUMN", "column of the document that the question is about"),
    "group": ("COLUMN", "column of what rows share, e.g. a page: one cluster for standard errors"),
    "domain": ("NAME", "domain of the rows (default own)"),
}


def add_study_arguments(command: argparse.ArgumentParser) -> None:
    """Add the study file, a flag for each common field, and --set for all others."""
    command.add_argument(
        "study", nargs="?", type=read_path, metavar="STUDY.yaml", help="study file (YAML); flags override it"
    )
    command.add_argument(
        "--preset",
        metavar="NAME",
        help=f"a study that comes with the program: {', '.join(presets.names())}; flags override it "
        f"(default without study file and tasks: {presets.DEFAULT})",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any field of the study file, e.g. training.select_by=val_nll or scoring.num_fewshot=2; repeatable",
    )
    groups = {heading: command.add_argument_group(heading) for heading in _GROUPS}
    for heading, flags in _GROUPS.items():
        for flag, (field, placeholder, text) in flags.items():
            names = [flag, "--output-dir"] if flag == "-o" else [flag]
            several = flag in {"--tasks", "--eval-tasks", "--adapters", "--baselines"}
            nargs = "+" if several else None
            groups[heading].add_argument(*names, dest=field, metavar=placeholder, help=text, nargs=nargs)
    groups["what is compared"].add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME[.SPLIT]=SOURCE",
        help="source of a task's items, for all splits or one (train, validation, eval); repeatable",
    )
    groups["what is compared"].add_argument(
        "--no-base",
        action="store_true",
        help="don't score the base model where --adapters leaves none out",
    )
    groups["model"].add_argument(
        "--chat-template",
        action="store_true",
        default=None,
        help="apply the model's chat template, in training and scoring",
    )
    groups["scoring"].add_argument(
        "--trust-task-code",
        action="store_true",
        default=None,
        help="run the code of lm-eval task files; read it first",
    )
    own = command.add_argument_group("your own rows, without code (docs/own_data.md)")
    own.add_argument(
        "--train", type=read_path, action="append", metavar="FILE", help="CSV, JSON lines, a JSON list or parquet"
    )
    for flag, (placeholder, text) in _OWN_FLAGS.items():
        own.add_argument(f"--{flag}", dest=f"own.{flag}", metavar=placeholder, help=text)


def read_study(options: argparse.Namespace) -> tuple[Study, list[str]]:
    """Return the study that file, environment and flags describe, and every error in it."""
    overrides: list[tuple[str, Any]] = []
    errors: list[str] = []
    given = vars(options)
    for field, _, _ in _FLAGS.values():
        value = given[field]
        if field == "training.lr" and value is not None and "," in value:
            field = "training.tune_lr"
            if given[field] is not None:
                errors.append(
                    f"--lr {value}: several rates are a search, and so is --tune-lr {given[field]}; give one"
                )
        if value is not None:
            overrides.append((field, value))
    if options.no_base:
        overrides.append(("base", False))
    if options.chat_template:
        overrides.append(("chat_template", True))
    if options.trust_task_code:
        overrides.append(("trust_task_code", True))
    for text in options.data:
        name, equals, source = text.partition("=")
        if not (name and equals and source):
            errors.append(f"--data {text}: write NAME=file:PATH, NAME.SPLIT=file:PATH or NAME=bundled")
        else:
            overrides.append((f"data.{name}", source))
    for text in options.set:
        field, equals, value = text.partition("=")
        if not (field and equals):
            errors.append(f"--set {text}: write FIELD=VALUE")
        else:
            overrides.append((field, value))
    path = _file(options, errors)
    if path is not None:
        study_file.check_typed(path)
    study, found = load_study(path, overrides, os.environ, _own(options, errors))
    return study, errors + found


def _own(options: argparse.Namespace, errors: list[str]) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the fields of the task that `--train` and its columns describe."""
    fields = {flag: value for flag in _OWN_FLAGS if (value := vars(options)[f"own.{flag}"]) is not None}
    if options.train is None:
        errors += [f"--{flag} {value}: it needs --train FILE" for flag, value in fields.items()]
        return None
    if len(options.train) > 1:
        errors.append(f"--train {options.train[1]}: give one file; write task files for several")
    return name_of(options.train[0]), {"data": str(options.train[0]), **fields}


def _file(options: argparse.Namespace, errors: list[str]) -> Path | None:
    """Return the study file that flags and environment override: the user's, a preset's, or none."""
    if options.preset is None:
        if options.train and not options.study:
            return presets.path_of(presets.OWN)
        named = options.study or options.tasks or options.eval_tasks
        named = named or any(name in os.environ for name in ("MEDCOT_TASKS", "MEDCOT_EVAL_TASKS"))
        return options.study if named else presets.path_of(presets.DEFAULT)
    if options.study is not None:
        errors.append(f"--preset {options.preset}: give the preset or {options.study}, not both")
    try:
        return presets.path_of(options.preset)
    except ConfigError as error:
        errors.append(str(error))
        return None
