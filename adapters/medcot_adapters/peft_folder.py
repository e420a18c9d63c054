"""Adapters in PEFT's folders: saved to the same bytes each time, loaded with all their tensors or not at all."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from medcot_bench import ADAPTER_FILES, ModelError, check_tensors

_, WEIGHTS = ADAPTER_FILES
HINT = "give the whole adapter, on the base model that it was trained on"


def save_adapter(model: Any, folder: Path) -> None:
    """Write PEFT's folder: adapter_config.json and adapter_model.safetensors."""
    for config in model.peft_config.values():
        for name, value in vars(config).items():
            if isinstance(value, set):  # PEFT would write it in the order that this process keeps it in
                setattr(config, name, sorted(value))
    model.save_pretrained(folder, safe_serialization=True)


def load_adapter(model: Any, folder: Path) -> Any:
    """Return the base `model` with the adapter of a folder on it.

    Raises ModelError where the folder can't be read, and where its tensors are not all those of the adapter that
    its config describes on this model: PEFT leaves out what it can't place, and starts anew what it doesn't find.
    """
    from peft import PeftModel
    from peft.utils.error import NoMatchingPeftModuleError
    from safetensors import SafetensorError, safe_open

    what = f"adapter {folder}"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"[\s\S]*missing adapter keys")  # an error below
            loaded = PeftModel.from_pretrained(model, str(folder))
        found = loaded.load_adapter(str(folder), "default")  # again, for what it says
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            total = len(file.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{what} can't be read: {' '.join(str(error).split())}") from None
    except NoMatchingPeftModuleError as error:
        raise ModelError(f"{what}: {' '.join(str(error).split()).rstrip('.')}; {HINT}") from None
    except KeyError as error:  # of a module that is saved whole
        check_tensors(what, missing=[str(error.args[0])], hint=HINT)
    except RuntimeError as error:
        if not (names := re.findall(r"size mismatch for (\S+):", str(error))):
            raise
        check_tensors(what, mismatched=names, hint=HINT)
    check_tensors(what, missing=found.missing_keys, unexpected=found.unexpected_keys, total=total, hint=HINT)
    return loaded
