"""Is training needed at all? Trained models beside the untouched base by the study's prompting baselines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from medcot_bench.analysis.contrasts import Contrast, Part, contrast, shared_items
from medcot_bench.analysis.inference import difference, equivalence, holm
from medcot_bench.analysis.ranks import primary
from medcot_bench.analysis.values import Key, ahead, base_of, rows_of, values_of
from medcot_bench.analysis.verdict import Finding, finding
from medcot_bench.results import Results


@dataclass(frozen=True, slots=True)
class Prompted:
    """A trained row and the base by one prompt, on the task that was trained on."""

    task: str
    adapter: str
    prompt: str
    """The base's row: `none`, or e.g. `none (few_shot=5)`."""
    score: str
    ahead: Contrast
    """How much better the trained models are, paired by item, the base's one answer beside every seed's."""
    margin: float | None
    difference: float | None
    """The p-value of no difference, adjusted for the pairs of one training task (Holm)."""
    equivalence: float | None
    """The p-value of a difference of the margin or more, adjusted likewise; None also without a margin."""

    @property
    def settled(self) -> bool:
        """Whether there is anything to conclude from: more than one seed, and enough groups that differ."""
        return self.ahead.seeds > 1 and not self.ahead.sparse

    @property
    def finding(self) -> Finding:
        """What the two tests tell."""
        return finding(self.ahead.value, self.difference, self.equivalence)


def prompted(results: Results) -> tuple[Prompted, ...]:
    """Compare every trained row with the base's own and by every baseline; nothing without baselines in the study.

    By the score that the rows of the training task are ranked by; what lacks it or shares no item is left out.
    """
    found: list[Prompted] = []
    if results.baselines:
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
    score = primary(results, [read[key][0] for key in trained if read[key][0]])
    margin = results.analysis.margins.get(score)
    for key in trained:
        own, groups = read[key][0].get(score, {}), read[key][1]
        for prompt in prompts:
            by_prompt = next(iter(read[prompt][0].get(score, {}).values()), {})
            paired = ahead(own, dict.fromkeys(own, by_prompt), score)
            if shared_items(paired):
                gap = contrast([Part(paired, groups)])
                tested = None if margin is None else equivalence(gap, margin)
                yield Prompted(task, key[0], prompt[0], score, gap, margin, difference(gap), tested)
