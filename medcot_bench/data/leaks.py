"""Whether prompts give their own targets away: distinct from closed sets of answers and from texts that are read.

A prompt gives away the target that it says more often than any other of the task, beside the question, the context
and the options of its item; and what follows an answer cue in the question (`Answer:`, `### Response:`) up to its
end. Labels that prompts list are said equally often, and spans of the question or the context are there to be
found: so are an answer to grade, and an answer that more text follows. A leak is a target that its own prompt
gives away significantly more often than the prompts of other items do: a one-sided binomial test, whose chance of
a hit is the mean share of prompts that give an item's target away. As in a permutation test (Phipson & Smyth 2010)
an item's own prompt counts among them, so no chance is 0. Chances differ between items, which makes the test
conservative (Hoeffding 1956).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from medcot_bench.security.foreign_text import shorten
from medcot_bench.stats.p_values import binomial
from medcot_bench.text import identify, stands_alone
from medcot_bench.types import Example, Target

ALPHA = 0.001
"""The level of the test."""
SERIOUS = 0.1
"""The share of leaking items from which scores measure copying."""
COPIED = 0.9
"""The share of items whose question is their answer, or ends in it, from which this is a mistake: corrections copy
some, and of answers to grade some are right."""
SHOWN = 60
"""Characters of a target, and of the text before it, that an example shows."""
LONGEST, MOST_CUES = 4000, 50
"""Characters of a question's end, and cues in it, that are looked at."""
_CUE = re.compile(
    r"(?:\b(?:answer|ans|solution|response|assistant|gpt|completion|antwort|antwoord|respuesta|resposta|risposta|"
    r"réponse|răspuns|svar|vastaus|válasz|odpowiedź|odpověď|odpoveď|ответ|відповідь|απάντηση|cevap|yanıt|jawaban|"
    r"đáp án|trả lời|उत्तर|जवाब|উত্তর|תשובה|الجواب|جواب|الإجابة|إجابة|پاسخ)(?:\s{1,20}is)?"
    r"[\s*_#]{0,20}(?:[:：=]|<\|[^|>]{0,40}\|>|\n)|\banswer\s{1,20}is\s"
    r"|\[/INST\]|<start_of_turn>model\n|(?:答案|正解|解答)[:：是は]|回答[:：]|答え[:：は]|답[은변]?[\s*]{0,20}[:：]"
    r"|คำตอบ(?:คือ)?\s{0,20}[:：]?)[\s*_]{0,20}",
    re.IGNORECASE,
)
_LAST_CUE = re.compile(
    r"(?:^|\n|[?？] )[\s#*]{0,20}"
    r"(?:a|label|output|target|class|category|prediction|gold|reference)\s{0,20}[:：=\n]"
    r"[\s*_]{0,20}(?=[^\n]*$)",
    re.IGNORECASE,
)
_END = re.compile(r"(?<!\s)(?:<\|[^|>]{1,40}\|>|</s>|<eos>|<end_of_turn>|\s)+\Z")
Tokens = tuple[str, ...]


class Asked(NamedTuple):
    """An item as it is asked, without solved examples before it."""

    example: Example
    target: Target
    prompt: str


@dataclass(frozen=True, slots=True)
class Leak:
    """What the prompts of a task give away."""

    items: int
    hits: int = 0
    """Items whose own prompt gives their target away."""
    expected: float = 0.0
    """So many would by chance: as often as the prompts of other items give it away."""
    p: float = 1.0
    shown: str = ""
    """The first such item, shortened."""
    enough: float = SERIOUS
    """The share of leaking items from which it is serious."""

    @property
    def significant(self) -> bool:
        """Whether targets are given away by their own prompts more often than by others."""
        return self.p < ALPHA

    @property
    def serious(self) -> bool:
        """Whether there is a leak in so many items that scores would measure copying."""
        return self.significant and self.hits >= self.enough * self.items

    def __str__(self) -> str:
        return (
            f"{self.hits} of {self.items} prompts give their own target away, {self.expected:.1f} expected by the "
            "prompts of other items"
        )


def find_leak(items: Sequence[Asked], *, context_given: bool) -> Leak:
    """Return the most significant leak of a task's items, a serious one first; without hits where there is none.

    `context_given` says whether the task's form gives the context; otherwise it excuses nothing.
    """
    beside = [_beside(item, context_given=context_given) for item in items]
    within = [{*_cued(_last_said(item.example))} for item in items]
    copied = [number for number, item in enumerate(items) if _is_copied(item.example)]
    for number in copied if len(copied) > COPIED * len(items) else ():
        within[number].add(tokens(items[number].example.answer))
    letters = tuple(item.example.answer_letter if item.example.options else None for item in items)
    found = [Leak(len(items))]
    found.append(replace(_test(items, letters, [tokens(one or "") for one in letters], within), enough=COPIED))
    for parts in _parts(items):
        targets = [tokens(part or "") for part in parts]
        found.append(_test(items, parts, targets, _favoured(beside, targets)))
        found.append(replace(_test(items, parts, targets, within), enough=COPIED))
    return min(found, key=lambda leak: (not leak.serious, leak.p, -leak.hits))


def count_extractive(examples: Iterable[Example]) -> int:
    """Count the items whose answer stands in their context: allowed, and worth knowing."""
    return sum(_spaced(one.answer) in _spaced(one.context or "") for one in examples if identify(one.answer))


