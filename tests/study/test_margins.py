"""Equivalence margins as a study writes them: sizes of a score, or percentages of full fine-tuning's gain."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from medcot_bench.study.analysis import Analysis
from medcot_bench.study.margin import Margin


@pytest.mark.parametrize(
    ("written", "margin", "said"),
    [
        (0.05, Margin(size=0.05), "0.05"),
        ("10%", Margin(share=0.1), "10% of full fine-tuning's gain"),
        ("2.5%", Margin(share=0.025), "2.5% of full fine-tuning's gain"),
        ("0.5%", Margin(share=0.005), "0.5% of full fine-tuning's gain"),
        ("7%", Margin(share=0.07), "7% of full fine-tuning's gain"),
    ],
)
def test_a_margin_is_a_size_or_a_percentage(written: float | str, margin: Margin, said: str) -> None:
    found = Analysis(margins={"answer": written}).margin_of("answer")
    assert found
    assert (found.size, found.share) == (margin.size, pytest.approx(margin.share) if margin.share else None)
    assert str(found) == said


@pytest.mark.parametrize("written", [0, -0.1, "0%", "0.0%", "-5%", "ten", "%", ""])
def test_what_is_no_margin_above_zero_is_refused(written: float | str) -> None:
    with pytest.raises(ValidationError):
        Analysis(margins={"answer": written})


def test_scores_without_a_margin_of_their_own_have_the_default_or_none() -> None:
    analysis = Analysis(margins={"rouge_l": "5%"})
    assert (analysis.margin_of("answer"), analysis.margin_of("gold_nll")) == (Margin(0.05), Margin(share=0.1))
    assert analysis.margin_of("exact") is None
