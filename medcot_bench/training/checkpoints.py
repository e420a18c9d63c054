"""Checkpoints of one training run, kept on disk until they are scored."""

from __future__ import annotations

import os
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

    @property
    def files(self) -> list[Path]:
        """The file of each checkpoint that is kept. It is written once."""
        return [] if self._folder is None else sorted(self._folder.iterdir())

    def take_over(self, file: Path, name: str) -> None:
        """Keep a checkpoint of an earlier run, by the name of the file that it had."""
        link_or_copy(file, self._own_folder() / name)

    def _path(self, name: str) -> Path:
        return self._own_folder() / f"{name.replace('/', 'of')}.safetensors"

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = self._make_folder()
        return self._folder


def link_or_copy(file: Path, to: Path) -> None:
    """Give a file that is written once a second place: of the same bytes where the file system has hard links."""
    to.unlink(missing_ok=True)
    try:
        os.link(file, to)
    except OSError:
        shutil.copy2(file, to)
