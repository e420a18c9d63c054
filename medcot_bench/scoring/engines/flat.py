"""The engine `fast`: requests on flat batches, no prompt read twice, no row waiting for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from medcot_bench.models.attention import Past, Segment, flat
from medcot_bench.types import Generation, GenerationRequest, Likelihood, LikelihoodRequest, LoadedModel

BATCH_SIZE = 32
"""Answers that are written at once."""
BATCH_TOKENS = 2048
"""Tokens of a flat batch, if one context and what follows it does not take more by itself."""
KEPT_TOKENS = 16384
"""Tokens of prompts that stay read from their likelihoods to their answers: 0.8 GB for SmolLM2-135M in fp32,
1.9 GB for Llama-3.2-3B in bf16. Prompts beyond are read twice."""
ROWS = 256
"""Predictions whose logits are taken in fp32 at a time."""
Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A prompt that was read, and the likeliest token after it."""

    past: Past
    next: int


@dataclass(slots=True)
class Row:
    """One answer on its way."""

    request: GenerationRequest
    past: Past | None = None
    """What was read of it, only while it is being written: keys and values are large."""
    new: list[int] = field(default_factory=list)
    finished: bool = False
    """Whether it came to an end by itself."""

    def unread(self) -> Tokens:
        """Return the tokens that the model has not seen: at first the prompt or its end, later the last token."""
        return (*self.request.prompt, *self.new)[self.past.length if self.past else 0 :]


