"""A task plugin's items as one lm-eval task that asks for option likelihoods, gold likelihood and generation."""

from __future__ import annotations

from collections.abc import Container, Sequence
from copy import deepcopy
from typing import Any

import datasets

from medcot_bench.results.metrics import CORE_METRICS, higher_is_better
from medcot_bench.scoring.item_scores import ItemScorer, Question
from medcot_bench.scoring.lm import STOP
from medcot_bench.scoring.lm_eval import ConfigurableTask, Instance
from medcot_bench.types import TaskSpec

SPLIT = "items"


class MedcotTask(ConfigurableTask):  # type: ignore[misc]  # lm-eval ships no types
    """One lm-eval task over prepared questions; document i is question i."""

    def __init__(self, config: dict[str, Any], questions: Sequence[Question], scorer: ItemScorer):
        self.questions = questions
        self.scorer = scorer
        super().__init__(config=config)

    def construct_requests(self, doc: dict[str, Any], ctx: str, **kwargs: Any) -> list[Instance]:
        """Return the requests of one item: its options, its target, its generation, as far as wanted."""
        for unused in ("apply_chat_template", "chat_template"):  # prompts come written
            kwargs.pop(unused, None)
        question = self.questions[doc["number"]]
        requests: list[tuple[str, tuple[Any, ...]]] = []
        if self.scorer.wants("choice"):
            requests += [("loglikelihood", (ctx, option)) for option in question.options.values()]
        if self.scorer.wants("gold_nll"):
            requests.append(("loglikelihood", (ctx, question.written.target)))
        if question.generated:
            requests.append(("generate_until", (ctx, deepcopy(self.config.generation_kwargs))))
        return [
            Instance(request_type=kind, doc=doc, arguments=arguments, idx=index, **kwargs)
            for index, (kind, arguments) in enumerate(requests)
        ]


def generation_settings(spec: TaskSpec, max_new_tokens: int) -> dict[str, Any]:
    """Return how answers are written, in lm-eval's keys and ours: greedily, up to a task's stop strings."""
    return {"until": [], "max_gen_toks": max_new_tokens, "do_sample": False, STOP: list(spec.stop)}


def build_task(
    name: str,
    questions: Sequence[Question],
    scorer: ItemScorer,
    unfinished: Container[str],
) -> MedcotTask:
    """Build the lm-eval task. Once prompts are answered, `unfinished` holds those whose answer came to no end."""
    spec = scorer.chosen.task.spec

    def process_results(doc: dict[str, Any], responses: Sequence[Any]) -> dict[str, float]:
        question = questions[doc["number"]]
        left = list(responses)
        options = [left.pop(0)[0] for _ in question.options] if scorer.wants("choice") else []
        gold = left.pop(0)[0] if scorer.wants("gold_nll") else None
        scores = scorer.likelihoods(question, gold, options)
        if question.generated:
            finished = question.written.prompt not in unfinished
            scores |= scorer.text(question, left.pop(0), finished=finished)
        return {metric: value for metric, value in scores.items() if scorer.wants(metric)}

    documents = [
        {"number": number, "id": question.written.example.id, "prompt": question.written.prompt}
        for number, question in enumerate(questions)
    ]
    metrics = dict.fromkeys([*spec.scores, *CORE_METRICS])
    config = {
        "task": name,
        "output_type": "generate_until",
        "custom_dataset": lambda **metadata: {SPLIT: datasets.Dataset.from_list(documents)},
        "test_split": SPLIT,
        "num_fewshot": 0,  # solved examples are written into the prompt, the same ones in every run
        "doc_to_text": lambda doc: doc["prompt"],
        "doc_to_target": lambda doc: questions[doc["number"]].written.target,
        "process_results": process_results,
        "generation_kwargs": generation_settings(spec, scorer.max_new_tokens),
        "metric_list": [
            {
                "metric": metric,
                "aggregation": "mean",
                "higher_is_better": higher_is_better(metric),
            }
            for metric in metrics
        ],
        "metadata": {"version": float(spec.version)},
    }
    return MedcotTask(config, questions, scorer)
