"""What lm-eval asks reaches the engine as tokens that fit the model, and comes back as lm-eval expects it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plain_engine
import pytest
import torch
from lm_eval.api.instance import Instance

from medcot_bench.errors import ConfigError, PluginError
from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.scoring.as_lm_eval_task import generation_settings
from medcot_bench.scoring.evaluate import evaluate_task
from medcot_bench.scoring.lm import STOP, Answered, EngineLM
from medcot_bench.study.schema import Study
from medcot_bench.types import Generation, GenerationRequest, Likelihood, LikelihoodRequest, LoadedModel

ENTRY = PluginEntry("engine", "scripted", "scripted", "acme", "1.0")
GREEDY = {"until": [], "max_gen_toks": 4, "do_sample": False}


class Scripted:
    """Keeps what it is asked, and gives the same answers each time."""

    batch_size = 2

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.likely: Any = Likelihood(-1.5, greedy=False)
        self.written: Any = Generation("a\nb", finished=False)

    def likelihoods(self, requests: Sequence[LikelihoodRequest]) -> list[Likelihood]:
        self.asked += requests
        return [self.likely for _ in requests]

    def generations(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        self.asked += requests
        return [self.written for _ in requests]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    return load_model(tiny_model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))


@pytest.fixture
def engine() -> Scripted:
    return Scripted()


@pytest.fixture
def lm(model: Any, tiny_model: Path, engine: Scripted) -> EngineLM:
    loaded = LoadedModel(model=model, tokenizer=load_tokenizer(tiny_model), max_length=16)
    return EngineLM(loaded, Encoder(loaded.tokenizer), engine, ENTRY, Answered(None))


def likelihood(lm: EngineLM, context: str, continuation: str) -> tuple[float, bool]:
    [found] = lm.loglikelihood([Instance("loglikelihood", {}, (context, continuation), 0)], disable_tqdm=True)
    return tuple(found)  # type: ignore[return-value]


def answer(lm: EngineLM, prompt: str, **settings: Any) -> str:
    request = Instance("generate_until", {}, (prompt, GREEDY | settings), 0)
    [text] = lm.generate_until([request], disable_tqdm=True)
    return str(text)


def tokens(lm: EngineLM, text: str) -> tuple[int, ...]:  # a byte each
    return tuple(lm.tok_encode(text))


def test_whitespace_at_the_border_belongs_to_the_continuation(lm: EngineLM, engine: Scripted) -> None:
    assert likelihood(lm, "pod \n", "node") == (-1.5, False)
    assert engine.asked == [LikelihoodRequest(tokens(lm, "pod"), tokens(lm, " \nnode"))]


def test_a_long_context_is_cut_from_the_left(lm: EngineLM, engine: Scripted) -> None:
    likelihood(lm, "0123456789abcdef", " pod")
    assert engine.asked == [LikelihoodRequest(tokens(lm, "3456789abcdef"), tokens(lm, " pod"))]


@pytest.mark.parametrize("continuation", ["", "x" * 17])
def test_a_continuation_that_can_not_be_scored_says_what_can(lm: EngineLM, continuation: str) -> None:
    with pytest.raises(ConfigError, match=r"of \d+ tokens; with scoring.max_length=16 write 1 to 16$"):
        likelihood(lm, "pod", continuation)


def test_running_text_is_read_in_windows(lm: EngineLM, engine: Scripted) -> None:
    text = "0123456789abcdefghij"
    [total] = lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (text,), 0)], disable_tqdm=True)
    assert total == -3.0
    first, second = engine.asked
    assert first == LikelihoodRequest((lm.prefix_token_id,), tokens(lm, text[:16]))
    assert (second.context[-1:], second.continuation) == (tokens(lm, "f"), tokens(lm, "ghij"))
    assert len(second.context + second.continuation) == 17


def test_contexts_of_prompts_that_will_be_answered_are_marked(lm: EngineLM, engine: Scripted) -> None:
    lm.expect(["pod\n", "node"])
    for context in ("pod", "node ", "no"):
        likelihood(lm, context, " a")
    assert [request.answer_follows for request in engine.asked] == [True, True, False]


def test_a_prompt_leaves_its_answer_room(lm: EngineLM, engine: Scripted) -> None:
    answer(lm, "0123456789abcdef", until=["x", ""], **{STOP: ["\n"]})
    assert engine.asked == [GenerationRequest(tokens(lm, "456789abcdef"), 4, ("\n",), ("x",))]
    with pytest.raises(ConfigError, match="answers of 16 tokens leave a prompt no room in 16 tokens"):
        answer(lm, "pod", max_gen_toks=16)


def test_an_answer_is_cut_where_lm_eval_cuts_it(lm: EngineLM, engine: Scripted) -> None:
    assert answer(lm, "pod") == "a\nb"
    assert answer(lm, "pod", until="b") == "a\n"
    assert answer(lm, "pod", **{STOP: ["\n"]}) == "a\nb"  # by the caller, after the text's own whitespace
    engine.written = Generation("a<eos>b", finished=True)
    assert answer(lm, "pod") == "a"


@pytest.mark.parametrize("stop", [(), ("###",)])
def test_an_answer_to_a_task_of_ours_may_hold_the_end_token_as_text(
    lm: EngineLM, engine: Scripted, stop: tuple[str, ...]
) -> None:
    spec = dataclasses.replace(installed().make_task("k8s_qa").spec, stop=stop)
    engine.written = Generation("An <eos>.", finished=True)
    assert answer(lm, "pod", **generation_settings(spec, 4)) == "An <eos>."


def test_prompts_that_came_to_no_end_are_kept(lm: EngineLM, engine: Scripted) -> None:
    answer(lm, "pod ")
    engine.written = Generation("a", finished=True)
    answer(lm, "node")
    assert lm.unfinished == {"pod "}


@pytest.mark.parametrize("settings", [{"do_sample": True, "temperature": 0.7}, {"num_beams": 2}])
def test_what_is_not_plain_greedy_text_is_written_by_lm_eval_itself(
    lm: EngineLM, engine: Scripted, settings: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    first = answer(lm, "pod", **settings)
    torch.manual_seed(0)
    assert answer(lm, "pod", **settings) == first
    assert engine.asked == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"likely": -1.5}, "likelihoods: TypeError: it gives type float, not Likelihood"),
        ({"likelihoods": lambda requests: []}, "likelihoods: ValueError: it gives 0 answers to 1 request"),
        ({"likelihoods": lambda requests: 1 / 0}, "likelihoods: ZeroDivisionError: division by zero"),
        ({"written": "a"}, "generations: TypeError: it gives type str, not Generation"),
    ],
)
def test_what_an_engine_does_wrong_names_it(
    lm: EngineLM, engine: Scripted, change: dict[str, Any], said: str
) -> None:
    for name, value in change.items():
        setattr(engine, name, value)
    ask = likelihood if said.startswith("likelihoods") else answer
    with pytest.raises(PluginError) as caught:
        ask(lm, "pod", **({"continuation": " a"} if ask is likelihood else {}))
    assert str(caught.value) == f"engine 'scripted' (acme 1.0) failed in {said}"


def test_an_engine_of_another_package_gives_the_scores_of_ours(
    model: Any, tiny_model: Path, study_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = PluginEntry("engine", "plain", plain_engine.__name__, "acme", "1.0")
    plugins = Plugins([*installed().entries, own])
    monkeypatch.setattr("medcot_bench.scoring.lm.installed", lambda: plugins)
    found = {}
    for name in ("fast", "plain"):
        fields = study_fields | {"adapters": "none", "scoring": {"max_new_tokens": 6, "engine": name}}
        plan = make_plan(Study.model_validate(fields), plugins=plugins)
        encoder = Encoder(load_tokenizer(tiny_model))
        found[name] = evaluate_task(model, encoder, plan, plan.evaluations[0])
    assert found["plain"].results == pytest.approx(dict(found["fast"].results), abs=1e-4)
    for one, other in zip(found["plain"].samples, found["fast"].samples, strict=True):
        assert one["prediction"] == other["prediction"]
        assert one["scores"]["truncated"] == other["scores"]["truncated"]
    assert dataclasses.replace(found["plain"], results={}, samples=()) == dataclasses.replace(
        found["fast"], results={}, samples=()
    )
