"""Conformance checks of an engine plugin on a tiny random model, to subclass in its tests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from medcot_bench.interfaces import Engine
from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.plugins.manager import installed
from medcot_bench.testing.tiny import make_tiny_model
from medcot_bench.types import Generation, GenerationRequest, Likelihood, LikelihoodRequest, LoadedModel

MAX_LENGTH = 160
WRITTEN = "abcdef \n"
"""All that the model writes, beside its end tokens."""
STOPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ()),
    (("\n",), ()),
    (("b", "ca"), ()),
    ((), ("\n",)),
    ((" ", "\n"), ("d",)),
)
"""Strings that stop after text, and anywhere."""


def make_writer(folder: Path) -> LoadedModel:
    """Return a random model that writes varied text of few characters, and comes to an end now and then.

    Two tokens end its answers, as those of many chat models: one of text and one of turns, here `<eos>` and `|`.
    """
    make_tiny_model(folder, layers=2, tied=False)
    model = load_model(folder, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    tokenizer = load_tokenizer(folder)
    [end_of_turn] = tokenizer.encode("|")
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, end_of_turn]
    kept = [*tokenizer.encode(WRITTEN), tokenizer.eos_token_id, end_of_turn]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "proj" in name:
                parameter.mul_(8)  # what was read before counts as much as the last token
        head = model.get_output_embeddings().weight
        others = torch.ones(len(head), dtype=torch.bool).index_fill(0, torch.tensor(kept), False)
        head[others] = 0
        head.mul_(20)
    return LoadedModel(model=model.eval(), tokenizer=tokenizer, max_length=MAX_LENGTH)


def likelihood_requests(loaded: LoadedModel) -> list[LikelihoodRequest]:
    """Return requests in no order: short and the longest, several to one context, equal ones, likeliest ones."""
    drawn = random.Random(1)
    contexts = [_tokens(drawn, length) for length in (1, 4, 4, 30, 31, MAX_LENGTH - 12)]
    contexts.append(contexts[3][:10])
    requests = []
    for number, context in enumerate(contexts):
        likeliest, _ = write(loaded, GenerationRequest(context, 3))
        first = _tokens(drawn, 1)
        after_first, _ = write(loaded, GenerationRequest(context + first, 1))
        some = [_tokens(drawn, length) for length in (1, 5, 13)]
        partly = (first + after_first, likeliest + first)
        requests += [
            LikelihoodRequest(context, continuation, answer_follows=number % 2 == 0)
            for continuation in (*some, some[1], likeliest, likeliest[:1], *partly)
        ]
    drawn.shuffle(requests)
    return requests


def generation_requests() -> list[GenerationRequest]:
    """Return requests in no order: short and the longest prompts, one token or more, with and without stops."""
    drawn = random.Random(12)
    requests = []
    for after_text, anywhere in STOPS:
        for length in (1, 3, 3, 8, 20, 21, 60, MAX_LENGTH - 16):
            new_tokens = drawn.choice((1, 6, 16))
            requests.append(GenerationRequest(_tokens(drawn, length), new_tokens, after_text, anywhere))
    requests += [GenerationRequest(one.prompt, 16) for one in requests[::6]]
    drawn.shuffle(requests)
    return requests


@torch.no_grad()
def likelihood(loaded: LoadedModel, request: LikelihoodRequest) -> Likelihood:
    """Return what plain transformers make of one request."""
    read = torch.tensor([[*request.context, *request.continuation]], device=loaded.model.device)
    logits = loaded.model(input_ids=read).logits[0, len(request.context) - 1 : -1].float()
    own = read[0, len(request.context) :]
    value = logits.log_softmax(-1).gather(1, own[:, None]).sum()
    return Likelihood(float(value), bool((logits.argmax(-1) == own).all()))


@torch.no_grad()
def write(loaded: LoadedModel, request: GenerationRequest) -> tuple[tuple[int, ...], Generation]:
    """Return the tokens and the answer of plain transformers, which read everything again for each token."""
    new: list[int] = []
    text = ""
    while len(new) < request.new_tokens:
        read = torch.tensor([[*request.prompt, *new]], device=loaded.model.device)
        new.append(int(loaded.model(input_ids=read).logits[0, -1].argmax()))
        ended = new[-1] in loaded.end_tokens
        text = loaded.tokenizer.decode(new[:-1] if ended else new, skip_special_tokens=True)
        if ended or request.stops(text):
            return tuple(new), Generation(text, finished=True)
    return tuple(new), Generation(text, finished=False)


def up_to_stop(request: GenerationRequest, text: str) -> str:
    """Return a text up to the end of its first stop string; what follows is cut off by the core."""
    return next((text[:end] for end in range(len(text)) if request.stops(text[:end])), text)


class EngineChecks:
    """What holds for every engine. Name it in a subclass, and every check runs:

    class TestMine(EngineChecks):
        name = "mine"

    An engine that isn't installed overrides `make`; one that needs another model or device, `loaded`.
    """

    name: str
    """The engine as written in `scoring.engine`."""

    @pytest.fixture
    def loaded(self, tmp_path: Path) -> LoadedModel:
        """Return the model to compute with."""
        return make_writer(tmp_path / "model")

    @pytest.fixture
    def engine(self, loaded: LoadedModel) -> Engine:
        """Return the engine to check."""
        return self.make(loaded, None)

    def make(self, loaded: LoadedModel, batch_size: int | None) -> Engine:
        """Build the engine that `name` says; overridden where it isn't installed."""
        return installed().make_engine(self.name, loaded, batch_size)

    def test_batches_are_as_large_as_the_study_says(self, engine: Engine, loaded: LoadedModel) -> None:
        """It has all that an engine has; `batch_size` is the study's, or a number of its own."""
        assert isinstance(engine, Engine), f"{type(engine).__name__} is not a whole Engine"
        own = engine.batch_size
        assert type(own) is int, f"batch_size is of type {type(own).__name__}, not int"
        assert own >= 1, f"batch_size is {own}"
        assert self.make(loaded, 3).batch_size == 3, "batch_size is not the one given"

    def test_likelihoods_are_those_of_transformers(self, engine: Engine, loaded: LoadedModel) -> None:
        """They differ by at most 1e-4 from one forward pass per request."""
        requests = likelihood_requests(loaded)
        for request, found in zip(requests, _likelihoods(engine, requests), strict=True):
            expected = likelihood(loaded, request)
            assert found.value == pytest.approx(expected.value, abs=1e-4), f"{request}"

    def test_the_likeliest_continuation_is_recognised(self, engine: Engine, loaded: LoadedModel) -> None:
        """`greedy` is True exactly where each token is the likeliest one."""
        requests = likelihood_requests(loaded)
        expected = [likelihood(loaded, request).greedy for request in requests]
        assert [found.greedy for found in _likelihoods(engine, requests)] == expected

    def test_answers_are_those_of_transformers(self, engine: Engine, loaded: LoadedModel) -> None:
        """The text is the greedy one, at least up to the first stop string, without special tokens."""
        requests = generation_requests()
        for request, found in zip(requests, _generations(engine, requests), strict=True):
            _, expected = write(loaded, request)
            assert up_to_stop(request, found.text) == up_to_stop(request, expected.text), f"{request}"

    def test_finished_says_what_came_to_an_end(self, engine: Engine, loaded: LoadedModel) -> None:
        """`finished` is True after an end token or a stop string, within the tokens allowed."""
        requests = generation_requests()
        for request, found in zip(requests, _generations(engine, requests), strict=True):
            _, expected = write(loaded, request)
            assert found.finished == expected.finished, f"{request} wrote {expected.text!r}"

    def test_the_order_of_requests_does_not_matter(self, engine: Engine, loaded: LoadedModel) -> None:
        """The last request first, or one alone: the answers are the same."""
        asked, prompts = likelihood_requests(loaded), generation_requests()
        _assert_close(_likelihoods(engine, asked), _likelihoods(engine, asked[::-1])[::-1])
        _assert_same(prompts, _generations(engine, prompts), _generations(engine, prompts[::-1])[::-1])
        alone = self.make(loaded, 1)
        _assert_close(_likelihoods(engine, asked[:1]), _likelihoods(alone, asked[:1]))
        _assert_same(prompts[:1], _generations(engine, prompts[:1]), _generations(alone, prompts[:1]))

    def test_nothing_is_kept_between_calls(self, engine: Engine, loaded: LoadedModel) -> None:
        """Answers do not depend on what was asked before, nor on whether their prompts were read already."""
        prompts = generation_requests()
        fresh = _generations(self.make(loaded, None), prompts)
        read = [LikelihoodRequest(one.prompt, one.prompt[:1], answer_follows=True) for one in prompts]
        likely = _likelihoods(engine, read)
        cut = [GenerationRequest(one.prompt, 1) for one in prompts]
        _assert_same(cut, _generations(engine, cut), _generations(self.make(loaded, None), cut))
        _assert_same(prompts, _generations(engine, prompts), fresh)
        _assert_close(_likelihoods(engine, read), likely)
        _assert_same(prompts, _generations(engine, prompts), fresh)

    def test_prompts_go_on_from_what_was_read(self, engine: Engine, loaded: LoadedModel) -> None:
        """A prompt may have more tokens than the context that its answer was said to follow."""
        space = tuple(loaded.tokenizer.encode("\n"))
        prompts = [one for one in generation_requests() if len(one.prompt) + one.new_tokens < MAX_LENGTH]
        longer = [
            GenerationRequest(one.prompt + space, one.new_tokens, one.stop_after_text, one.stop_anywhere)
            for one in prompts
        ]
        fresh = _generations(self.make(loaded, None), longer)
        _likelihoods(engine, [LikelihoodRequest(one.prompt, space, answer_follows=True) for one in prompts])
        _assert_same(longer, _generations(engine, longer), fresh)

    def test_the_model_stays_as_it_is(self, engine: Engine, loaded: LoadedModel) -> None:
        """It computes the same afterwards: weights, attention and mode are those of before."""
        requests = likelihood_requests(loaded)[:4]
        before = [likelihood(loaded, request) for request in requests]
        _likelihoods(engine, requests)
        _generations(engine, generation_requests()[:4])
        assert not loaded.model.training, "the model is in training mode"
        assert [likelihood(loaded, request) for request in requests] == before, "the model computes otherwise"

    def test_no_requests_have_no_answers(self, engine: Engine) -> None:
        """Both methods take an empty list."""
        assert _likelihoods(engine, []) == []
        assert _generations(engine, []) == []


