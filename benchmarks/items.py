"""Print what the bundled items are like: entities, groups, lengths in tokens, distinct items, commonest answer."""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from itertools import islice

from tabulate import tabulate

from medcot_bench.base_model.resolve import resolve
from medcot_bench.models.load import load_tokenizer, weights_folder
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.schema import DEFAULT_MODEL
from medcot_bench.study.spec_strings import parse_specs
from medcot_tasks.bundled import LEVELS

TASKS = ("medqa_cot", "medcalc_cot", "k8s_qa", "kubectl", "manuals_qa")
HEADERS = ["task", "entities", "train groups", "prompt tokens", "target tokens", "distinct", "commonest answer"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000, help="training items of each task to look at")
    options = parser.parse_args()
    tokenizer = load_tokenizer(weights_folder(resolve(DEFAULT_MODEL)))
    rows = []
    for level in LEVELS:
        for name in TASKS:
            chosen = resolve_task(parse_specs(f"{name}:level={level}")[0], installed())
            rows.append([f"{name}, {level}", *describe(chosen, tokenizer, options.items)])
    print(tabulate(rows, HEADERS, tablefmt="pipe"))


def describe(chosen: ResolvedTask, tokenizer: object, count: int) -> list[str]:
    task = chosen.task
    items = list(islice(task.examples("train"), count))
    prompts = [task.prompt(example, "default") for example in items]
    targets = [task.target(example) for example in items]
    sample = slice(0, 2000)
    answers = Counter(target.answer for target in targets)
    return [
        str(len({example.group.split("/")[1] for example in items})),
        str(len({example.group for example in items})),
        spread(tokenizer, prompts[sample]),
        spread(tokenizer, [target.text for target in targets[sample]]),
        f"{len(set(prompts)) / len(prompts):.1%}",
        f"{answers.most_common(1)[0][1] / len(items):.1%}",
    ]


def spread(tokenizer: object, texts: list[str]) -> str:
    """Median and 99th percentile of the number of tokens."""
    lengths = [len(ids) for ids in tokenizer(texts)["input_ids"]]  # type: ignore[operator]
    return f"{statistics.median(lengths):.0f}, {statistics.quantiles(lengths, n=100)[98]:.0f}"


if __name__ == "__main__":
    main()
