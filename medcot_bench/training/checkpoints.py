"""Checkpoints of one training run, kept on disk until they are scored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file


class Checkpoints:
    """The trained parameters at each checkpoint of a training run; deleted when the `with` block is left."""

    def __init__(self, make_folder: Callable[[], Path]):
        self._make_folder = make_folder
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, name: str, model: Any) -> None:
        """Write the parameters that are being trained."""
        trained = {
            parameter_name: parameter.detach().cpu().contiguous()
            for parameter_name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        save_file(trained, self._path(name))

    @torch.no_grad()
    def restore(self, name: str, model: Any) -> None:
        """Load a checkpoint into the model that it was taken from."""
        kept = load_file(self._path(name))
        for parameter_name, parameter in model.named_parameters():
            if parameter_name in kept:
                parameter.copy_(kept[parameter_name])

    def _path(self, name: str) -> Path:
        if self._folder is None:
            self._folder = self._make_folder()
        return self._folder / f"{name.replace('/', 'of')}.safetensors"
