"""The modules of a model as transformers builds it, without weights.

`python -m medcot_bench.models.describe_architecture` reads the content of a config.json from standard input and
prints the answer as JSON: base_model/architecture.py asks it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from medcot_bench.security.hub_code import hide_kernels


def describe(config: dict[str, Any]) -> dict[str, Any]:
    """Return what transformers makes of a config, or `refused`: why it does not build the model as runs need it.

    `modules` are [path, whether it is a linear layer by its type, shapes of its parameters], of each module with
    parameters, tied ones once; `flat` is whether the model can read flat batches.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    from medcot_bench.models.attention import can_be_flat
    from medcot_bench.models.checks import why_not_loaded

    try:
        with TemporaryDirectory() as folder:  # read as for training: what is wrong is told in the same words
            Path(folder, "config.json").write_text(json.dumps(config), encoding="utf-8")
            made = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        with torch.device("meta"):
            model: Any = AutoModelForCausalLM.from_config(
                made, attn_implementation="sdpa", trust_remote_code=False
            )
    except Exception as error:  # whatever an architecture raises
        return {"refused": why_not_loaded(error)}
    shapes: dict[str, list[list[int]]] = {}
    for name, parameter in model.named_parameters():
        shapes.setdefault(name.rpartition(".")[0], []).append([*parameter.shape])
    linear = (torch.nn.Linear, Conv1D)
    modules = [[path, isinstance(model.get_submodule(path), linear), own] for path, own in shapes.items()]
    return {"modules": modules, "flat": can_be_flat(model)}


if __name__ == "__main__":
    hide_kernels()
    print(json.dumps(describe(json.load(sys.stdin))))
