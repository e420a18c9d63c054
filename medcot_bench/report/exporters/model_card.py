"""The trained models of a study as a model card: YAML with the Hugging Face hub's `model-index`, then Markdown.

A data set is named by its task and source as in every table, its type lies in a name space of our own. Items that
a task brings along are never listed as a public benchmark, even where a plugin's task is called after one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from medcot_bench.errors import ConfigErrors
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.answer import write_answer
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph, Table
from medcot_bench.report.cost_tables import MEMORY, SECONDS, memory_table, recipe_table, seconds_table
from medcot_bench.report.document import DISCLAIMER, write_failures
from medcot_bench.report.exporters.markdown import written
from medcot_bench.report.format import one_line
from medcot_bench.report.notes import write_notes
from medcot_bench.report.score_tables import describe_overview, describe_scores, score_tables
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.study.schema import BUNDLED

NAMESPACE = "medcot-bench"
TAGS = ["medcot-bench", "lm-eval"]
_NAMES = """
arc arcchallenge arceasy bioasq boolq careqa commonsenseqa drop gpqa gsm8k headqa hellaswag humaneval ifeval
kormedmcqa mbpp medcalc medcalcbench medicalo1 medicalo1reasoningsft medlfqa medmcqa medqa medqa4options
medqausmle medqausmle4options mmlu mmlupro multimedqa naturalquestions openbookqa piqa pubmedqa squad squadv2
techqa triviaqa truthfulqa usmle winogrande
"""
PUBLIC_BENCHMARKS = frozenset(_NAMES.split())
"""Names without case and punctuation."""
AGAIN = """\
## How to make it again

With the study file that lies beside this card in the result folder:

```bash
medcot-bench run study.yaml
medcot-bench export out --format model-card   # out: the -o of the run
```"""


class ModelCard:
    """The exporter plugin."""

    suffix = ".card.md"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole card. Raises ConfigErrors where a task's own items go by a public benchmark's name."""
        if wrong := [*find_misnamed(leaderboard.tasks, leaderboard.names_in_files)]:
            raise ConfigErrors(wrong)
        front = yaml.safe_dump(metadata(leaderboard), sort_keys=False, allow_unicode=True, width=float("inf"))
        about, limits = (map(written, part(leaderboard)) for part in (_about, _limits))
        return "\n\n".join([f"---\n{front}---", *about, AGAIN, *limits]) + "\n"


def metadata(leaderboard: Leaderboard) -> dict[str, Any]:
    """Return the card's metadata: a model for every trained row that has scores.

    No `datasets` and no licence: the hub would look for the first among its own, and nobody knows the second.
    """
    base = leaderboard.base
    found: dict[str, Any] = {"pipeline_tag": "text-generation", "tags": [*TAGS]}
    if base["digest"].startswith("hub:"):
        found["base_model"] = one_line(base["name"]).partition("@")[0]
    models = [
        {"name": f"{one_line(base['name'])}, {_title(leaderboard, row)}", "results": results}
        for row in leaderboard.rows
        if row.task and (results := [*_results(leaderboard, row)])
    ]
    return found | ({"model-index": models} if models else {})


def _results(leaderboard: Leaderboard, row: Row) -> Iterator[dict[str, Any]]:
    for task, part in row.tasks.items():
        metrics = [
            {
                "type": one_line(name),
                "value": value.value,
                "name": _metric(leaderboard, row, task, name),
                "args": _args(value),
            }
            for name in leaderboard.scores
            if (value := part.scores.get(name))
        ]
        if metrics:
            yield {
                "task": {"type": "text-generation", "name": one_line(task)},
                "dataset": data_set(task, leaderboard.tasks[task]),
                "metrics": metrics,
            }


def data_set(task: str, title: str) -> dict[str, str]:
    """Return how the hub's metadata call the items of a task: by a name space of our own."""
    return {"name": one_line(title), "type": f"{NAMESPACE}/{re.sub(r'[^A-Za-z0-9_.]+', '-', task)}"}


