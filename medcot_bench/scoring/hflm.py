"""lm-eval's HFLM for a model in memory, whose answers stop row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from medcot_bench.scoring.lm_eval import HFLM
from medcot_bench.types import LoadedModel

Stops = Callable[[str], bool]
"""Whether the text written so far holds a stop string."""


class StopRows(StoppingCriteria):
    """Ends each row of a batch for itself: rows that are done wait, and are not generated further."""

    def __init__(self, tokenizer: Any, stops: Stops, prompt_length: int):
        self._tokenizer = tokenizer
        self._stops = stops
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Return one truth value per row."""
        texts = self._tokenizer.batch_decode(input_ids[:, self._prompt_length :], skip_special_tokens=True)
        return torch.tensor([self._stops(text) for text in texts], device=input_ids.device)


class InMemoryLM(HFLM):  # type: ignore[misc]  # lm-eval ships no types
    """HFLM of a model that is loaded. Likelihoods are taken in float32."""

    def __init__(self, loaded: LoadedModel, batch_size: int):
        model, compute = loaded.model, loaded.compute_dtype
        self._end_tokens = loaded.end_tokens
        # HFLM's constructor would tie the head to the embeddings again, also where training untied them.
        model.tie_weights = lambda *args, **kwargs: None
        try:
            super().__init__(
                pretrained=model,
                tokenizer=loaded.tokenizer,
                max_length=loaded.max_length,
                batch_size=batch_size,
                softmax_dtype="float32",
                mixed_precision_dtype=str(compute).removeprefix("torch.") if compute else None,
            )
        finally:
            del model.tie_weights

    def generate(
        self, context: torch.Tensor, mask: torch.Tensor, max_length: int, stops: Stops | None, **settings: Any
    ) -> torch.Tensor:
        """Continue prompts that are padded on the left, (rows, tokens), with a mask of the same shape.

        `settings` are those of transformers' `generate`. Returns (rows, at most `max_length`) tokens.
        """
        criteria = [StopRows(self.tokenizer, stops, context.shape[1])] if stops else []
        with torch.autocast(
            device_type=self.device.type,
            dtype=self.mixed_precision_dtype,
            enabled=self.mixed_precision_dtype is not None,
        ):
            generated: torch.Tensor = self.model.generate(
                input_ids=context,
                attention_mask=mask,
                max_length=max_length,
                stopping_criteria=StoppingCriteriaList(criteria),
                eos_token_id=sorted(self._end_tokens),
                pad_token_id=self.tokenizer.pad_token_id,
                use_cache=True,
                **settings,
            )
        return generated

    def _model_generate(
        self, context: torch.Tensor, max_length: int, stop: list[str], **settings: Any
    ) -> torch.Tensor:
        if not settings.get("do_sample"):
            settings.pop("temperature", None)  # HFLM adds 0.0; greedy decoding takes none
        mask = settings.pop("attention_mask")
        return self.generate(context, mask, max_length, lambda text: any(one in text for one in stop), **settings)
