"""What becomes of tokens at the ends of prompts, targets and answers, against plain transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, AutoTokenizer

from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.plugins.manager import installed
from medcot_bench.scoring.lm import EngineLM, build_lm
from medcot_bench.testing.tiny import make_tiny_model, make_tiny_tokenizer

ENGINES = ("fast", "hf")
GREEDY = {"until": [], "max_gen_toks": 6, "do_sample": False}


def loaded(folder: Path) -> Any:
    return load_model(folder, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))


def build(model: Any, folder: Path, engine: str) -> EngineLM:
    return build_lm(model, Encoder(load_tokenizer(folder)), engine=engine, max_length=64, batch_size=2)


def name_end_tokens(folder: Path, tokens: Any) -> None:
    """Write the generation config of a chat model: its end tokens, and settings that would sample."""
    settings = {"eos_token_id": tokens, "do_sample": True, "temperature": 0.6}
    (folder / "generation_config.json").write_text(json.dumps(settings))


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A model that writes a, b, <bos>, c, c, ... and ends turns by <bos>; the EOS of its tokenizer is <eos>."""
    folder = make_tiny_model(tmp_path / "chain", layers=1, tied=False)
    tokenizer = make_tiny_tokenizer()
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    states = model.state_dict()
    for name in ("self_attn.o_proj", "mlp.down_proj"):  # what comes next depends on the last token alone
        states[f"model.layers.0.{name}.weight"].zero_()
    embedded, head = states["model.embed_tokens.weight"].zero_(), states["lm_head.weight"].zero_()
    [a, b, c, say] = tokenizer.encode("abc:")
    end = tokenizer.bos_token_id
    for place, (token, after) in enumerate(((say, a), (a, b), (b, end), (end, c), (c, c))):
        embedded[token, place] = head[after, place] = 1.0
    model.load_state_dict(states)
    model.save_pretrained(folder)
    name_end_tokens(folder, [tokenizer.eos_token_id, end])
    return folder


@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_ends_at_every_end_token_of_the_model(chain: Path, engine: str) -> None:
    lm = build(loaded(chain), chain, engine)
    requests = [Instance("generate_until", {}, (prompt, dict(GREEDY)), 0) for prompt in ("x:", "a longer one:")]
    assert lm.generate_until(requests, disable_tqdm=True) == ["ab", "ab"]
    assert not lm.unfinished


@pytest.mark.parametrize("engine", ENGINES)
def test_an_end_token_that_is_written_as_text_is_no_part_of_the_answer(chain: Path, engine: str) -> None:
    name_end_tokens(chain, make_tiny_tokenizer().encode("b"))
    lm = build(loaded(chain), chain, engine)
    assert lm.generate_until([Instance("generate_until", {}, ("x:", dict(GREEDY)), 0)], disable_tqdm=True) == ["a"]


def test_end_tokens_are_those_of_the_generation_config_and_nothing_else_of_it(chain: Path) -> None:
    config = loaded(chain).generation_config
    assert (config.eos_token_id, config.do_sample, config.temperature) == ([257, 256], None, None)
    (chain / "generation_config.json").unlink()
    assert loaded(chain).generation_config.eos_token_id == 257


def test_folders_that_are_written_keep_the_end_tokens(chain: Path, tmp_path: Path) -> None:
    def ends(folder: Path) -> Any:
        return json.loads((folder / "generation_config.json").read_text())["eos_token_id"]

    adapted: Any = get_peft_model(loaded(chain), LoraConfig(target_modules=["q_proj"], task_type="CAUSAL_LM"))
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    full: Any = installed().make_adapter("full")
    full.save(loaded(chain), tmp_path / "full")
    assert ends(tmp_path / "merged") == ends(tmp_path / "full") == [257, 256]
    name_end_tokens(tmp_path / "full", 257)  # as it was once written
    assert full.load(loaded(chain), tmp_path / "full").generation_config.eos_token_id == [257, 256]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_target_after_a_token_that_would_span_the_border_is_scored_whole(tmp_path: Path, engine: str) -> None:
    folder = make_tiny_model(tmp_path / "spanned", layers=2)
    tokenizer = make_tiny_tokenizer()
    tokenizer.add_tokens([AddedToken(": river", normalized=False)])  # without a row in the model: never reached
    tokenizer.save_pretrained(folder)
    plain, own = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompt, target = own.encode("Answer:"), own.encode(" river")
    with torch.no_grad():
        logits = plain(torch.tensor([prompt + target])).logits[0, len(prompt) - 1 : -1]
    expected = float(logits.log_softmax(-1).gather(1, torch.tensor(target)[:, None]).sum())
    lm = build(loaded(folder), folder, engine)
    [(found, _)] = lm.loglikelihood([Instance("loglikelihood", {}, ("Answer:", " river"), 0)], disable_tqdm=True)
    assert len(target) == len(" river")
    assert found == pytest.approx(expected, abs=1e-4)
