"""The engine `fast`: lm-eval's requests on flat batches, no prompt read twice, no row waiting for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from medcot_bench.errors import ConfigError
from medcot_bench.models.attention import Past, Segment, flat
from medcot_bench.scoring.engines.hf import STOP, HfLM
from medcot_bench.scoring.lm_eval import Instance, normalize_gen_kwargs, postprocess_generated_text

BATCH_TOKENS = 2048
"""Tokens of a flat batch, if one context and what follows it does not take more by itself."""
KEPT_TOKENS = 16384
"""Tokens of prompts that stay read from their likelihoods to their answers: 0.8 GB for SmolLM2-135M in fp32,
1.9 GB for Llama-3.2-3B in bf16. Prompts beyond are read twice."""
UNDERSTOOD = {"until", "max_gen_toks", "do_sample", "temperature", STOP}
"""Settings of generation that this engine follows by itself; requests with others are HFLM's."""
ROWS = 256
"""Predictions whose logits are taken in fp32 at a time."""
Request = tuple[Any, list[int], list[int]]
"""Its texts, and the tokens of context and continuation."""


@dataclass(frozen=True, slots=True)
class Read:
    """A prompt that was read, and the likeliest token after it."""

    past: Past
    next: int


@dataclass(slots=True)
class Row:
    """One answer on its way."""

    prompt: list[int]
    most: int
    """New tokens at most."""
    stops: Sequence[str]
    """Strings that end it once they follow text."""
    until: Sequence[str]
    """Strings that end it anywhere."""
    past: Past | None = None
    """What was read of it, only while it is being written: keys and values are large."""
    new: list[int] = field(default_factory=list)

    def unread(self) -> list[int]:
        """Return the tokens that the model has not seen: at first the prompt or its end, later the last token."""
        return (self.prompt + self.new)[self.past.length if self.past else 0 :]


