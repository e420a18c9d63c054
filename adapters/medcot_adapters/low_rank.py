"""LoRA through PEFT (Hu et al. 2021, arXiv 2106.09685): what lora, layer_lora and qlora share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from medcot_adapters.peft_folder import load_adapter, save_adapter
from medcot_adapters.recipes import low_rank_recipe
from medcot_bench import AdapterSpec, ConfigError, ModelInfo, Option, Placement, Recipe

OPTIONS = {
    "r": Option(int, 16, "rank of the update"),
    "alpha": Option(int, 32, "scale: the update is multiplied by alpha / r"),
    "dropout": Option(float, 0.0, "dropout before the update"),
    "dora": Option(bool, False, "train magnitude and direction separately (DoRA, arXiv 2402.09353)", added=True),
    "rslora": Option(bool, False, "scale by alpha / sqrt(r) (rsLoRA, arXiv 2312.03732)", added=True),
    "pissa": Option(
        bool,
        False,
        "start from the principal components of the weights (PiSSA, arXiv 2404.02948); not in 4 bits",
        added=True,
    ),
}


class LowRank:
    """LoRA on the placed modules of a frozen base."""

    def __init__(
        self,
        spec: AdapterSpec,
        r: int = 16,
        alpha: int = 32,
        dropout: float = 0.0,
        dora: bool = False,
        rslora: bool = False,
        pissa: bool = False,
    ):
        if pissa and spec.quantisation != "none":
            raise ConfigError(f"adapter {spec.name}: pissa can't decompose weights in 4 bits; use lora")
        if r < 1 or alpha < 1 or not 0 <= dropout < 1:
            raise ConfigError(f"adapter {spec.name}: r and alpha must be at least 1, dropout in [0, 1)")
        self.spec = spec
        self.r, self.alpha, self.dropout = r, alpha, dropout
        self.dora, self.rslora, self.pissa = dora, rslora, pissa

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return the default recipe for low-rank updates."""
        return low_rank_recipe(model)

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Return the PEFT model. A placed rank changes r and keeps alpha / r."""
        from peft import LoraConfig, get_peft_model

        model = self._prepared(model)
        ranks = {path: rank for path, rank in placement.items() if rank is not None and rank != self.r}
        exact = {f"^{re.escape(path)}$": rank for path, rank in ranks.items()}
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            use_dora=self.dora,
            use_rslora=self.rslora,
            init_lora_weights="pissa" if self.pissa else True,
            target_modules=sorted(placement),
            rank_pattern=exact,
            alpha_pattern={path: self.alpha * rank / self.r for path, rank in exact.items()},
        )
        return get_peft_model(model, config)

    def save(self, model: Any, folder: Path) -> None:
        """Write PEFT's folder: adapter_config.json and adapter_model.safetensors."""
        save_adapter(model, folder)

    def load(self, model: Any, folder: Path) -> Any:
        """Return the trained model, loaded on the base model."""
        return load_adapter(self._prepared(model), folder)

    def _prepared(self, model: Any) -> Any:
        """Return a quantised model as PEFT wants it, its norms and embeddings in fp32; any other as it is."""
        from peft import prepare_model_for_kbit_training

        if self.spec.quantisation == "none":
            return model
        # Checkpointing would trade time for memory behind the user's back.
        return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
