"""Is training needed at all? Trained models beside the base model by the study's prompting baselines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from medcot_bench.analysis.per_item import Key, base_of, paired_difference, rows_of, values_of
from medcot_bench.analysis.ranks import choose_score
from medcot_bench.results.comparisons import Prompted
from medcot_bench.results.folder import Results
from medcot_bench.stats.contrasts import Part, contrast, shared_items
from medcot_bench.stats.p_values import difference, equivalence, holm


def compare_with_prompting(results: Results) -> tuple[Prompted, ...]:
    """Compare every trained row with the base model by its own prompt and by every baseline.

    By the score that the rows of the training task are ranked by; rows without it, or without a shared item, are
    left out. Empty without baselines in the study.
    """
    found: list[Prompted] = []
    if results.plan.baselines:
        for task in dict.fromkeys(cell.cell.task for cell in results.cells if cell.cell.task in results.tasks):
            family = [*_pairs(results, str(task))]
            differences = holm([pair.difference for pair in family])
            equivalences = holm([pair.equivalence for pair in family])
            found += [
                replace(pair, difference=one, equivalence=other)
                for pair, one, other in zip(family, differences, equivalences, strict=True)
            ]
    return tuple(found)


def _pairs(results: Results, task: str) -> Iterator[Prompted]:
    rows = rows_of(results)
    trained: list[Key] = [key for key in rows if key[1] == task]
    prompts = [key for key, cells in rows.items() if key == base_of(rows) or cells[0].baseline]
    read = {key: values_of(results, rows[key], task) for key in (*trained, *prompts)}
    score = choose_score(results, [read[key][0] for key in trained if read[key][0]])
    asked = results.analysis.margin_of(score)
    margin = asked.size if asked else None  # a share of full fine-tuning's gain says nothing of a prompt
    for key in trained:
        own, groups = read[key][0].get(score, {}), read[key][1]
        for prompt in prompts:
            by_prompt = next(iter(read[prompt][0].get(score, {}).values()), {})
            paired = paired_difference(own, dict.fromkeys(own, by_prompt), score)
            if shared_items(paired):
                gap = contrast([Part(paired, groups, alike=results.analysis.weights)])
                tested = None if margin is None else equivalence(gap, margin)
                yield Prompted(task, key[0], prompt[0], score, gap, margin, difference(gap), tested)
