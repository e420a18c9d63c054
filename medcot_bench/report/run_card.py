"""One trained model as a model card of the Hugging Face hub: how to load it, its data, its own scores."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

import yaml

from medcot_bench.analysis.lm_eval import read_names_in_files
from medcot_bench.errors import ConfigError, ConfigErrors
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph, Table
from medcot_bench.report.document import DISCLAIMER
from medcot_bench.report.exporters.markdown import written
from medcot_bench.report.exporters.model_card import TAGS, data_set, described, find_misnamed
from medcot_bench.report.format import duration, number, one_line, size
from medcot_bench.results.cell_result import CellResult
from medcot_bench.results.folder import Results
from medcot_bench.results.records import CellRecord
from medcot_bench.results.score_lines import score_lines
from medcot_bench.study.spec_strings import Spec
from medcot_bench.text import counted

HERE = "PATH_OR_REPOSITORY"
"""What stands in the code of a card for the place that the model will have."""
NF4 = """BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
)"""


def write_run_card(results: Results, cell: CellResult, licence: str | None, *, whole: bool = False) -> str:
    """Return the card of a training run; `licence` is the base model's.

    `whole` says that the folder holds the whole model, as after a merge, and no adapter.
    Raises ConfigError for a run that is not trained, or where a task's own items go by a public benchmark's name.
    """
    record = cell.record
    if record is None:
        raise ConfigError(f"{cell.cell.name} is not trained, so it has no card")
    if record.updates == "none" and not _is_external(record):
        raise ConfigError(f"{cell.cell.name} is the base model, whose card is its own")
    titles = {task: results.title(task) for task in cell.evaluations}
    if wrong := [*find_misnamed(titles, read_names_in_files(results))]:
        raise ConfigErrors(wrong)
    licence = None if _is_external(record) else licence  # whose licence is its own
    whole = whole or record.updates == "full" or (_is_external(record) and not _is_of_peft(record))
    lines = [*score_lines([cell], results.plan.general_text, results.items, results.analysis.weights)]
    metadata = _metadata(results, cell, record, lines, licence, whole=whole)
    front = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=float("inf"))
    about = map(written, _about(results, cell, record, licence))
    rest = map(written, _rest(results, record, lines))
    return "\n\n".join([f"---\n{front}---", *about, _how_to_load(record, whole=whole), *rest]) + "\n"


def _metadata(
    results: Results,
    cell: CellResult,
    record: CellRecord,
    lines: Sequence[dict[str, Any]],
    licence: str | None,
    *,
    whole: bool,
) -> dict[str, Any]:
    library = "transformers" if whole else "peft" if _is_of_peft(record) else None
    found: dict[str, Any] = {
        "license": licence or "unknown",
        **({"library_name": library} if library else {}),
        "pipeline_tag": "text-generation",
        "tags": [*TAGS],
    }
    if (hub := _hub_base(record)) and not (whole and _is_external(record)):
        found |= {"base_model": hub[0], "base_model_relation": "finetune" if whole else "adapter"}
    entries = [
        {
            "task": {"type": "text-generation", "name": one_line(task)},
            "dataset": data_set(task, results.title(task)),
            "metrics": [_metric(line) for line in lines if line["task"] == task],
        }
        for task in cell.evaluations
    ]
    name = f"{_base_name(record)}, {one_line(_title(results, record))}"
    return found | ({"model-index": [{"name": name, "results": entries}]} if lines else {})


def _metric(line: dict[str, Any]) -> dict[str, Any]:
    name = one_line(line["metric"])
    args = {key: line[key] for key in ("stderr", "items", "groups") if line[key] is not None}
    direction = "" if line["higher_is_better"] else " (lower is better)"
    return {"type": name, "value": line["value"], "name": f"{name}{direction}", "args": args}


def _about(results: Results, cell: CellResult, record: CellRecord, licence: str | None) -> Iterator[Block]:
    base = f"{_base_name(record)} ({record.base['origin']}, {record.base['digest']})"
    yield Heading(f"{_base_name(record)}, {_title(results, record)}", 1)
    made = f"medcot-bench {record.provenance.medcot_bench}"
    if _is_external(record):
        kind = (
            "adapter, scored through lm-eval on" if _is_of_peft(record) else "model, scored through lm-eval beside"
        )
        yield Paragraph(f"An external {kind} {base}, with {made}.")
    else:
        yield Paragraph(f"Fine-tuned from {base} by {record.adapter}, and scored through lm-eval, with {made}.")
    if licence:
        yield Paragraph(f"Licence of the base model: {licence}. Check that of the data before you publish.")
    else:
        named = "" if _is_external(record) else "The base model's files name none; "
        yield Paragraph(f"Licence: unknown. {named}{'check' if named else 'Check'} it before you publish.")
    if record.retrained:
        yield Paragraph(f"These are {record.retrained}; the scores are of the weights before.")
    yield Heading("How to load it")
    prompt = record.request.get("prompt", {})
    chat = "with" if prompt.get("chat_template") else "without"
    system = "a system prompt" if prompt.get("system_prompt") else "no system prompt"
    done = "scored" if _is_external(record) else "trained"
    yield Paragraph(f"It was {done} {chat} a chat template, and with {system}.")


def _how_to_load(record: CellRecord, *, whole: bool) -> str:
    """Return the code that loads the model; that of an adapter no PEFT can read is medcot-bench's own."""
    if not whole and not _is_of_peft(record):
        return "Only its adapter plugin can load it: `medcot-bench predict` in the result folder does."
    if whole:
        load = [
            f'model = AutoModelForCausalLM.from_pretrained("{HERE}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{HERE}")',
        ]
        return _code("from transformers import AutoModelForCausalLM, AutoTokenizer", "", *load)
    hub = _hub_base(record)
    place = f"{json.dumps(hub[0])}, revision={json.dumps(hub[1])}" if hub else '"PATH_OF_THE_BASE_MODEL"'
    nf4 = record.request.get("base", {}).get("quantisation") == "nf4"
    classes = "AutoModelForCausalLM, AutoTokenizer" + (", BitsAndBytesConfig" if nf4 else "")
    quantised = ", quantization_config=quantised" if nf4 else ""
    return _code(
        "from peft import PeftModel",
        f"from transformers import {classes}",
        "",
        *([f"quantised = {NF4}"] if nf4 else []),
        f"base = AutoModelForCausalLM.from_pretrained({place}{quantised})",
        f'model = PeftModel.from_pretrained(base, "{HERE}")',
        f"tokenizer = AutoTokenizer.from_pretrained({place})",
    )


