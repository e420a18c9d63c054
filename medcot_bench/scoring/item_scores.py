"""One item's responses -> its scores: the numbers that lm-eval averages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from medcot_bench.errors import PluginError
from medcot_bench.models.control_tokens import unmark
from medcot_bench.models.write_item import Written
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.results.metrics import needs_generation
from medcot_bench.scoring.rouge import Rouge, RougeL
from medcot_bench.text import without_thinking
from medcot_bench.types import Target


@dataclass(frozen=True, slots=True)
class Question:
    """One item with everything that its scores need."""

    written: Written
    target: Target
    options: Mapping[str, str]
    """Letter -> written target of that option."""
    right: str | None
    """The letter of the right option."""
    generated: bool
    """Whether an answer is generated for it."""


@dataclass
class ItemScorer:
    """Turns responses into scores; keeps each item's ROUGE-L for the gates, and which completions think."""

    chosen: ResolvedTask
    max_new_tokens: int
    wanted: frozenset[str]
    """Names of the scores to report; empty: all."""

    def __post_init__(self) -> None:
        self.rouge: dict[str, Rouge] = {}
        self.thinking: set[str] = set()
        """Items whose completion has a thinking block, which is not scored."""

    @cached_property
    def _rouge_l(self) -> RougeL:
        return RougeL()

    @property
    def generates(self) -> bool:
        """Whether any wanted score needs generated text."""
        return not self.wanted or any(needs_generation(name) for name in self.wanted)

    def wants(self, name: str) -> bool:
        """Whether a score is to be reported."""
        return not self.wanted or name in self.wanted

    def likelihoods(self, question: Question, gold: float | None, options: Sequence[float]) -> dict[str, float]:
        """Return `gold_nll` (nats per UTF-8 byte of the target) and `choice` (the likeliest option is right)."""
        scores = {}
        if gold is not None:
            scores["gold_nll"] = -gold / len(unmark(question.written.target).encode())
        if options:
            likeliest = list(question.options)[max(range(len(options)), key=options.__getitem__)]
            scores["choice"] = float(likeliest == question.right)
        return scores

    def text(self, question: Question, raw: str, *, finished: bool) -> dict[str, float]:
        """Return the scores of generated text, which is `finished` where it came to an end by itself.

        Thinking blocks are left out, of the reference too. Raises PluginError as `own` does.
        """
        example = question.written.example
        completion = cut(raw, self.chosen.task.spec.stop)
        if thinks := without_thinking(raw) != raw:
            self.thinking.add(example.id)
        own = self.own(question, raw)
        rouge = self._rouge_l.one(completion, without_thinking(question.target.text))
        self.rouge[example.id] = rouge
        scores = {name: value for name, value in own.items() if value is not None}
        scores |= {
            "answer": own["answer"] or 0.0,
            "parsed": float(own["answer"] is not None),
            "rouge_l": rouge.f1,
            "truncated": float(not finished),
            "repetition": repetition(completion),
        }
        if question.target.reasoning:
            told = raw.strip() if thinks else completion
            scores["rouge_l_reasoning"] = self._rouge_l.one(told, question.target.reasoning).f1
        return scores

    def own(self, question: Question, raw: str) -> dict[str, float | None]:
        """Return the task's own scores of a text. Raises PluginError for other scores or values than declared."""
        example, spec = question.written.example, self.chosen.task.spec
        reference = without_thinking(example.answer)
        if reference != example.answer and reference.strip():
            example = replace(example, answer=reference.strip())
        with blame(self.chosen.entry, f"score of item '{example.id}'"):
            own = dict(self.chosen.task.score(example, cut(raw, spec.stop)))
            wrong = [name for name, value in own.items() if value is not None and not 0 <= value <= 1]
        if "answer" not in own:
            raise PluginError(f"{self.chosen.entry}: score() gives no 'answer'")
        if wrong:
            raise PluginError(f"{self.chosen.entry}: score() gives {wrong[0]}={own[wrong[0]]}, outside [0, 1]")
        if undeclared := sorted(own.keys() - set(spec.scores)):
            raise PluginError(f"{self.chosen.entry}: score() gives '{undeclared[0]}', which spec.scores lacks")
        return own


def cut(raw: str, stops: Sequence[str]) -> str:
    """Return a completion without thinking blocks, leading whitespace and what follows the first stop string.

    >>> cut("\\n\\n A Pod.\\nQuestion: next", ("\\n",)), cut("<think>\\nOr none?\\n</think>\\nA Pod.", ("\\n",))
    ('A Pod.', 'A Pod.')
    """
    text = without_thinking(raw).lstrip()
    for stop in stops:
        text = text.split(stop, 1)[0]
    return text.rstrip()


def repetition(text: str, n: int = 4) -> float:
    """Return the share of runs of `n` words that repeat an earlier one; 0 for shorter texts.

    >>> repetition("a b c d a b c d")
    0.2
    """
    words = text.split()
    runs = Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))
    total = sum(runs.values())
    return (total - len(runs)) / total if total else 0.0