def tokens(text: str) -> Tokens:
    """Return the words and signs of a text, characters of scripts without spaces each by itself."""
    words = identify(text).split()
    if text.isascii():
        return tuple(words)
    return tuple(part for word in words for part in (word if any(map(stands_alone, word)) else (word,)))


def _spaced(text: str) -> str:
    return "".join(f" {token} " for token in tokens(text))


def _parts(items: Sequence[Asked]) -> list[tuple[str | None, ...]]:
    """Return what may be given away, for all items: the target, its reasoning, the answer where it is free."""
    by_item = [
        (item.target.answer, item.target.reasoning, None if item.example.options else item.example.answer)
        for item in items
    ]
    return [parts for parts in dict.fromkeys(zip(*by_item, strict=True)) if any(parts)]


def _beside(item: Asked, *, context_given: bool) -> tuple[Tokens, Tokens]:
    """Return what a prompt says beside its item's texts, and those of them that it does not hold whole."""
    example, rest = item.example, item.prompt
    texts = [example.context if context_given else None, example.question]
    changed = []
    for text, times in [*((text, -1) for text in texts), *((text, 1) for text in example.options.values())]:
        if not text or not (text := text.strip()):
            continue
        if text not in rest:
            changed.append(text)
        rest = rest.replace(text, "\n\n", times)
    return tokens(rest), tokens("\n\n".join(changed))


def _favoured(beside: Sequence[tuple[Tokens, Tokens]], targets: Sequence[Tokens]) -> list[set[Tokens]]:
    """Return for each prompt the one target of the task that it says most often, if there is one.

    What all prompts say, such as a list of labels or fixed examples, does not count.
    """
    known = {*targets} - {()}
    lengths: dict[str, list[int]] = {}
    for first, length in sorted({(target[0], len(target)) for target in known}, reverse=True):
        lengths.setdefault(first, []).append(length)
    said = [Counter(_said(rest, known, lengths)) for rest, _ in beside]
    for counts, (_, changed) in zip(said, beside, strict=True):
        counts.subtract(_said(changed, known, lengths))
    common = {target: min(counts[target] for counts in said) for target in said[0]} if said else {}
    for counts in said:
        counts.subtract(common)
    most = [max([0, *counts.values()]) for counts in said]
    tops = [
        [t for t, n in counts.items() if n == top] if top else [] for counts, top in zip(said, most, strict=True)
    ]
    return [{*top} if len(top) == 1 else set() for top in tops]


def _said(text: Tokens, known: Set[Tokens], lengths: Mapping[str, Sequence[int]]) -> Iterator[Tokens]:
    """Yield the targets in a text, the longest where several begin at one place.

    `lengths` has, for the first words of targets, how long these are, the longest first: to look at each target at
    each place would take too long where thousands begin with one word.
    """
    place = 0
    while place < len(text):
        runs = (text[place : place + length] for length in lengths.get(text[place], ()))
        found = next((run for run in runs if run in known), None)
        if found:
            yield found
        place += len(found) if found else 1


def _last_said(example: Example) -> str:
    """Return the user's last turn: in a chat, earlier answers are there to be read."""
    return next((text for role, text in reversed(example.turns) if role == "user"), example.question)


def _cued(question: str) -> Iterator[Tokens]:
    """Yield what follows the answer cues of a question up to its end. A cue that more follows asks about that."""
    end = _END.sub("", question.rstrip()[-LONGEST:])
    cues = {cue.end() for cue in chain(_LAST_CUE.finditer(end), _CUE.finditer(end))}
    yield from {tokens(end[cue:]) for cue in sorted(cues)[-MOST_CUES:]} - {()}


def _is_copied(example: Example) -> bool:
    """Return whether an item's question or context is its answer; where nearly all are, columns were mixed up."""
    answer = example.answer.split()
    return answer in (example.question.split(), (example.context or "").split())


def _test(
    items: Sequence[Asked],
    parts: Sequence[str | None],
    targets: Sequence[Tokens],
    given: Sequence[Collection[Tokens]],
) -> Leak:
    """Test whether prompts give their own targets away more often than other prompts do."""
    asked = [place for place, target in enumerate(targets) if target]
    often = Counter(chain.from_iterable(given))
    hits = [place for place in asked if targets[place] in given[place]]
    if not hits:
        return Leak(len(items))
    own = {*hits}
    chances = [(often[targets[place]] + (place not in own)) / len(items) for place in asked]
    chance = sum(chances) / len(asked)
    shown = _shown(items[hits[0]], parts[hits[0]] or "")
    return Leak(len(items), len(hits), chance * len(asked), binomial(len(hits), len(asked), chance), shown)


def _shown(item: Asked, part: str) -> str:
    """Return an example: the item, its target, and where its prompt says it if it does so word for word."""
    place = item.prompt.casefold().rfind(part.casefold())
    end = place + len(part) if place >= 0 else len(item.prompt)
    around = " ".join(item.prompt[max(0, end - len(part) - SHOWN) : end].split())
    target = shorten(" ".join(part.split()), SHOWN)
    return f"item '{item.example.id}', target '{target}', prompt '... {shorten(around, 2 * SHOWN)}'"