def _is_external(record: CellRecord) -> bool:
    return "weights" in record.request["adapter"]


def _is_of_peft(record: CellRecord) -> bool:
    """Whether an adapter is in PEFT's layout, as all that are saved by older records are."""
    if _is_external(record):
        return bool(record.request["adapter"]["name"] == "peft")
    return not record.saved or "adapter_config.json" in record.saved


def _code(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])


def _rest(results: Results, record: CellRecord, lines: Sequence[dict[str, Any]]) -> Iterator[Block]:
    yield Heading("Training")
    training, phase = record.training, record.phases["train"]
    if record.task:
        data = f"{counted(training.items, 'item')} of {results.title(record.task)}"
        yield Table(
            ["data", "learning rate", "steps", "tokens", "trainable", "peak memory", "time"],
            [
                [
                    *(data, f"{record.request.get('recipe', {}).get('lr', 0):.2g}", str(training.steps)),
                    *(number(training.tokens), number(record.trainable_parameters)),
                    *(size(phase.peak_bytes), duration(phase.seconds)),
                ]
            ],
        )
    else:
        yield Paragraph("How it was trained is not known here.")
    yield Heading("Scores")
    yield Paragraph("Of this model alone; standard errors are over groups of items.")
    yield Table(
        ["evaluation task", "relation", "metric", "value", "items", "groups"],
        [
            [
                *(results.title(line["task"]), line["relation"].replace("_", " "), _metric(line)["name"]),
                f"{line['value']:.3f}" + ("" if line["stderr"] is None else f" ±{line['stderr']:.3f}"),
                *("" if line[key] is None else str(line[key]) for key in ("items", "groups")),
            ]
            for line in lines
        ],
    )
    tasks = dict.fromkeys(line["task"] for line in lines)
    yield Heading("Data")
    yield Items([f"{results.title(task)}: {described(task, results.title(task))}" for task in tasks])
    yield Heading("Limits")
    own = "Scores on a task's own items can't be compared with any that are reported for a public benchmark."
    yield Items([DISCLAIMER, "One training run describes this model, not its method.", own])


def _title(results: Results, record: CellRecord) -> str:
    if record.task:
        return f"{record.adapter}, trained on {results.title(record.task)}, seed {record.seed}"
    place = Spec.read(record.adapter).options.get("path", record.adapter)
    of_hub = str(record.request["adapter"]["weights"]).startswith("hub:")
    kind = "adapter" if _is_of_peft(record) else "model"
    return f"{place if of_hub else PurePath(place).name}, external {kind}"


def _base_name(record: CellRecord) -> str:
    """Return the base model's name; of a folder or file its last part, since a card is for others."""
    name = record.base["name"]
    return one_line(name.partition("@")[0] if _hub_base(record) else PurePath(name).name)


def _hub_base(record: CellRecord) -> tuple[str, str] | None:
    """Return id and commit of a base model from the hub."""
    kind, _, rest = record.base["digest"].partition(":")
    name, _, commit = rest.rpartition("@")
    return (name, commit) if kind == "hub" else None
