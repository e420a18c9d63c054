"""Hostile inputs by a seeded generator: study files, options, rows and task files, by structure and by bytes."""

from __future__ import annotations

import copy
import datetime
import json
import random
from typing import Any

import yaml

STUDY: dict[str, Any] = {
    "model": "model",
    "tasks": ["mine"],
    "eval_tasks": ["lm_eval:le.yaml", "k8s_qa"],
    "adapters": ["none", "lora:r=4,lr=1e-3", "layer_lora:select=top,k=2"],
    "baselines": ["zero_shot", "few_shot=2"],
    "seeds": [0, 1],
    "data": {"k8s_qa": {"eval": "file:k8s.jsonl"}},
    "own": {"mine": {"data": "rows.jsonl", "question": "q", "answer": "a", "prompt": "{question}?"}},
    "limit": 5,
    "data_seed": 3,
    "system_prompt": "Be brief.",
    "chat_template": False,
    "on_overlap": "drop-train",
    "training": {"train_items": [5, "all"], "max_steps": 2, "batch_size": 2, "lr": 1e-3, "schedule": "linear"},
    "scoring": {"scores": "answer,gold_nll", "max_new_tokens": 8, "num_fewshot": 1, "overlong": "drop"},
    "analysis": {"primary": "answer", "margins": {"answer": 0.1}, "adapters": "lora:r=4,lr=1e-3"},
    "threads": 1,
}
LM_EVAL: dict[str, Any] = {
    "task": "colours",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{q}}",
    "doc_to_choice": ["a", "b"],
    "metric_list": [{"metric": "acc"}],
    "tag": ["bright"],
}
GROUP: dict[str, Any] = {
    "group": "all",
    "task": ["colours", {"task": "b", "include": "le.yaml"}, "arc_easy", "all"],
}
TASK: dict[str, Any] = {
    "data": {"train": "r", "eval": "r"},
    "question": "q",
    "answer": "a",
    "group": "g",
    "domain": "d",
}
OPTIONS = {
    "--tasks": "mine.yaml,k8s_qa@unseen:level=2",
    "--eval-tasks": "lm_eval:le.yaml,num_fewshot=1 kubectl:limit=3",
    "--adapters": "none,lora:r=4,lr=1e-3,layer_lora:select=top,k=2,peft:path=x,qlora",
    "--baselines": "zero_shot,few_shot=5",
    "--set": "training.lr=1e-3",
    "--seeds": "0,1,2",
    "--data": "k8s_qa.eval=file:k8s.jsonl",
    "--train-items": "5,all",
    "--tune-lr": "1e-4,1e-3",
    "--limit": "3",
    "--device": "cuda:1",
    "--general-text": "rows.jsonl",
    "--train": "rows.csv",
}
SECTIONS = ("training", "scoring", "analysis")
FIELDS = [*STUDY, *(f"{section}.{field}" for section in SECTIONS for field in STUDY[section])]
STRINGS = [
    *("", " ", "nan", "-inf", "1e999", "all", "null", "true", "~", "~nobody/x"),
    *(".", "..", "/", "../../x", "/dev/null"),
    *("file:", "file:.", "file:rows.jsonl", "file:/dev/zero", "file:gone.csv", "hub", "hub@main", "bundled"),
    *("lm_eval:", "lm_eval:le.yaml", "lm_eval:all.yaml", "lm_eval:arc_easy"),
    *("k8s_qa@", "@", ":", "=", ",", ",,=", "a:b:c"),
    *("lora:", "lora:r", "lora:r=", "lora:=4", "lora:r=4,r=4", "few_shot=0"),
    *("few_shot=99999", "{question}{x}", "{", "%s"),
    *("\x1b[2J\x1b]0;x\x07", "\u202eevil", "a\x00b", "\x9b31m", "a\r\nb"),
    *("\u2028", "\ufffe", "é", "病院", "𝒳", "\ud83d\ude00"),
    *("a" * 101, "x" * 256, "y" * 5000, "*a", "&a", "<<"),
    *("!!python/object:os.system", "$(reboot)", "`x`", "[red]", "</b>"),
    *("9" * 30, "1" + "0" * 400, "9" * 5000, "0x" + "f" * 4000, "1_0", "1:2:3"),
    *("2026-01-01", "0.1.2", "-0", "hf_" + "a" * 34),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**63 - 1, 2**63, 2**64, -(2**70), 10**400),
    *(0.0, -0.0, 0.5, 1e-320, 1e308, float("inf"), float("nan"), [], {}, [[]], [None], {"": ""}, {"a": {"a": {}}}),
    *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1), b"\xff\x00", {"x", "y"}, (1, 2)),
]
FRAGMENTS = [
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b[2J"),
    *(b"\xc2\x9b", b"\xe2\x80\xae", b"\r", b"\t", b"\n\n"),
    *(b"{", b"}", b"[", b"]", b'"', b"'", b":", b"- ", b"? ", b"| ", b"> ", b"#"),
    *(b"%YAML 9.9\n", b"---\n", b"...\n", b"\\"),
    *(b"&a ", b"*a", b"&a [*a]", b"<<: *a\n", b"!!python/name:os.system "),
    *(b"!function x.y ", b"!!binary ", b"!!set ", b"!<"),
    *(b"seeds: [1]\n", b'"q": 1, ', b"1e400", b"9" * 400, b"\\ud800", b"\\u202e"),
    *(b"NaN", b"-Infinity", b"[" * 300, b"x" * 3000),
]


class Hostile:
    """Draws inputs; the same seed gives the same ones."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        """Return any value that YAML can hold."""
        kind = self._random.random()
        if depth > 3 or kind < 0.75:
            return copy.deepcopy(self._random.choice(self._random.choice([STRINGS, VALUES])))
        several = [self.value(depth + 1) for _ in range(self._random.randrange(4))]
        return several if kind < 0.88 else {self.key(): value for value in several}

    def key(self) -> Any:
        """Return a key, often a known field."""
        return self._random.choice([self._random.choice(FIELDS), self._random.choice(STRINGS), 3, None, True])

    def structure(self, base: dict[str, Any]) -> bytes:
        """Return a YAML file like `base`, with one to four parts replaced, added, moved or taken away."""
        changed = copy.deepcopy(base)
        for _ in range(self._random.randint(1, 4)):
            self._change(changed)
        if self._random.random() < 0.3:
            return json.dumps(changed, default=str, skipkeys=True).encode(errors="replace")
        raw = self._random.random() < 0.3
        return yaml.dump(changed, Dumper=_Dumper, allow_unicode=raw).encode(errors="replace")

    def text(self, base: bytes) -> bytes:
        """Return bytes like these, with one to six cut out, doubled, flipped or put in."""
        found = bytearray(base)
        for _ in range(self._random.randint(1, 6)):
            start = self._random.randrange(len(found) + 1)
            end = min(len(found), start + self._random.choice([0, 1, 3, 20]))
            kind = self._random.randrange(5)
            if kind == 0:
                found[start:end] = self._random.choice(FRAGMENTS)
            elif kind == 1:
                found[start:start] = self._random.choice(FRAGMENTS)
            elif kind == 2:
                found[start:start] = found[start:end] * self._random.choice([1, 2, 50])
            elif kind == 3 and end > start:
                found[start] ^= 1 << self._random.randrange(8)
            else:
                del found[start:end]
        return bytes(found)

    def arguments(self) -> list[str]:
        """Return flags of `plan`, one to three of them hostile."""
        flags = self._random.sample([*OPTIONS], self._random.randint(1, 3))
        return [part for flag in flags for part in (flag, self._typed(flag))]

    def choice(self, options: list[Any]) -> Any:
        """Return one of these."""
        return self._random.choice(options)

    def _typed(self, flag: str) -> str:
        kind = self._random.random()
        if kind < 0.3:
            return self._random.choice(STRINGS)
        if kind < 0.6:
            typed = f"{OPTIONS[flag]}{self._random.choice(',= :@')}{self._random.choice(STRINGS)}"
        elif flag == "--set":
            typed = f"{self._random.choice(FIELDS)}={self._random.choice([*STRINGS, *map(str, VALUES)])}"
        else:
            typed = self.text(OPTIONS[flag].encode()).decode(errors="surrogateescape")
        return typed

    def _change(self, root: dict[str, Any]) -> None:
        place: Any = root
        while True:
            keys: list[Any] = [*place] if isinstance(place, dict) else [*range(len(place))]
            if not keys:
                return
            key = self._random.choice(keys)
            if not isinstance(place[key], dict | list) or not place[key] or self._random.random() < 0.3:
                break
            place = place[key]
        kind = self._random.random()
        if kind < 0.6:
            place[key] = self.value()
        elif kind < 0.75:
            del place[key]
        elif isinstance(place, list):
            place.append(self.value())
        else:
            place[self.key()] = self.value()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return False


def _as_list(dumper: yaml.SafeDumper, value: tuple[Any, ...]) -> yaml.Node:
    return dumper.represent_list(value)


_Dumper.add_representer(tuple, _as_list)