def _tokens(drawn: random.Random, length: int) -> tuple[int, ...]:
    """Draw tokens of the tiny tokenizer, a byte each."""
    return tuple(drawn.randrange(256) for _ in range(length))


@torch.no_grad()
def _likelihoods(engine: Engine, requests: Sequence[LikelihoodRequest]) -> list[Likelihood]:
    found = list(engine.likelihoods(requests))
    assert len(found) == len(requests), f"{len(found)} likelihoods for {len(requests)} requests"
    assert all(isinstance(one, Likelihood) for one in found), "what it gives is not a Likelihood"
    assert all(type(one.value) is float and type(one.greedy) is bool for one in found), "not a float and a bool"
    return found


@torch.no_grad()
def _generations(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Generation]:
    found = list(engine.generations(requests))
    assert len(found) == len(requests), f"{len(found)} answers for {len(requests)} requests"
    assert all(isinstance(one, Generation) for one in found), "what it gives is not a Generation"
    assert all(type(one.text) is str and type(one.finished) is bool for one in found), "not a string and a bool"
    return found


def _assert_close(found: Sequence[Likelihood], expected: Sequence[Likelihood]) -> None:
    assert [one.value for one in found] == pytest.approx([one.value for one in expected], abs=1e-4)
    assert [one.greedy for one in found] == [one.greedy for one in expected]


def _assert_same(
    requests: Sequence[GenerationRequest], found: Sequence[Generation], expected: Sequence[Generation]
) -> None:
    for request, one, other in zip(requests, found, expected, strict=True):
        assert up_to_stop(request, one.text) == up_to_stop(request, other.text), f"{request}"
        assert one.finished == other.finished, f"{request}"
