"""The notes of a leaderboard: a sentence each on items, recipes, machines and versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from medcot_bench.analysis.learning_rates import count_rates_tried
from medcot_bench.report.format import listed
from medcot_bench.report.precision import write_precision
from medcot_bench.results.conditions import Counts, ScoredTask
from medcot_bench.results.leaderboard import Failure, Leaderboard, Row
from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.results.trials import Trial, at_edge, find_ties
from medcot_bench.text import counted

UNTUNED = "Learning rates were not tuned; differences may come from the recipe, not the method (--tune-lr 3)"
UNCHANGED = "every prediction and likelihood equals the base model's: training changed nothing"


def write_notes(board: Leaderboard) -> list[str]:
    """Return the notes of a study, a sentence each without its full stop."""
    return [
        *_recipes(board),
        *(note for task, scored in board.scored.items() for note in _items(task, scored)),
        *_settings(board),
        *(["Groups count alike in means over items, however many items each has"] * (board.weights == "groups")),
        *([write_precision(board.precision)] if board.precision else []),
        *_looks(board.looks),
        *map(write_left_out_baseline, board.left_out_baselines),
        *board.remarks,
        *([rates] if (rates := write_rates(board.rows, board.trials)) else []),
        *map(_edge, at_edge(board.trials)),
        *_ties(board.trials),
        *(f"{run}: forgetting was measured on another general text, and is left out" for run in board.other_texts),
        *_made_by(board),
        *_marks(board),
    ]


def write_rates(rows: Iterable[Row], trials: Iterable[Trial]) -> str:
    """Say how learning rates came about, empty where nothing is trained."""
    tried = count_rates_tried([(row.adapter, row.task) for row in rows], trials)
    counts = sorted({count for count in tried.values() if count})
    if not counts:
        return UNTUNED if tried else ""
    untuned = dict.fromkeys(adapter for (adapter, _), count in tried.items() if not count)
    but = f"; not tuned: {', '.join(untuned)}" if untuned else ""
    return f"Best of {' or '.join(map(str, counts))} learning rates per adapter and task, by validation NLL{but}"


def write_failure(failure: Failure) -> str:
    """Say what is missing of a row, and why."""
    where = f"seed {failure.seed}, " if failure.seed is not None else ""
    scoring = f"scoring {failure.task}, " if failure.task else ""
    return f"{where}{scoring}{failure.status}: {failure.error}"


def write_left_out_baseline(left_out: LeftOutBaseline) -> str:
    """Say which prompting baseline a task does not have, and why."""
    which = f"no baseline {left_out.baseline}" if left_out.baseline else "no baselines"
    return f"{left_out.task}: {which}: {left_out.reason}"


def _recipes(board: Leaderboard) -> Iterator[str]:
    """Say which fields of the recipes differ, and who has which value."""
    by_task: defaultdict[str, list[str]] = defaultdict(list)
    for found in board.recipe_differences:
        adapters: defaultdict[str, list[str]] = defaultdict(list)
        for adapter, value in found.values.items():
            adapters[_value(value)].append(adapter)
        by_task[found.task].append(
            f"{found.field} " + ", ".join(f"{value} for {', '.join(who)}" for value, who in adapters.items())
        )
    for task, fields in by_task.items():
        yield f"{task}: recipes differ in more than the learning rate: {'; '.join(fields)}; a gap may come of it"


def _value(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _items(task: str, scored: ScoredTask) -> Iterator[str]:
    if scored.left_out:
        yield f"{task}: left out " + ", ".join(f"{count} ({why})" for why, count in scored.left_out.items())
    yield from (f"{task}: {remark}" for remark in scored.remarks)
    if scored.lm_eval:
        yield _lm_eval(task, scored)
    if scored.counts:
        yield f"{task}: {_counted(scored.counts)}"
    yield from (f"{task}, {row}: {_counted(counts)}" for row, counts in scored.by_baseline.items())


def _counted(counts: Counts) -> str:
    return (
        f"{counted(counts.items, 'item')}; {counts.extractive} extractive, "
        f"{counted(counts.shortened, 'context')} truncated, {counts.dropped} dropped as too long"
    )


def _lm_eval(task: str, scored: ScoredTask) -> str:
    names = [*scored.lm_eval]
    shown = ", ".join(f"{name} {scored.lm_eval[name].version}" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    shots = sorted({str(one.num_fewshot) for one in scored.lm_eval.values()})
    return (
        f"{task}: {counted(scored.documents or 0, 'document')}, scored by lm-eval's own code ({shown}{more}), "
        f"{' or '.join(shots)}-shot; not compared with other tasks"
    )


def _settings(board: Leaderboard) -> Iterator[str]:
    made = board.made_with
    if made is None:
        return
    limit = f"at most {counted(made.limit, 'item')} per task" if made.limit else "every item"
    limit += f", answers generated for {made.generate_items} of them" if made.generate_items else ""
    yield f"Scored on the '{made.split}' split: {limit}, {made.num_fewshot}-shot"
    if made.split != "eval":
        yield f"'{made.split}' items are for development: this table says nothing about new items"
    if made.shuffled_labels:
        yield "Trained on shuffled answers: a control, not a method"
    template = "the model's chat template" if made.chat_template else "no chat template"
    yield f"Prompts in training and scoring: {template}" + (", a system prompt" if made.system_prompt else "")


def _looks(count: int) -> Iterator[str]:
    if count:
        often = "once" if count == 1 else f"{count} times"
        yield f"Seeds were added {often} after results were there: p-values don't account for that"


def _edge(trial: Trial) -> str:
    return (
        f"{trial.adapter} on {trial.task}: the best learning rate, {trial.rate:g}, is at the edge of those tried; "
        "a better one may lie beyond"
    )


def _ties(trials: Sequence[Trial]) -> Iterator[str]:
    """Say which rates the search could not tell from the one that it chose."""
    seeds: defaultdict[tuple[str, str, float], int] = defaultdict(int)
    for trial in trials:
        seeds[trial.adapter, trial.task, trial.rate] += 1
    for (adapter, task), (chosen, *others) in find_ties(trials).items():
        rates = listed([f"{chosen:g} (chosen)", *(f"{rate:g}" for rate in others)])
        yield (
            f"{adapter} on {task}: {len(others) + 1} learning rates within the noise, {rates}: their validation "
            f"NLL differs by at most two standard errors, with {counted(seeds[adapter, task, chosen], 'seed')}"
        )


def _made_by(board: Leaderboard) -> Iterator[str]:
    made = board.made_by
    for task, count in made.overlong.items():
        items = counted(count, "training item", ("is", "are"))
        yield f"{task}: {items} longer than training.max_length, and left out"
    if made.machines:
        yield f"Made on {' and '.join(made.machines)}"
    if made.several_for_training:
        yield "Models were trained on different devices or numbers of threads: their seconds are not comparable"
    if made.engines:
        several = len(made.engines) > 1
        differ = "; likelihoods differ by rounding" if several else ""
        yield f"Scored by the engine{'s' if several else ''} {listed(made.engines)}{differ}"
    if len(made.packages) > 1:
        yield "Rows were made with different package versions: differences between them may come from that"
    for versions in made.packages if len(made.packages) == 1 else ():
        yield "Made with " + ", ".join(f"{name} {version}" for name, version in versions.items())


def _marks(board: Leaderboard) -> Iterator[str]:
    """Say how evaluations are marked by the gates of scoring."""
    for row in board.rows:
        name = f"{row.adapter} trained on {row.task}" if row.task else row.adapter
        for task, part in row.tasks.items():
            for mark in (*part.marks, *([UNCHANGED] if part.unchanged else [])):
                yield f"{name}, scored on {task}: {mark}"
