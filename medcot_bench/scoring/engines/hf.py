"""The engine `hf`: lm-eval's own HFLM with our rule for stop strings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from medcot_bench.scoring.lm_eval import HFLM

STOP = "stop_after_text"
"""Key of the generation settings under which a task gives its stop strings."""


class StopAfterText(StoppingCriteria):
    """Ends a row of a batch once a stop string follows text; line breaks before any text do not count.

    Strings of `until` end it anywhere. Each row ends for itself: rows that are done wait, and are not generated
    further.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str], prompt_length: int, until: Sequence[str] = ()):
        self._tokenizer = tokenizer
        self._stops = stops
        self._until = until
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Return one truth value a row."""
        texts = self._tokenizer.batch_decode(input_ids[:, self._prompt_length :], skip_special_tokens=True)
        done = [
            any(stop in text.lstrip() for stop in self._stops) or any(stop in text for stop in self._until)
            for text in texts
        ]
        return torch.tensor(done, device=input_ids.device)


class HfLM(HFLM):  # type: ignore[misc]  # lm-eval ships no types
    """HFLM whose generation stops at EOS or after text, row by row."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self.unfinished: set[tuple[int, ...]] = set()
        """Tokens of the prompts whose generation used all it was allowed without coming to an end."""
        self.answered: Collection[tuple[int, ...]] = ()
        """Tokens of the contexts that answers will be asked for after the likelihoods."""

    def _model_generate(
        self, context: torch.Tensor, max_length: int, stop: list[str], **settings: Any
    ) -> torch.Tensor:
        stops = settings.pop(STOP, ())
        if not settings.get("do_sample"):
            settings.pop("temperature", None)  # HFLM adds 0.0; greedy decoding takes none
        criteria = [StopAfterText(self.tokenizer, stops, context.shape[1], stop)] if stops or stop else []
        with torch.autocast(
            device_type=self.device.type,
            dtype=self.mixed_precision_dtype,
            enabled=self.mixed_precision_dtype is not None,
        ):
            generated: torch.Tensor = self.model.generate(
                input_ids=context,
                max_length=max_length,
                stopping_criteria=StoppingCriteriaList(criteria),
                eos_token_id=self.tokenizer.eos_token_id,
                pad_token_id=self.tokenizer.pad_token_id,
                use_cache=True,
                **settings,
            )
        if generated.shape[1] == max_length:
            self._note_unfinished(context, settings["attention_mask"], generated, stops)
        return generated

    def _note_unfinished(
        self, context: torch.Tensor, mask: torch.Tensor, generated: torch.Tensor, stops: Sequence[str]
    ) -> None:
        new = generated[:, context.shape[1] :]
        texts = self.tokenizer.batch_decode(new, skip_special_tokens=True)
        for prompt, kept, row, text in zip(context, mask.bool(), new, texts, strict=True):
            ended = self.tokenizer.eos_token_id in row or any(stop in text.lstrip() for stop in stops)
            if not ended:
                self.unfinished.add(tuple(prompt[kept].tolist()))
