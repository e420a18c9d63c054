"""ROUGE-L as an evaluate.Metric of our own: offline, and for text in any script."""

from __future__ import annotations

from typing import Any, NamedTuple

import datasets
import evaluate
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from medcot_bench.text import tokens

DESCRIPTION = """Longest common subsequence of words, recall and precision combined to an F1 (Lin 2004,
https://aclanthology.org/W04-1013). Computed by rouge_score without stemming. Words are runs of letters, marks and
digits of any script, case-folded; characters of scripts that use no spaces are words of their own. Two texts
without words score 1 where they are the same, else 0."""


class Rouge(NamedTuple):
    """ROUGE-L of one prediction."""

    precision: float
    recall: float
    f1: float


class UnicodeTokenizer(Tokenizer):  # type: ignore[misc]  # rouge_score ships no types
    """Words of any script. rouge_score's own keeps a-z and 0-9 only, and scores equal Japanese texts 0."""

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens of a text.

        >>> UnicodeTokenizer().tokenize("Über 3 Pods: 再起動")
        ['über', '3', 'pods', '再', '起', '動']
        """
        return tokens(text)


class RougeL(evaluate.Metric):  # type: ignore[misc]  # evaluate ships no types
    """`compute(predictions=..., references=...)` gives lists `precision`, `recall`, `f1`, one value an item."""

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)
        self._scorer = RougeScorer(["rougeL"], use_stemmer=False, tokenizer=UnicodeTokenizer())

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation="",
            inputs_description="predictions and references: texts, one for each item.",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, list[float]]:
        scores = [self._score(*pair) for pair in zip(predictions, references, strict=True)]
        return {name: [getattr(score, name) for score in scores] for name in Rouge._fields}

    def _score(self, prediction: str, reference: str) -> Rouge:
        if not tokens(reference) and not tokens(prediction):  # signs or emoji alone: the same, or not
            same = float(reference.strip() == prediction.strip() != "")
            return Rouge(same, same, same)
        score = self._scorer.score(reference, prediction)["rougeL"]
        return Rouge(score.precision, score.recall, score.fmeasure)

    def one(self, prediction: str, reference: str) -> Rouge:
        """Return ROUGE-L of one item."""
        result: dict[str, Any] = self.compute(predictions=[prediction], references=[reference])
        return Rouge(result["precision"][0], result["recall"][0], result["f1"][0])