class FlatEngine:
    """Same likelihoods as `hf` up to rounding, same greedy text."""

    def __init__(self, loaded: LoadedModel, batch_size: int | None):
        self.batch_size = batch_size or BATCH_SIZE
        self._loaded = loaded
        self._end_tokens = loaded.end_tokens
        self._read: dict[Tokens, Read] = {}
        """Prompts whose answers are still to come."""

    def likelihoods(self, requests: Sequence[LikelihoodRequest]) -> list[Likelihood]:
        """Return the likelihoods; a context is read once for all its continuations."""
        by_context: dict[Tokens, list[int]] = {}
        for number, request in enumerate(requests):
            by_context.setdefault(request.context, []).append(number)
        answers: dict[int, Likelihood] = {}
        with flat(self._loaded.model):
            for batch in _batches(by_context, requests):
                found = self._likelihoods(batch, requests)
                self._loaded.answered(len(found))
                answers |= found
        return [answers[number] for number in range(len(requests))]

    def _likelihoods(
        self, batch: Sequence[tuple[Tokens, list[int]]], requests: Sequence[LikelihoodRequest]
    ) -> dict[int, Likelihood]:
        ids: list[int] = []
        positions: list[int] = []
        segments: list[Segment] = []
        ends: dict[Tokens, int] = {}  # context -> the place of its last token
        predicting: dict[int, list[int]] = {}  # request -> the places that predict its tokens
        room = KEPT_TOKENS - sum(map(len, self._read))
        for context, numbers in batch:
            first = len(segments)
            kept = len(context) <= room and any(requests[number].answer_follows for number in numbers)
            room -= len(context) if kept else 0
            segments.append(Segment(len(context), past=Past(len(context)) if kept else None))
            ids += context
            positions += range(len(context))
            ends[context] = len(ids) - 1
            for number in numbers:
                read = requests[number].continuation[:-1]
                predicting[number] = [ends[context], *range(len(ids), len(ids) + len(read))]
                if read:
                    segments.append(Segment(len(read), after=first))
                    ids += read
                    positions += range(len(context), len(context) + len(read))
        places = sorted({place for own in predicting.values() for place in own})
        logits = self._forward(ids, positions, segments, places)
        normaliser = torch.cat([rows.float().logsumexp(-1) for rows in logits.split(ROWS)])
        best = logits.argmax(-1).tolist()
        row = {place: number for number, place in enumerate(places)}
        for segment, (context, end) in zip((s for s in segments if s.after is None), ends.items(), strict=True):
            if segment.past is not None:
                segment.past.length = len(context)
                self._read[context] = Read(segment.past, best[row[end]])
        answers = {}
        for number, own in predicting.items():
            rows, targets = [row[place] for place in own], [*requests[number].continuation]
            likelihood = float((logits[rows, targets].float() - normaliser[rows]).sum())
            answers[number] = Likelihood(likelihood, [best[r] for r in rows] == targets)
        return answers

    def _forward(
        self, ids: list[int], positions: list[int], segments: list[Segment], places: list[int]
    ) -> torch.Tensor:
        """Return the logits (places, vocabulary) of one flat batch."""
        model, dtype = self._loaded.model, self._loaded.compute_dtype
        device = model.device
        with torch.no_grad(), torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            output = model(
                input_ids=torch.tensor([ids], device=device),
                position_ids=torch.tensor([positions], device=device),
                use_cache=False,
                logits_to_keep=torch.tensor(places, device=device),
                segments=segments,
            )
        logits: torch.Tensor = output.logits[0]
        return logits

    def generations(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Return the greedy answers; a row that ends makes room for the next, `batch_size` rows at once."""
        rows = [Row(request) for request in requests]
        # The longest prompts first: too little memory shows at once, and long answers do not come last alone.
        waiting = deque(sorted(rows, key=lambda row: (-len(row.request.prompt), row.request.prompt)))
        active: list[Row] = []
        answered = 0
        with flat(self._loaded.model):
            while waiting or active:
                unread = sum(len(row.unread()) for row in active)
                while waiting and len(active) < self.batch_size:
                    self._begin(waiting[0])
                    unread += len(waiting[0].unread())
                    if active and unread > BATCH_TOKENS:
                        break
                    active.append(waiting.popleft())
                    if self._ended(active[-1]):  # a prompt that was read has its first token
                        active.pop()
                if active:
                    self._step(active)
                active = [row for row in active if not self._ended(row)]
                self._loaded.answered(len(rows) - len(waiting) - len(active) - answered)
                answered = len(rows) - len(waiting) - len(active)
        self._read.clear()
        return [Generation(self._decode(row), row.finished) for row in rows]

    def _begin(self, row: Row) -> None:
        """Give a row its past: what is kept of its prompt, but for spaces at its end, with room for the answer."""
        if row.past is not None:
            return
        prompt, room = row.request.prompt, row.request.new_tokens - 1  # the last new token is never read
        context = next((read for read in self._read if prompt[: len(read)] == read), None)
        if context is None:
            row.past = Past(len(prompt) + room)
            return
        read = self._read.pop(context)
        row.past = read.past.with_room(len(prompt) - len(context) + room)
        if len(prompt) == len(context):
            row.new.append(read.next)

    def _step(self, active: Sequence[Row]) -> None:
        """Read what each row has unread, and append its likeliest next token."""
        ids: list[int] = []
        positions: list[int] = []
        segments: list[Segment] = []
        places: list[int] = []
        for row in active:
            unread, past = row.unread(), row.past
            read = past.length if past else 0
            ids += unread
            positions += range(read, read + len(unread))
            segments.append(Segment(len(unread), past=past))
            places.append(len(ids) - 1)
        likeliest = self._forward(ids, positions, segments, places).argmax(-1).tolist()
        for row, segment, token in zip(active, segments, likeliest, strict=True):
            if segment.past is not None:
                segment.past.length += segment.length
            row.new.append(token)

    def _ended(self, row: Row) -> bool:
        """Return whether a row is whole; its past is let go then."""
        if not row.new:
            return False
        request = row.request
        can_stop = request.stop_after_text or request.stop_anywhere
        stopped = bool(can_stop) and request.stops(self._decode(row))
        row.finished = stopped or row.new[-1] in self._end_tokens
        whole = row.finished or len(row.new) >= request.new_tokens
        if whole:
            row.past = None
        return whole

    def _decode(self, row: Row) -> str:
        text = row.new[:-1] if row.new[-1] in self._end_tokens else row.new
        return str(self._loaded.tokenizer.decode(text, skip_special_tokens=True))


def _batches(
    by_context: dict[Tokens, list[int]], requests: Sequence[LikelihoodRequest]
) -> Iterator[list[tuple[Tokens, list[int]]]]:
    """Yield contexts with their requests, the longest first, as many together as a batch takes.

    A context whose requests are too many for one, as the empty one of running text, comes several times.
    """

    def size(context: Tokens, numbers: list[int]) -> int:
        return len(context) + sum(len(requests[number].continuation) - 1 for number in numbers)

    def parts() -> Iterator[tuple[Tokens, list[int]]]:
        for context, numbers in by_context.items():
            part: list[int] = []
            total = len(context)
            for number in numbers:
                own = size((), [number])
                if part and total + own > BATCH_TOKENS:
                    yield context, part
                    part, total = [], len(context)
                part.append(number)
                total += own
            yield context, part

    batch: list[tuple[Tokens, list[int]]] = []
    total = 0
    for context, numbers in sorted(parts(), key=lambda entry: (-size(*entry), entry[0])):
        own = size(context, numbers)
        if batch and (total + own > BATCH_TOKENS or any(context == other for other, _ in batch)):
            yield batch
            batch, total = [], 0
        batch.append((context, numbers))
        total += own
    if batch:
        yield batch
