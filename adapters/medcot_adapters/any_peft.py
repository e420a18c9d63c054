"""Any method of PEFT by its name, `peft:type=oft,oft_block_size=4`; or saved adapters, `peft:path=DIR_OR_ID`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from medcot_adapters.peft_folder import load_adapter, save_adapter
from medcot_adapters.recipes import low_rank_recipe
from medcot_bench import (
    ADAPTER_FILES,
    AdapterSpec,
    ConfigError,
    ModelInfo,
    Option,
    Placement,
    Recipe,
    adapter_folder,
    hookimpl,
)

SPEC = AdapterSpec(
    name="peft",
    version=1,
    update="low_rank",
    description="Any PEFT method with its config fields (type=loha,r=8), or an external adapter (path=DIR_OR_ID).",
    options={
        "type": Option(str, "", "PEFT's name of the method, e.g. oft, loha, lokr, ia3, vera"),
        "path": Option(
            str,
            "",
            "an external adapter saved by PEFT, only scored: a folder or a hub id (ORGANISATION/NAME@REVISION)",
            path=True,
        ),
    },
    open_options=True,
)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+(@[\w./-]+)?", re.ASCII)
OURS = {
    *("task_type", "peft_type", "target_modules", "inference_mode", "base_model_name_or_path"),
    *("auto_mapping", "peft_version", "revision"),
}
"""Fields of a config that users don't set: `targets=` and `select=` place an adapter."""


class AnyPeft:
    """A PEFT method on the placed modules of a frozen base."""

    spec = SPEC

    def __init__(self, method: str = "", texts: Mapping[str, str] | None = None):
        if method:
            self._config, self._fields = _read(method, texts or {})

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return the default recipe for low-rank updates; its learning rate is not tuned for these methods."""
        return low_rank_recipe(model)

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Return the PEFT model. Raises ConfigError if the selector places ranks, which only LoRA takes."""
        from peft import get_peft_model

        if any(rank is not None for rank in placement.values()):
            raise ConfigError("adapter peft: the selector places ranks, which only lora takes")
        given = {
            "target_modules": sorted(placement),
            **_feedforward(self._config, model, placement),
            **self._fields,
        }
        return get_peft_model(model, self._config(task_type="CAUSAL_LM", **given))

    def save(self, model: Any, folder: Path) -> None:
        """Write PEFT's folder."""
        save_adapter(model, folder)

    def load(self, model: Any, folder: Path) -> Any:
        """Return the trained model, loaded on the base model."""
        return load_adapter(model, folder)


class Saved:
    """An external adapter, saved by PEFT.

    `spec.weights` is a digest of its files, or for the hub's its name and revision. `spec.base` is the model of
    the hub that its config names.
    """

    def __init__(self, path: str):
        try:
            self._folder = Path(path).expanduser()
            of_hub = not self._folder.exists() and bool(_HUB_ID.fullmatch(path))
        except (OSError, RuntimeError, ValueError) as error:  # too long, no such user, a NUL
            raise ConfigError(f"adapter peft: path={path}: {getattr(error, 'strerror', error)}") from None
        if of_hub:
            self._folder = adapter_folder(path)
        if missing := [name for name in ADAPTER_FILES if not (self._folder / name).is_file()]:
            raise ConfigError(f"adapter peft: path={path}: {missing[0]} is missing; give a folder saved by PEFT")
        config_file, _ = ADAPTER_FILES
        try:
            config = dict(json.loads((self._folder / config_file).read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise ConfigError(f"adapter peft: path={path}: {config_file} is not a JSON object") from None
        if "num_virtual_tokens" in config:
            raise ConfigError(f"adapter peft: path={path}: {config.get('peft_type')} changes prompts, not modules")
        origin = f"hub:{path.partition('@')[0]}@{self._folder.name}"
        base = str(config.get("base_model_name_or_path"))
        self.spec = replace(
            SPEC,
            update="none",
            weights=origin if of_hub else _digest(self._folder),
            base=base if _HUB_ID.fullmatch(base) else "",  # a path says nothing elsewhere
        )

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return a recipe without steps."""
        return Recipe(lr=0.0, max_steps=0)

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Return the base with the adapter on it."""
        return load_adapter(model, self._folder)

    def save(self, model: Any, folder: Path) -> None:
        """Write nothing: it is saved already."""

    def load(self, model: Any, folder: Path) -> Any:
        """Return the base with the adapter on it."""
        return self.prepare(model, {})


def _digest(folder: Path) -> str:
    running = hashlib.sha256()
    for name in ADAPTER_FILES:
        running.update((folder / name).read_bytes())
    return running.hexdigest()[:16]


def _feedforward(config: Any, model: Any, placement: Placement) -> dict[str, list[str]]:
    """Return IA3's second list of modules by PEFT's names for this architecture, as paths like the first."""
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING

    if "feedforward_modules" not in {field.name for field in fields(config)}:
        return {}
    names = TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(model.config.model_type, [])
    return {"feedforward_modules": sorted(path for path in placement if path.rpartition(".")[2] in names)}


def _read(method: str, texts: Mapping[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return PEFT's config class of a method and its fields, by PEFT's own rules. Raises ConfigError."""
    import yaml
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    known: dict[str, Any] = {kind.value.lower(): config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    usable = {name for name, config in known.items() if "target_modules" in {f.name for f in fields(config)}}
    if method.lower() not in usable:
        why = "changes prompts, not modules" if method.lower() in known else "is not a method of this PEFT"
        raise ConfigError(f"adapter peft: type={method} {why}; known: {', '.join(sorted(usable))}")
    config = known[method.lower()]
    kinds = {field.name: str(field.type) for field in fields(config) if field.name not in OURS}
    if unknown := [key for key in texts if key not in kinds]:
        raise ConfigError(
            f"adapter peft: {method} has no field '{unknown[0]}'; fields: {', '.join(sorted(kinds))}"
        )
    values: dict[str, Any] = {}
    try:
        for key, text in texts.items():
            several = "+" in text and "list" in kinds[key]
            values[key] = [yaml.safe_load(part) for part in text.split("+")] if several else yaml.safe_load(text)
        config(task_type="CAUSAL_LM", target_modules=["x"], **values)
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"adapter peft: type={method}: {' '.join(str(error).split())}") from None
    return config, values


@hookimpl
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> Any:
    """Build the adapter; without options only its spec can be used."""
    texts = {key: text for key, text in options.items() if key not in SPEC.options}
    method, path = options.get("type", ""), options.get("path", "")
    if not options:
        return AnyPeft()
    if bool(method) == bool(path):
        raise ConfigError("adapter peft: give a method, peft:type=oft, or a saved adapter, peft:path=DIR")
    if path and texts:
        raise ConfigError(f"adapter peft: a saved adapter takes no option '{next(iter(texts))}'")
    return AnyPeft(method, texts) if method else Saved(path)
