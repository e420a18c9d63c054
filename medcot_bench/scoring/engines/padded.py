"""The engine `hf`: lm-eval's own likelihoods and transformers' `generate`, on padded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch

from medcot_bench.scoring.hflm import InMemoryLM
from medcot_bench.types import Generation, GenerationRequest, Likelihood, LikelihoodRequest, LoadedModel

BATCH_SIZE = 8
"""HFLM holds the logits of a whole batch, (rows, tokens, vocabulary), twice."""


class PaddedEngine:
    """The reference: every prompt is read for each of its requests, and rows wait for the longest."""

    def __init__(self, loaded: LoadedModel, batch_size: int | None):
        self.batch_size = batch_size or BATCH_SIZE
        self._lm = InMemoryLM(loaded, self.batch_size)
        self._end_tokens = loaded.end_tokens
        self._answered = loaded.answered

    def likelihoods(self, requests: Sequence[LikelihoodRequest]) -> list[Likelihood]:
        """Return the likelihoods that HFLM gives."""
        # The first of three is a text, for HFLM's cache.
        asked = [(None, list(request.context), list(request.continuation)) for request in requests]
        found = self._lm._loglikelihood_tokens(asked, disable_tqdm=True)
        self._answered(len(found))
        return [Likelihood(*one) for one in found]

    def generations(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Return the greedy answers, of `batch_size` prompts at once."""
        answers: dict[int, Generation] = {}
        for batch in self._batches(requests):
            written = self._write([requests[number] for number in batch])
            answers |= dict(zip(batch, written, strict=True))
            self._answered(len(batch))
        return [answers[number] for number in range(len(requests))]

    def _batches(self, requests: Sequence[GenerationRequest]) -> Iterator[list[int]]:
        """Yield numbers of requests that differ by their prompts alone, the longest prompts first."""

        def settings(number: int) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
            request = requests[number]
            return request.new_tokens, request.stop_after_text, request.stop_anywhere

        def order(number: int) -> tuple[int, tuple[int, ...]]:
            return -len(requests[number].prompt), requests[number].prompt

        for _, group in groupby(sorted(range(len(requests)), key=settings), settings):
            numbers = sorted(group, key=order)
            for start in range(0, len(numbers), self.batch_size):
                yield numbers[start : start + self.batch_size]

    def _write(self, batch: Sequence[GenerationRequest]) -> list[Generation]:
        first, tokenizer, device = batch[0], self._lm.tokenizer, self._lm.device
        width = max(len(request.prompt) for request in batch)
        padded = [[tokenizer.pad_token_id] * (width - len(one.prompt)) + [*one.prompt] for one in batch]
        mask = [[0] * (width - len(one.prompt)) + [1] * len(one.prompt) for one in batch]
        generated = self._lm.generate(
            torch.tensor(padded, device=device),
            torch.tensor(mask, device=device),
            width + first.new_tokens,
            first.stops if first.stop_after_text or first.stop_anywhere else None,
            do_sample=False,
        )
        answers = []
        for row in generated[:, width:].tolist():
            end = next((place for place, token in enumerate(row) if token in self._end_tokens), None)
            text = tokenizer.decode(row[:end], skip_special_tokens=True)
            answers.append(Generation(text, finished=end is not None or first.stops(text)))
        return answers
