"""The engine `fast` against lm-eval's own HFLM: the same likelihoods up to rounding, the same greedy text."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
import torch
from lanes import slow
from lm_eval.api.instance import Instance
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, FalconConfig, Lfm2Config, MistralConfig

from medcot_bench.errors import ModelError
from medcot_bench.models.attention import Past
from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.scoring.engines.flat import FlatEngine
from medcot_bench.scoring.lm import STOP, EngineLM, build_lm
from medcot_bench.testing.tiny import make_tiny_model

WORDS = ("pod", "node", "image", "port", "name", "the", "of", "in", "which", "has", "and", "a", "is", "not", "on")
LONG = 300  # words; more tokens than a batch takes together with others


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return load_tokenizer(tiny_model)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    return load_model(tiny_model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))


def engines(model: Any, tokenizer: Any, **changes: Any) -> tuple[EngineLM, EngineLM]:
    settings: dict[str, Any] = {"max_length": 4096, "batch_size": 3} | changes
    hf, fast = (build_lm(model, Encoder(tokenizer), engine=engine, **settings) for engine in ("hf", "fast"))
    return hf, fast


def text(numbers: random.Random, words: int) -> str:
    return " ".join(numbers.choice(WORDS) for _ in range(words))


def likelihood_requests() -> list[Instance]:
    numbers = random.Random(5)
    pairs = []
    for length in (3, 40, LONG, 17, LONG, 1):
        context = text(numbers, length)
        pairs += [(context, " " + text(numbers, count)) for count in (1, 3, 9)]
        pairs.append((context, " A"))
    numbers.shuffle(pairs)
    return [Instance("loglikelihood", {}, pair, index) for index, pair in enumerate(pairs)]


def generation_requests(**settings: Any) -> list[Instance]:
    numbers = random.Random(6)
    given: dict[str, Any] = {"until": [], "max_gen_toks": 12, "do_sample": False} | settings
    contexts = [text(numbers, length) for length in (3, 40, 9, LONG, 17, 5, 80)]
    return [
        Instance("generate_until", {}, (context, dict(given)), index) for index, context in enumerate(contexts)
    ]


def assert_same_likelihoods(hf: EngineLM, fast: EngineLM, requests: list[Instance]) -> None:
    expected, found = (lm.loglikelihood(requests, disable_tqdm=True) for lm in (hf, fast))
    assert [value for value, _ in found] == pytest.approx([value for value, _ in expected], abs=1e-4, rel=1e-5)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


def test_likelihoods_of_several_answers_to_one_context(model: Any, tokenizer: Any) -> None:
    assert_same_likelihoods(*engines(model, tokenizer), likelihood_requests())


def test_contexts_too_long_are_cut_as_lm_eval_cuts_them(model: Any, tokenizer: Any) -> None:
    assert_same_likelihoods(*engines(model, tokenizer, max_length=64), likelihood_requests())


@pytest.mark.parametrize("engine", ["hf", "fast"])
def test_answers_are_counted_as_they_come(
    model: Any, tokenizer: Any, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medcot_bench.scoring.lm.BETWEEN", 0.0)
    told: list[tuple[str, int, int]] = []
    lm = build_lm(
        model,
        Encoder(tokenizer),
        engine=engine,
        max_length=4096,
        batch_size=3,
        on_answered=lambda *count: told.append(count),
    )
    lm.loglikelihood(likelihood_requests(), disable_tqdm=True)
    lm.generate_until(generation_requests(), disable_tqdm=True)
    likelihoods = [done for unit, done, total in told if (unit, total) == ("likelihood", 24)]
    answers = [done for unit, done, total in told if (unit, total) == ("answer", 7)]
    assert len(likelihoods) + len(answers) == len(told)
    for counted in likelihoods, answers:
        assert (counted[0], counted) == (0, sorted(counted))
    assert (likelihoods[-1], answers[-1]) == (24, 7)
    assert len(answers) > 2


def test_the_greedy_answer_is_told(model: Any, tokenizer: Any) -> None:
    _, fast = engines(model, tokenizer)
    context = text(random.Random(1), 9)
    ids = torch.tensor([tokenizer.encode(context)])
    likeliest = tokenizer.decode(model(ids).logits[0, -1].argmax())
    requests = [Instance("loglikelihood", {}, (context, more), 0) for more in (likeliest, " pod")]
    assert [greedy for _, greedy in fast.loglikelihood(requests, disable_tqdm=True)] == [True, False]


@pytest.mark.parametrize("settings", [{}, {STOP: ["e", "\n"]}, {"until": ["o", "a"]}, {"max_gen_toks": 1}])
def test_generated_text_and_what_did_not_end(model: Any, tokenizer: Any, settings: dict[str, Any]) -> None:
    hf, fast = engines(model, tokenizer)
    requests = generation_requests(**settings)
    expected, found = (lm.generate_until(requests, disable_tqdm=True) for lm in (hf, fast))
    stops = settings.get(STOP, [])

    def cut(answer: str) -> str:  # what follows a stop string is cut by the caller
        for stop in stops:
            answer = answer.lstrip().split(stop)[0]
        return answer

    assert [cut(answer) for answer in found] == [cut(answer) for answer in expected]
    assert fast.unfinished == hf.unfinished


def test_rows_wait_where_prompts_fill_a_batch(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hf, fast = engines(model, tokenizer)
    expected = hf.generate_until(generation_requests(), disable_tqdm=True)
    monkeypatch.setattr("medcot_bench.scoring.engines.flat.BATCH_TOKENS", 60)
    assert fast.generate_until(generation_requests(), disable_tqdm=True) == expected
    assert_same_likelihoods(hf, fast, likelihood_requests())


@pytest.mark.parametrize("kept", [slow(0), 200, slow(10_000)])
@pytest.mark.parametrize("most", [1, 12])
def test_prompts_read_for_their_likelihoods_are_not_read_again(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, kept: int, most: int
) -> None:
    monkeypatch.setattr("medcot_bench.scoring.engines.flat.KEPT_TOKENS", kept)
    hf, fast = engines(model, tokenizer)
    answers = generation_requests(max_gen_toks=most)
    contexts = [request.args[0] for request in answers]
    fast.expect(contexts)
    pairs = [(context, more) for context in contexts for more in (" a pod", " A")]
    assert_same_likelihoods(hf, fast, [Instance("loglikelihood", {}, pair, 0) for pair in pairs])
    read: list[int] = []
    step = FlatEngine._forward
    monkeypatch.setattr(
        FlatEngine, "_forward", lambda engine, ids, *rest: read.append(len(ids)) or step(engine, ids, *rest)
    )
    assert fast.generate_until(answers, disable_tqdm=True) == hf.generate_until(answers, disable_tqdm=True)
    assert fast.unfinished == hf.unfinished
    if kept > 1000:  # three rows at once, one token each
        assert all(count <= 3 for count in read)
        assert bool(read) == (most > 1)


def test_a_prompt_kept_without_its_last_space_is_read_on(model: Any, tokenizer: Any) -> None:
    hf, fast = engines(model, tokenizer)
    contexts = [request.args[0] + "\n\n" for request in generation_requests()]  # as chat templates end
    fast.expect(contexts)
    assert_same_likelihoods(hf, fast, [Instance("loglikelihood", {}, (one, "A pod"), 0) for one in contexts])
    assert isinstance(fast._engine, FlatEngine)
    assert len(fast._engine._read) == len(contexts)
    settings = {"until": [], "max_gen_toks": 6, "do_sample": False}
    answers = [Instance("generate_until", {}, (one, dict(settings)), 0) for one in contexts]
    assert fast.generate_until(answers, disable_tqdm=True) == hf.generate_until(answers, disable_tqdm=True)
    assert not fast._engine._read


def test_short_and_overlong_requests_together(model: Any, tokenizer: Any) -> None:
    hf, fast = engines(model, tokenizer, max_length=300)
    lengths = [sum(map(len, map(tokenizer.encode, request.args))) for request in likelihood_requests()]
    assert min(lengths) < 300 < max(lengths)
    assert_same_likelihoods(hf, fast, likelihood_requests())


def test_only_answers_being_written_hold_memory(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    living: WeakSet[Past] = WeakSet()
    most = 0

    class Counted(Past):
        def __init__(self, capacity: int):
            nonlocal most
            super().__init__(capacity)
            living.add(self)
            most = max(most, len(living))

    monkeypatch.setattr("medcot_bench.scoring.engines.flat.Past", Counted)
    _, fast = engines(model, tokenizer)  # three at once
    fast.generate_until(generation_requests() * 4, disable_tqdm=True)
    assert most <= 3 + 1  # one may wait for its turn


@pytest.mark.parametrize("engine", ["fast", "hf"])
def test_master_weights_compute_in_the_dtype_of_the_study(tiny_model: Path, tokenizer: Any, engine: str) -> None:
    model = load_model(tiny_model, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    lm = build_lm(
        model, Encoder(tokenizer), engine=engine, max_length=512, batch_size=3, compute_dtype=torch.bfloat16
    )
    dtypes: list[torch.dtype] = []
    model.get_output_embeddings().register_forward_hook(lambda _, inputs, output: dtypes.append(output.dtype))
    likelihoods = lm.loglikelihood([Instance("loglikelihood", {}, ("a pod", " is"), 0)], disable_tqdm=True)
    lm.generate_until(generation_requests()[:2], disable_tqdm=True)
    assert set(dtypes) == {torch.bfloat16}
    [(plain, _)] = build_lm(model, Encoder(tokenizer), engine=engine, max_length=512, batch_size=3).loglikelihood(
        [Instance("loglikelihood", {}, ("a pod", " is"), 0)], disable_tqdm=True
    )
    assert likelihoods[0][0] == pytest.approx(plain, rel=0.01)


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_adapters_and_bases_in_four_bits(tokenizer: Any, tmp_path: Path, quantisation: Any) -> None:
    folder = make_tiny_model(tmp_path / "base", hidden_size=64)  # a block of NF4
    base = load_model(folder, quantisation=quantisation, dtype=torch.float32, device=torch.device("cpu"))
    torch.manual_seed(0)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False
    )
    hf, fast = engines(get_peft_model(base, config).eval(), tokenizer)
    assert_same_likelihoods(hf, fast, likelihood_requests())
    if quantisation == "none":  # bitsandbytes on CPUs computes single tokens by another kernel
        requests = generation_requests()
        assert fast.generate_until(requests, disable_tqdm=True) == hf.generate_until(requests, disable_tqdm=True)


@pytest.mark.parametrize(
    "config",
    [
        FalconConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=258),
        Lfm2Config(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            vocab_size=258,
            layer_types=["conv", "full_attention"],
        ),
    ],
    ids=["attention of its own", "convolutions"],
)
def test_an_architecture_whose_sequences_would_see_each_other_is_refused(tokenizer: Any, config: Any) -> None:
    model = AutoModelForCausalLM.from_config(config).eval()
    _, fast = engines(model, tokenizer)
    with pytest.raises(ModelError, match=r"can.t read flat batches.* --set scoring.engine=hf"):
        fast.loglikelihood(likelihood_requests()[:2], disable_tqdm=True)


def test_sliding_windows_while_generating(tokenizer: Any) -> None:
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=8,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    hf, fast = engines(model, tokenizer)
    requests = generation_requests()
    assert fast.generate_until(requests, disable_tqdm=True) == hf.generate_until(requests, disable_tqdm=True)
    assert_same_likelihoods(hf, fast, likelihood_requests())


def test_the_model_s_attention_is_set_back(model: Any, tokenizer: Any) -> None:
    before = model.config._attn_implementation
    _, fast = engines(model, tokenizer)
    fast.generate_until(generation_requests()[:2], disable_tqdm=True)
    fast.loglikelihood(likelihood_requests()[:2], disable_tqdm=True)
    assert model.config._attn_implementation == before
