"""What a reader of the leaderboard must know: left-out items, settings, devices, versions."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from medcot_bench.analysis.drift import on_other_texts
from medcot_bench.analysis.learning_rates import about_rates
from medcot_bench.analysis.lm_eval import about
from medcot_bench.analysis.per_item import rows_of
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.plan_file import LeftOutBaseline, PlanFile
from medcot_bench.results.records import EvaluationRecord
from medcot_bench.results.trials import at_edge


def failures(cells: Iterable[CellResult]) -> Iterable[str]:
    """Yield `status: error` of what is missing of a row."""
    for cell in cells:
        if cell.failure:
            where = f"seed {cell.cell.seed}, " if cell.cell.seed is not None else ""
            scoring = f"scoring {cell.failure.score}, " if cell.failure.score else ""
            yield f"{where}{scoring}{cell.failure.status}: {cell.failure.error}"


def _counted(score: EvaluationRecord) -> str:
    counts = score.counts
    return (
        f"{counts['items']} items scored; {counts['extractive']} have their answer in the context given, "
        f"{counts['shortened']} a shortened context, {counts['dropped']} were too long"
    )


def guessing(results: Results, task: str) -> float | None:
    """Return the mean over items of 1 / the number of their options, None for a task without options."""
    cell = next((cell for cell in results.cells if task in cell.evaluations), None)
    if cell is None or cell.evaluations[task].form.get("answer") != "letter":
        return None
    options = [sample.get("option_loglikelihoods") for sample in results.samples(cell, task)]
    return fmean(1 / len(of_item) for of_item in options if of_item) if any(options) else None


def baseline_note(left_out: LeftOutBaseline) -> str:
    """Say which prompting baseline a task has not, and why."""
    which = f"no baseline {left_out.baseline}" if left_out.baseline else "no baselines"
    return f"{left_out.task}: {which}: {left_out.reason}"


def _made_with(plan: PlanFile) -> Iterable[str]:
    """Say what the scores are made with."""
    if made := plan.made_with:
        limit = f"at most {made.limit} items a task" if made.limit else "every item"
        limit += f", answers written for {made.generate_items} of them" if made.generate_items else ""
        yield f"scored on the '{made.split}' split, {limit}, {made.num_fewshot} solved examples before each"
        if made.split != "eval":
            yield f"'{made.split}' items are for looking at: this table says nothing about new items"
        if made.shuffled_labels:
            yield "trained on shuffled answers: a control, not a method"
        prompts = "the model's chat template" if made.chat_template else "no chat template"
        yield f"prompts in training and scoring: {prompts}" + (", a system prompt" if made.system_prompt else "")
    yield from map(baseline_note, plan.left_out_baselines)
    yield from plan.remarks


def notes(results: Results) -> Iterable[str]:
    """Yield the notes of a study, a sentence each."""
    for task, entry in results.tasks.items():
        if left_out := entry.left_out:
            yield f"{task}: left out " + ", ".join(f"{count} ({why})" for why, count in left_out.items())
        yield from (f"{task}: {note}" for note in entry.notes)
        score = next((cell.evaluations[task] for cell in results.cells if task in cell.evaluations), None)
        if score is not None and score.subtasks:
            yield from about(task, score)
        elif score is not None:
            yield f"{task}: {_counted(score)}"
            if share := guessing(results, task):
                yield f"{task}: guessing among the options is right on {share:.2f} of the items in the mean"
            for cell in results.cells:
                other = cell.evaluations.get(task) if cell.baseline else None
                if other is not None and _counted(other) != _counted(score):
                    yield f"{task} by {cell.row}: {_counted(other)}"
    yield from _made_with(results.plan)
    if rates := about_rates(rows_of(results), results.trials):
        yield rates
    for trial in at_edge(results.trials):
        yield (
            f"{trial.adapter} on {trial.task}: its best learning rate, {trial.rate:g}, is the edge of those "
            "tried; a better one may lie beyond"
        )
    yield from on_other_texts(results)
    trained = [cell.record.provenance for cell in results.cells if cell.record]
    scored = [score.provenance for cell in results.cells for score in cell.evaluations.values()]
    made = [f"{where.machine}, {where.dtype}" for where in [*trained, *scored]]
    if made:
        yield "made on " + " and ".join(sorted(set(made)))
    if len({cell.record.provenance.machine for cell in results.cells if cell.record and cell.cell.task}) > 1:
        yield "models were trained on different devices or numbers of threads: their seconds can't be compared"
    if engines := sorted({where.engine for where in scored}):
        several = len(engines) > 1
        differ = ": likelihoods differ by rounding" if several else ""
        yield f"scored by the engine{'s' if several else ''} {' and '.join(engines)}{differ}"
    packages = {tuple(sorted(where.packages.items())) for where in [*trained, *scored]}
    if len(packages) > 1:
        yield "rows were made with different package versions: differences between them may come from that"
    for versions in packages if len(packages) == 1 else ():
        yield "made with " + ", ".join(f"{name} {version}" for name, version in versions)
