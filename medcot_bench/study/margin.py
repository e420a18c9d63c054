"""Equivalence margins: a size of a score, or a share of what full fine-tuning gains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Margin:
    """The largest difference that does not matter; one of the two is None."""

    size: float | None = None
    """Of the score itself."""
    share: float | None = None
    """Of full fine-tuning's gain over the base model on the same items."""

    @classmethod
    def read(cls, written: float | str) -> Margin:
        """Read a margin as a study writes it.

        >>> Margin.read(0.05), Margin.read("10%")
        (Margin(size=0.05, share=None), Margin(size=None, share=0.1))
        """
        return cls(share=float(written[:-1]) / 100) if isinstance(written, str) else cls(size=written)

    def __str__(self) -> str:
        return f"{self.size:g}" if self.share is None else f"{100 * self.share:g}% of full fine-tuning's gain"
