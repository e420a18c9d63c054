"""`medcot-bench merge DIR RUN OUT`: a trained model as one folder that other programs load."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medcot_bench.cli.progress import say_on_terminal, say_phase
from medcot_bench.cli.supervision_arguments import read_timeout
from medcot_bench.cli.trained_arguments import add_trained_arguments, find_trained
from medcot_bench.errors import ConfigError
from medcot_bench.planning.status import package_versions
from medcot_bench.report.format import size
from medcot_bench.report.run_card import write_run_card
from medcot_bench.runner.answer import answer_of
from medcot_bench.runner.events import Merged
from medcot_bench.runner.protocol import Job, Merge
from medcot_bench.runner.supervision import Timeouts
from medcot_bench.study.paths import read_path
from medcot_bench.text import counted
from medcot_bench.trained.find import Trained
from medcot_bench.version import __version__

NOTE = "medcot_merge.json"
"""Says in the folder how it was made, and how the model was asked."""

CARD = "README.md"
"""The model card, where the hub looks for it."""


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "merge",
        help="write a trained model as one folder that transformers loads",
        description="Merge the adapter of a finished run into its base model and write the model with its "
        "tokenizer as safetensors; a fully trained model is copied. docs/serving.md says how to serve it.",
        allow_abbrev=False,
    )
    add_trained_arguments(command)
    command.add_argument("out", type=read_path, metavar="OUT", help="the folder to make; it must not exist")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Write the folder, whole or not at all; return the exit status."""
    out: Path = options.out
    if out.exists() or out.is_symlink():
        raise ConfigError(f"{out} already exists; name another folder")
    timeouts = read_timeout(options)
    trained = find_trained(options.folder, options.cell, timeouts.plan)
    spec = trained.adapter.adapter.spec
    if spec.update == "none" and not spec.weights:
        raise ConfigError(
            f"{trained.name} is the base model, with nothing to merge: serve {trained.study.model} itself"
        )
    if spec.whole:
        raise ConfigError(f"{trained.name} is a whole model already, with nothing to merge: use it where it lies")
    work = out.absolute().with_name(f".making-{out.name}-{os.getpid()}")
    try:
        work.mkdir(parents=True)
        made = _copied(trained, work) if spec.update == "full" else _merged(trained, work, options, timeouts)
        (work / NOTE).write_text(json.dumps(_note(trained) | made, indent=1, ensure_ascii=False) + "\n")
        uncarded = _write_card(trained, work / CARD, options.model)
        for path in work.iterdir():
            path.chmod((work / NOTE).stat().st_mode)  # safetensors makes files that their owner alone reads
        work.rename(out.absolute())
    except OSError as error:
        raise ConfigError(f"can't write {out}: {error.strerror}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{trained.name} {made['how']}: {out} ({size(written)}, {made['dtype']})")
    print(_checked(made))
    if uncarded:
        print(f"note: no {CARD}: {uncarded}")
    if trained.retrained:
        print(f"note: {trained.retrained}")
    return 0


def _copied(trained: Trained, work: Path) -> dict[str, Any]:
    if trained.weights is None or trained.record is None:
        raise RuntimeError("a fully trained cell was found without its weights")
    shutil.copytree(trained.weights, work, dirs_exist_ok=True)
    return {"how": "copied: its weights are the whole model", "dtype": trained.record.dtypes["weights"]}


def _merged(trained: Trained, work: Path, options: argparse.Namespace, timeouts: Timeouts) -> dict[str, Any]:
    job = Job(
        work=Merge(
            root=str(options.folder),
            cell=trained.name,
            folder=str(work),
            model=options.model,
            device=options.device,
        ),
        threads=trained.study.threads,
        offline=not trained.of_hub,
    )
    say_on_terminal(f"merging {trained.name}, and scoring it on a few items before and after ...")
    done = answer_of(job, Merged, timeouts, on_phase=say_phase)
    quantisation = trained.adapter.adapter.spec.quantisation
    into = "its base" if quantisation == "none" else f"its base's {quantisation} weights, written out"
    check = {"gold_nll": asdict(done.check)} if done.check else {"unchecked": done.unchecked}
    return {"how": f"merged into {into}", "dtype": done.dtype, **check}


def _write_card(trained: Trained, path: Path, model: str | None) -> str:
    """Write the card of the model; say why where it can have none, which is no reason not to merge."""
    path.unlink(missing_ok=True)  # a saved model may bring the card of another program
    try:
        card = write_run_card(trained.results, trained.result, trained.licence(model), whole=True)
    except ConfigError as error:
        return str(error)
    path.write_bytes(card.encode(errors="backslashreplace"))
    return ""


def _checked(made: dict[str, Any]) -> str:
    """Say what the check of a merge found."""
    if "unchecked" in made:
        return f"not checked: {made['unchecked']}"
    if "gold_nll" not in made:
        return "nothing to check: these are the weights of the run"
    found = made["gold_nll"]
    return (
        f"gold_nll on {counted(found['items'], 'item')} of {found['task']}: {found['unmerged']:.5f} unmerged, "
        f"{found['merged']:.5f} merged ({found['merged'] - found['unmerged']:+.1e})"
    )


def _note(trained: Trained) -> dict[str, Any]:
    """Return what a user of the folder has to know: where it comes from, and how it was asked."""
    asked = trained.task() if trained.cell.task else None
    spec = asked.task.spec if asked else None
    return {
        "cell": trained.name,
        "adapter": trained.cell.adapter,
        "trained_on": trained.cell.task,
        "seed": trained.cell.seed,
        "base": dict(trained.results.base),
        "prompts": dict(trained.prompts),
        "retrained": trained.retrained,
        "num_fewshot": trained.study.scoring.num_fewshot,
        "stop": list(spec.stop) if spec else [],
        "max_new_tokens": (trained.study.scoring.max_new_tokens or spec.max_new_tokens) if spec else None,
        "medcot_bench": __version__,
        "packages": package_versions(),
    }
