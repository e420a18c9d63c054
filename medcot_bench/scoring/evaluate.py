"""Evaluate one model on one task of a plan: write the items, pass the gates, call lm-eval, collect."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from medcot_bench.data.leaks import Asked, count_extractive, find_leak
from medcot_bench.errors import ConfigError, GateError
from medcot_bench.models.control_tokens import unmark
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write, write_within
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.prompted_task import apply_baseline
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.results.cells import Evaluation
from medcot_bench.scoring.as_lm_eval_task import build_task
from medcot_bench.scoring.gates import check_predictions, mark_unread
from medcot_bench.scoring.item_scores import ItemScorer, Question, cut
from medcot_bench.scoring.kept_texts import keep_texts
from medcot_bench.scoring.lm import OnAnswered, build_lm
from medcot_bench.scoring.lm_eval import evaluate
from medcot_bench.scoring.shuffled import score_shuffled
from medcot_bench.study.baselines import shots_of
from medcot_bench.types import Example

logging.getLogger("lm_eval").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What lm-eval gave, in its own keys, and one record an item."""

    results: Mapping[str, float]
    """`answer,none`, `answer_stderr,none` and so on."""
    counts: Mapping[str, int]
    """Items scored, per score; and what was cut, dropped, leaked or extractive."""
    marks: tuple[str, ...]
    """What a reader of the table must know."""
    samples: tuple[Mapping[str, Any], ...]
    shuffled: float | None = None
    """Mean `answer` of right answers to other items; None where no answers are written."""
    lower_is_better: tuple[str, ...] = ()
    """Names of scores, beside the core's own, of which less is better."""
    subtasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of a task of lm-eval: its tasks with version, solved examples, digest of the documents and results."""


def evaluate_task(
    model: Any,
    encoder: Encoder,
    plan: Plan,
    score: Evaluation,
    *,
    compute_dtype: torch.dtype | None = None,
    on_answered: OnAnswered | None = None,
) -> EvaluationResult:
    """Evaluate a model as `score` asks. Raises GateError where the numbers would mean nothing."""
    chosen = apply_baseline(plan.tasks[score.task], score.baseline)
    request = score.request
    scorer = ItemScorer(chosen, request["max_new_tokens"], frozenset(request["scores"]))
    count = shots_of(score.baseline, plan.scoring.num_fewshot)
    shots = few_shot_examples(chosen, encoder, plan.items.shots(score.task, choosing=score.chooses, count=count))
    items = plan.items.scored(score.task, choosing=score.chooses)
    questions, counts = _questions(chosen, encoder, items, shots, scorer, request)
    given = chosen.task.spec.form.context == "given"
    asked = [_asked(chosen, question) for question in questions]
    leak = find_leak(asked, context_given=given)
    extractive = count_extractive(item.example for item in asked) if given else 0
    counts |= {"leaked": leak.hits if leak.significant else 0, "extractive": extractive}
    marks = [str(leak)] if leak.significant else []
    lm = build_lm(
        model,
        encoder,
        engine=plan.scoring.engine,
        max_length=request["max_length"],
        batch_size=plan.scoring.batch_size,
        compute_dtype=compute_dtype,
        on_answered=on_answered,
    )
    lm.expect(question.written.prompt for question in questions if question.generated)
    task = build_task(chosen.typed.name, questions, scorer, lm.unfinished)
    output: Any = evaluate(lm, {"tasks": {task.task_name: task}})
    rows = sorted(output["samples"][task.task_name], key=lambda row: row["doc_id"])
    samples = tuple(_sample(scorer, question, row) for question, row in zip(questions, rows, strict=True))
    if scorer.generates:
        predictions = [
            (s["id"], unmark(q.written.prompt), s["prediction"])
            for s, q in zip(samples, questions, strict=True)
            if q.generated
        ]
        marks += check_predictions(predictions, list(scorer.rouge.values()))
        marks += mark_unread(
            [(s["prediction"], s["scores"]["parsed"] > 0) for s in samples if "parsed" in s["scores"]]
        )
        marks += _cut_off(encoder, questions, request["max_new_tokens"])
        if scorer.thinking:
            share = f"{len(scorer.thinking)} of {len(predictions)} predictions"
            marks.append(f"{share} have a thinking block, which is not scored")
    shuffled = score_shuffled(scorer, [one for one in questions if one.generated]) if scorer.generates else None
    results = {
        key: float(value)
        for key, value in output["results"][task.task_name].items()
        if "," in key and isinstance(value, int | float)
    }
    for name in sorted({key.partition(",")[0].removesuffix("_stderr") for key in results}):
        counts[f"n_{name}"] = sum(name in sample["scores"] for sample in samples)
    return EvaluationResult(results, counts, tuple(marks), samples, shuffled)


def few_shot_examples(
    chosen: ResolvedTask, encoder: Encoder, examples: Sequence[Example]
) -> list[tuple[str, str]]:
    """Return prompt and target of the solved examples that stand before every prompt."""
    written = (write(chosen, Encoder(encoder.tokenizer), example) for example in examples)
    return [(one.prompt, one.target) for one in written]


def _questions(
    chosen: ResolvedTask,
    encoder: Encoder,
    items: list[Example],
    shots: list[tuple[str, str]],
    scorer: ItemScorer,
    request: Mapping[str, Any],
) -> tuple[list[Question], dict[str, int]]:
    questions: list[Question] = []
    counts = {"items": 0, "shortened": 0, "dropped": 0}
    for example in items:
        written = write_within(
            chosen,
            encoder,
            example,
            request["max_length"],
            room=request.get("room", request["max_new_tokens"] if scorer.generates else 0),
            shots=shots,
            shorten=request["overlong"] == "truncate-context",
        )
        if written is None:
            if request["overlong"] == "error":
                raise ConfigError(
                    f"task {chosen.label}: item '{example.id}' is longer than {request['max_length']} tokens; "
                    "raise scoring.max_length or set scoring.overlong=drop"
                )
            counts["dropped"] += 1
            continue
        with blame(chosen.entry, f"options of item '{example.id}'"):
            options = chosen.task.options(encoder.control_tokens.mark_example(written.example))
            target = chosen.task.target(written.example)
        counts["shortened"] += written.shortened
        questions.append(
            Question(
                written,
                target,
                {letter: encoder.target(option) for letter, option in options.items()},
                right=next(
                    (letter for letter, one in options.items() if unmark(one.answer) == target.answer), None
                ),
                generated=scorer.generates and len(questions) < (request["generate_items"] or len(items)),
            )
        )
    counts["items"] = len(questions)
    if not questions:
        raise GateError(f"no item fits into scoring.max_length={request['max_length']} tokens")
    return questions, counts


def _cut_off(encoder: Encoder, questions: Iterable[Question], most: int) -> list[str]:
    """Say how many right answers are longer than what may be generated."""
    targets = [unmark(question.written.target) for question in questions if question.generated]
    long = sum(len(encoder.tokenizer.encode(target, add_special_tokens=False)) > most for target in targets)
    said = f"{long} of {len(targets)} right answers are longer than the {most} tokens that are generated"
    return [f"{said} (scoring.max_new_tokens)"] if long else []


def _asked(chosen: ResolvedTask, question: Question) -> Asked:
    example = question.written.example
    return Asked(example, question.target, chosen.task.prompt(example, chosen.template))


def _sample(scorer: ItemScorer, question: Question, row: Mapping[str, Any]) -> dict[str, Any]:
    example = question.written.example
    prompt, target = unmark(question.written.prompt), unmark(question.written.target)
    responses = [response[0] for response in row["resps"]]
    prediction = responses.pop() if question.generated else None
    gold = responses.pop()[0] if scorer.wants("gold_nll") else None
    options = [float(response[0]) for response in responses]
    return {
        "id": example.id,
        "group": example.group,
        **keep_texts(example, prompt),
        "prompt_hash": hashlib.sha256(prompt.encode()).hexdigest()[:16],
        "target_hash": hashlib.sha256(target.encode()).hexdigest()[:16],
        "target": target,
        "prediction": None if prediction is None else cut(prediction, scorer.chosen.task.spec.stop),
        "gold_loglikelihood": None if gold is None else float(gold),
        "option_loglikelihoods": dict(zip(question.options, options, strict=True)) if options else None,
        "scores": {name: float(row[name]) for name in row["metrics"]},
    }