class FastLM(HfLM):
    """Same likelihoods up to rounding, same greedy text."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self._read: dict[tuple[int, ...], Read] = {}
        """Prompts whose answers are still to come."""

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """Return (log-likelihood, whether it is the greedy answer) of every continuation."""
        by_context: dict[tuple[int, ...], list[int]] = {}
        overlong: list[int] = []
        for number, (_, context, rest) in enumerate(requests):
            if len(context) + len(rest) > self.max_length + 1:
                overlong.append(number)
            else:
                by_context.setdefault(tuple(context), []).append(number)
        # HFLM cuts them from the left, as lm-eval's users expect.
        cut = super()._loglikelihood_tokens([requests[number] for number in overlong], disable_tqdm, override_bs)
        answers: dict[int, tuple[float, bool]] = dict(zip(overlong, cut, strict=True))
        with flat(self.model):
            for batch in _batches(by_context, requests):
                answers |= self._likelihoods(batch, requests)
        return [answers[number] for number in range(len(requests))]

    def _likelihoods(
        self, batch: Sequence[tuple[tuple[int, ...], list[int]]], requests: Sequence[Request]
    ) -> dict[int, tuple[float, bool]]:
        ids: list[int] = []
        positions: list[int] = []
        segments: list[Segment] = []
        ends: dict[tuple[int, ...], int] = {}  # context -> the place of its last token
        predicting: dict[int, list[int]] = {}  # request -> the places that predict its tokens
        room = KEPT_TOKENS - sum(map(len, self._read))
        for context, numbers in batch:
            first = len(segments)
            kept = context in self.answered and len(context) <= room
            room -= len(context) if kept else 0
            segments.append(Segment(len(context), past=Past(len(context)) if kept else None))
            ids += context
            positions += range(len(context))
            ends[context] = len(ids) - 1
            for number in numbers:
                read = requests[number][2][:-1]
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
            rows, targets = [row[place] for place in own], requests[number][2]
            likelihood = float((logits[rows, targets].float() - normaliser[rows]).sum())
            answers[number] = likelihood, [best[r] for r in rows] == targets
        return answers

    def _forward(
        self, ids: list[int], positions: list[int], segments: list[Segment], places: list[int]
    ) -> torch.Tensor:
        """Return the logits (places, vocabulary) of one flat batch."""
        with (
            torch.no_grad(),
            torch.autocast(
                device_type=self.device.type,
                dtype=self.mixed_precision_dtype,
                enabled=self.mixed_precision_dtype is not None,
            ),
        ):
            output = self.model(
                input_ids=torch.tensor([ids], device=self.device),
                position_ids=torch.tensor([positions], device=self.device),
                use_cache=False,
                logits_to_keep=torch.tensor(places, device=self.device),
                segments=segments,
            )
        logits: torch.Tensor = output.logits[0]
        return logits

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return the greedy answers; a row that ends makes room for the next, `batch_size` rows at once."""
        settings = [normalize_gen_kwargs(request.args[1], self.max_gen_toks) for request in requests]
        if any(own["do_sample"] or set(own) - UNDERSTOOD for own in settings):
            texts: list[str] = super().generate_until(requests, disable_tqdm)
            return texts
        rows = [self._row(request.args[0], own) for request, own in zip(requests, settings, strict=True)]
        # The longest prompts first: too little memory shows at once, and long answers do not come last alone.
        waiting = deque(sorted(rows, key=lambda row: (-len(row.prompt), row.prompt)))
        active: list[Row] = []
        most = int(str(self.batch_size))  # HFLM's type has `auto` in it
        with flat(self.model):
            while waiting or active:
                unread = sum(len(row.unread()) for row in active)
                while waiting and len(active) < most:
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
        return [self._text(row) for row in rows]

    def _row(self, context: str, settings: Mapping[str, Any]) -> Row:
        most = settings["max_gen_toks"]
        if most >= self.max_length:
            raise ConfigError(f"answers of {most} tokens leave a prompt no room in {self.max_length} tokens")
        prompt = self.tok_encode(context)[-(self.max_length - most) :]
        return Row(prompt, most, settings.get(STOP, ()), [text for text in settings["until"] if text])

    def _begin(self, row: Row) -> None:
        """Give a row its past: what is kept of its prompt, but for spaces at its end, with room for the answer."""
        if row.past is not None:
            return
        context = next((c for c in self._read if tuple(row.prompt[: len(c)]) == c), None)
        if context is None:
            row.past = Past(len(row.prompt) + row.most - 1)  # the last new token is never read
            return
        read = self._read.pop(context)
        row.past = read.past.with_room(len(row.prompt) - len(context) + row.most - 1)
        if len(row.prompt) == len(context):
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
        text = self.tok_decode(row.new) if row.stops or row.until else ""
        stopped = any(stop in text.lstrip() for stop in row.stops) or any(stop in text for stop in row.until)
        whole = stopped or row.new[-1] == self.tokenizer.eos_token_id
        if not whole and len(row.new) >= row.most:
            self.unfinished.add(tuple(row.prompt))
            whole = True
        if whole:
            row.past = None
        return whole

    def _text(self, row: Row) -> str:
        text: str = postprocess_generated_text(
            generation=self.tok_decode(row.new), stop=list(row.until), think_end_token=None
        )
        return text


def _batches(
    by_context: dict[tuple[int, ...], list[int]], requests: Sequence[Request]
) -> Iterator[list[tuple[tuple[int, ...], list[int]]]]:
    """Yield contexts with their requests, the longest first, as many together as a batch takes.

    A context whose requests are too many for one, as the empty one of running text, comes several times.
    """

    def size(context: tuple[int, ...], numbers: list[int]) -> int:
        return len(context) + sum(len(requests[number][2]) - 1 for number in numbers)

    def parts() -> Iterator[tuple[tuple[int, ...], list[int]]]:
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

    batch: list[tuple[tuple[int, ...], list[int]]] = []
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
