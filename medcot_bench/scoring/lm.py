"""The language model that lm-eval talks to: text becomes tokens here, and an engine answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch

from medcot_bench.errors import ConfigError
from medcot_bench.interfaces import Engine
from medcot_bench.models.tokenization import Encoder
from medcot_bench.plugins.entries import PluginEntry, blame
from medcot_bench.plugins.manager import installed
from medcot_bench.scoring.hflm import InMemoryLM
from medcot_bench.scoring.lm_eval import Instance, normalize_gen_kwargs, postprocess_generated_text
from medcot_bench.text import counted
from medcot_bench.types import Generation, GenerationRequest, Likelihood, LikelihoodRequest, LoadedModel

STOP = "stop_after_text"
"""Key of the generation settings under which this project's tasks give their stop strings, if any."""
GREEDY = {"until", "max_gen_toks", "do_sample", "temperature", STOP}
"""Settings of generation that engines follow. Requests with others, and those that sample, are HFLM's."""
Answer = TypeVar("Answer", Likelihood, Generation)
Asked = Literal["likelihood", "answer"]
"""What an engine is asked for."""
OnAnswered = Callable[[Asked, int, int], None]
"""Told how many of so many requests are answered."""
BETWEEN = 0.5
"""Seconds from one telling to the next."""


@dataclass(slots=True)
class Answered:
    """Counts the requests that an engine says are answered, and tells of them now and then."""

    tell: OnAnswered | None
    unit: Asked = "likelihood"
    done: int = 0
    total: int = 0
    told: float = 0.0

    def begin(self, unit: Asked, total: int) -> None:
        """Expect answers to so many requests."""
        self.unit, self.done, self.total = unit, 0, total
        self._tell()

    def add(self, count: int) -> None:
        """Take note of more answers."""
        self.done = min(self.done + count, self.total)
        if time.monotonic() > self.told + BETWEEN or self.done == self.total:
            self._tell()

    def _tell(self) -> None:
        self.told = time.monotonic()
        if self.tell and self.total:
            self.tell(self.unit, self.done, self.total)


class EngineLM(InMemoryLM):
    """HFLM, for tokens, windows of running text, chat templates and sampling; all else asks the engine."""

    def __init__(
        self, loaded: LoadedModel, encoder: Encoder, engine: Engine, entry: PluginEntry, answered: Answered
    ):
        super().__init__(loaded, engine.batch_size)
        self._encoder = encoder
        self._engine = engine
        self._entry = entry
        self._answered = answered
        self._expected: set[tuple[int, ...]] = set()
        self.unfinished: set[str] = set()
        """Prompts whose greedy answer used all its tokens without coming to an end."""

    def expect(self, prompts: Iterable[str]) -> None:
        """Say which prompts will be answered after their likelihoods, so that they need not be read again."""
        # As in a pair: whitespace at the border belongs to what follows.
        self._expected = {tuple(self._encoder.encode(prompt.rstrip())) for prompt in prompts}

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Return the tokens of both, split as in training."""
        return self._encoder.pair(context, continuation)

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[Any, list[int], list[int]]],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[tuple[float, bool]]:
        """Return (log-likelihood, whether it is the greedy answer) for text, context and continuation."""
        asked = [self._likelihood(context, continuation) for _, context, continuation in requests]
        answers = self._ask("likelihoods", asked, Likelihood)
        return [(answer.value, answer.greedy) for answer in answers]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return the answers, cut at the strings of `until`."""
        settings = [normalize_gen_kwargs(request.args[1], self.max_gen_toks) for request in requests]
        if any(own["do_sample"] or set(own) - GREEDY for own in settings):
            sampled: list[str] = super().generate_until(requests, disable_tqdm)
            return sampled
        prompts = [request.args[0] for request in requests]
        asked = [self._generation(prompt, own) for prompt, own in zip(prompts, settings, strict=True)]
        answers = self._ask("generations", asked, Generation)
        self.unfinished |= {prompt for prompt, answer in zip(prompts, answers, strict=True) if not answer.finished}
        end = self.tok_decode(self.eot_token_id, skip_special_tokens=False)
        # lm-eval cuts where the end token is written, as text too; an answer to a task of ours may hold that text.
        ends = [own["until"] if STOP in own else [*own["until"], end] for own in settings]
        return [
            postprocess_generated_text(answer.text, stop=cut_at, think_end_token=None)
            for answer, cut_at in zip(answers, ends, strict=True)
        ]

    def _likelihood(self, context: list[int], continuation: list[int]) -> LikelihoodRequest:
        """Write a request; too long a context is cut from the left, as HFLM cuts it."""
        if not 0 < len(continuation) <= self.max_length:
            raise ConfigError(
                f"lm-eval asks for the likelihood of {counted(len(continuation), 'token')}; with "
                f"scoring.max_length={self.max_length} write 1 to {self.max_length}"
            )
        whole = (context + continuation)[-(self.max_length + 1) :]
        kept = tuple(whole[: -len(continuation)])
        return LikelihoodRequest(kept, tuple(continuation), answer_follows=kept in self._expected)

    def _generation(self, prompt: str, settings: Mapping[str, Any]) -> GenerationRequest:
        """Write a request; too long a prompt is cut from the left, as HFLM cuts it."""
        most = settings["max_gen_toks"]
        if most >= self.max_length:
            raise ConfigError(
                f"answers of {counted(most, 'token')} leave a prompt no room in {self.max_length} tokens"
            )
        tokens = self._encoder.encode(prompt)[-(self.max_length - most) :]
        until = tuple(text for text in settings["until"] if text)
        return GenerationRequest(tuple(tokens), most, tuple(settings.get(STOP, ())), until)

    def _ask(
        self, action: Literal["likelihoods", "generations"], asked: Sequence[Any], kind: type[Answer]
    ) -> Sequence[Answer]:
        """Ask the engine. Raises PluginError for what it raises, and for answers that are not of this kind."""
        self._answered.begin("answer" if action == "generations" else "likelihood", len(asked))
        with blame(self._entry, action), torch.no_grad():
            answers: Sequence[Answer] = getattr(self._engine, action)(asked)
            if len(answers) != len(asked):
                raise ValueError(f"it gives {counted(len(answers), 'answer')} to {counted(len(asked), 'request')}")
            if wrong := [answer for answer in answers if not isinstance(answer, kind)]:
                raise TypeError(f"it gives type {type(wrong[0]).__name__}, not {kind.__name__}")
        return answers


def build_lm(
    model: Any,
    encoder: Encoder,
    *,
    engine: str,
    max_length: int,
    batch_size: int | None,
    compute_dtype: torch.dtype | None = None,
    on_answered: OnAnswered | None = None,
) -> EngineLM:
    """Wrap a model in memory for lm-eval, with the engine of that name. Raises PluginError.

    `batch_size` None leaves it to the engine. `compute_dtype` switches autocast on, for fp32 master weights on a
    GPU. Log-probabilities are taken in fp32. `on_answered` is told of requests that are answered, as far as the
    engine says.
    """
    model.eval()
    answered = Answered(on_answered)
    loaded = LoadedModel(
        model=model,
        tokenizer=encoder.tokenizer,
        max_length=max_length,
        compute_dtype=compute_dtype,
        answered=answered.add,
    )
    plugins = installed()
    made = plugins.make_engine(engine, loaded, batch_size)
    return EngineLM(loaded, encoder, made, plugins.entry("engine", engine), answered)