def _metric(leaderboard: Leaderboard, row: Row, task: str, name: str) -> str:
    # It names the model as well: programs that read one model per card put all of them under one name.
    direction = "" if leaderboard.higher_is_better(task, name) else " (lower is better)"
    return f"{one_line(name)}{direction} of {_title(leaderboard, row)}"


def _args(value: Contrast) -> dict[str, Any]:
    # Without a number of groups where a score is not a mean over items.
    groups = value.groups or None
    args = {"stderr": value.stderr, "items": value.items, "groups": groups, "seeds": value.seeds}
    return {name: number for name, number in args.items() if number is not None}


def _title(leaderboard: Leaderboard, row: Row) -> str:
    return one_line(f"{row.adapter} trained on {leaderboard.trained_on(row)}")


def _about(leaderboard: Leaderboard) -> Iterator[Block]:
    base = leaderboard.base
    yield Heading(f"Models trained from {base['name']}", level=1)
    yield Paragraph(
        f"Fine-tuned from {base['name']} ({base['origin']}, {base['digest']}) with medcot-bench, by every adapter "
        "on every training task below, and scored through lm-eval. The metadata of this card lists each model's "
        "scores as means over seeds; args are the standard error and the number of items, groups of items and "
        "seeds."
    )
    yield Heading("Models")
    models = [row for row in leaderboard.rows if row.task]
    yield Table(
        ["method", "trained on", "seeds"],
        [[row.adapter, leaderboard.trained_on(row), ", ".join(map(str, row.seeds))] for row in models],
    )
    yield from write_failures(leaderboard, level=2)
    yield from (Heading("Answer"), *write_answer(leaderboard).blocks)
    yield Heading("Data")
    sources = [
        [title, leaderboard.domains[task], described(task, title)] for task, title in leaderboard.tasks.items()
    ]
    yield Table(["data set", "domain", "items"], sources)
    yield Heading("Scores")
    yield Paragraph(" ".join([*describe_overview(leaderboard), describe_scores(leaderboard)]))
    yield from score_tables(leaderboard, level=3)
    yield from (Heading("Costs"), memory_table(leaderboard), Paragraph(MEMORY))
    yield recipe_table(leaderboard)
    yield from (seconds_table(leaderboard), Paragraph(SECONDS))


def _limits(leaderboard: Leaderboard) -> Iterator[Block]:
    parts = [part for row in leaderboard.rows if row.task for part in row.tasks.values()]
    limits = ["Scores on a task's own items can't be compared with any that are reported for a public benchmark."]
    if any(value.seeds == 1 for part in parts for value in part.scores.values()):
        limits.append("One seed compares trained models, not methods.")
    yield Heading("Limits")
    yield Items([DISCLAIMER, *limits, *write_notes(leaderboard)])


def find_misnamed(tasks: Mapping[str, str], names_in_files: Mapping[str, str]) -> Iterator[str]:
    """Yield an error for each task (-> name with source) whose own items go by a public benchmark's name."""
    for task, title in tasks.items():
        source, name = _source(task, title), re.split("[:@]", task)[0]
        if in_file := names_in_files.get(task):
            file = source.removeprefix("file:")
            if public := next(filter(_is_public, (in_file, file.rpartition(".")[0])), None):
                yield (
                    f"model-card: {file} is called '{public}' after a public benchmark, but its items are its "
                    "own; rename it, or score on lm-eval's own task"
                )
        elif source.startswith(BUNDLED) and _is_public(name):
            yield (
                f"model-card: task '{name}' is called after a public benchmark, but its items are its own "
                f"({source}); rename the task, or score on the benchmark's rows by --data {name}=file:PATH"
            )


def _is_public(name: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", name).casefold())
    return plain in PUBLIC_BENCHMARKS


def _source(task: str, title: str) -> str:
    return title.removeprefix(f"{task}[").removesuffix("]")


def described(task: str, title: str) -> str:
    """Say where the items of a task come from."""
    source = _source(task, title)
    own = "the task's own, not to be taken for a public benchmark"
    return own if source.startswith(BUNDLED) else f"from {source}"


@hookimpl
def medcot_make_exporter(name: str) -> ModelCard:
    """Build the exporter."""
    return ModelCard()
