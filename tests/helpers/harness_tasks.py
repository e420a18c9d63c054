"""Task files in lm-eval's form with their data: one of each kind of request, and a group of two."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

COLOURS = ["red", "green", "blue"]
CHOICE = """
task: colours
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/colours.jsonl, train: {folder}/shots.jsonl}}}}
output_type: multiple_choice
test_split: test
fewshot_split: train
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: label
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
metadata: {{version: 2.0}}
"""
GENERATION = """
task: repeats
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/colours.jsonl}}}}
output_type: generate_until
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{choices[label]}}}}"
generation_kwargs: {{until: ["\\n", "e"], max_gen_toks: 6, do_sample: false}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}}
filter_list:
  - {{name: first, filter: [{{function: take_first}}]}}
  - name: word
    filter: [{{function: regex, regex_pattern: "(\\\\w+)"}}, {{function: take_first}}]
"""
PERPLEXITY = """
task: prose
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/colours.jsonl}}}}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{{{passage}}}}"
metric_list:
  - {{metric: word_perplexity}}
  - {{metric: byte_perplexity}}
  - {{metric: bits_per_byte}}
"""
GROUP = """
group: both
task: [colours, more_colours]
aggregate_metric_list:
  - {metric: acc, aggregation: mean, weight_by_size: true}
"""
MORE = """
include: colours.yaml
task: more_colours
doc_to_text: "{{question}} It is"
"""


def write_tasks(folder: Path) -> Path:
    """Write the task files and their data; return the folder."""
    folder.mkdir(exist_ok=True)
    questions = [f"Which colour has thing {n}?" for n in range(7)]
    rows = [
        {"question": text, "choices": COLOURS, "label": n % 3, "passage": f"{text} It is red or blue. " * (1 + n)}
        for n, text in enumerate(questions)
    ]
    _write(folder / "colours.jsonl", rows)
    _write(folder / "shots.jsonl", [{**row, "question": f"Is it {n}?"} for n, row in enumerate(rows)])
    for name, text in (("colours", CHOICE), ("repeats", GENERATION), ("prose", PERPLEXITY)):
        (folder / f"{name}.yaml").write_text(text.format(folder=folder))
    (folder / "more.yaml").write_text(MORE)
    (folder / "both.yaml").write_text(GROUP)
    return folder


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
