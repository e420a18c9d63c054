"""`medcot-bench compare DIR --items N`: the items on which methods differ most, with their answers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from medcot_bench.analysis.item_differences import find_item_differences
from medcot_bench.errors import MedcotError
from medcot_bench.report.item_answers import HOW, OLDER, answers_table, write_differences, write_item
from medcot_bench.report.terminal import draw_table, wrap
from medcot_bench.results.folder import Results


def show_items(options: argparse.Namespace, folders: Sequence[Results], score: str) -> int:
    """Print the items for every training and evaluation task; return the exit status."""
    if options.items < 1:
        raise MedcotError(f"--items takes a number from 1 on, not {options.items}")
    if options.baseline:
        raise MedcotError("--items compares every row with every other; leave out --baseline")
    tasks = [*find_item_differences(folders, score, options.items)]
    if not tasks:
        raise MedcotError(f"no two rows have the score {score} on an evaluation task, so no item differs")
    for found in tasks:
        print(wrap(write_differences(found, score)))
        for number, item in enumerate(found.items, 1):
            print()
            for line in write_item(number, item):
                print(wrap(line, break_words=True))
            print(draw_table(answers_table(item, options.folders)))
        print()
    if any(item.question is None for found in tasks for item in found.items):
        print(OLDER)
    print(wrap(HOW))
    return 0
