"""The modules of the model that transformers builds, where a file's names for its tensors are others."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from medcot_bench.base_model.layout import kind_of, layer_of
from medcot_bench.errors import ModelError
from medcot_bench.types import ModuleInfo

FILES_NAME_MODULES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Architectures whose files mostly name tensors as the model does; their matrices in blocks are linear layers."""
LONGEST = 600.0
"""Seconds that transformers gets to be imported and to build a model without weights."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What transformers makes of a config."""

    modules: tuple[ModuleInfo, ...]
    flat: bool
    """Whether it can read flat batches, as training and the engine `fast` do."""


def find_architecture(model: str, config: Mapping[str, Any], cache: Path) -> Architecture | None:
    """Return what a model of this config is, None where nobody can say.

    A process that imports transformers is asked, once for each config; `cache` is the folder of the answers.
    Raises ModelError, one line, for an architecture that transformers does not build as runs need it.
    """
    text = json.dumps(config, sort_keys=True)
    key = hashlib.sha256(f"{version('transformers')} {version('medcot-bench')} {text}".encode()).hexdigest()[:16]
    file = cache / f"{key}.json"
    if found := _read(file):
        return found
    answer = _ask(text)
    if answer is None:
        return None
    if "refused" in answer:  # perhaps for a package that will be installed: not kept
        raise ModelError(f"model '{model}' {answer['refused']}")
    _keep(answer, file)
    return _parse(answer)


def _parse(answer: Mapping[str, Any]) -> Architecture:
    modules = tuple(_module(path, linear, shapes) for path, linear, shapes in answer["modules"])
    return Architecture(modules, answer["flat"])


def _module(path: str, linear: bool, shapes: list[list[int]]) -> ModuleInfo:
    layer, kind = layer_of(path), kind_of(path)
    if linear and layer is not None and kind == "other":
        # Such as Falcon's self_attention; what is no attention in a block is OPT's fc1 or the like.
        kind = "attention" if re.search("attn|attention", path, re.IGNORECASE) else "mlp"
    weight_first = tuple(sorted(map(tuple, shapes), key=len, reverse=True))
    return ModuleInfo(path, layer, kind, weight_first, linear)


def _read(file: Path) -> Architecture | None:
    """Return a kept answer, None where there is none or it is damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return _parse(json.loads(file.read_text(encoding="utf-8")))
    return None


def _ask(config: str) -> dict[str, Any] | None:
    command = [sys.executable, "-P", "-m", "medcot_bench.models.describe_architecture"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            command, input=config, env=environment, capture_output=True, text=True, timeout=LONGEST, check=True
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def _keep(answer: Mapping[str, Any], file: Path) -> None:
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(answer), encoding="utf-8")
        written.replace(file)
