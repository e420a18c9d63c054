"""Where the last answer of a medical text is read: marks, bare words, and words that only look like one."""

from __future__ import annotations

import pytest

from medcot_bench import Example
from medcot_tasks.medical.medcalc_cot import MedCalcCot
from medcot_tasks.medical.medical_o1_cot import MedicalO1Cot
from medcot_tasks.medical.pubmedqa_cot import PubMedQACot

YES = Example(id="x", group="x", question="Does it?", answer="yes", context="It does.")
TEXT = Example(id="x", group="x", question="Which?", answer="the flu vaccine")


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        ("It does. Answer: yes", 1.0),
        ("**Answer:** Yes.", 1.0),
        ("Answer: yes\nBut then again. The answer is no.", 0.0),
        ("The answer is no longer unclear.", None),
        ("Answer: yes and no", None),
        ("yes", None),
        ("", None),
    ],
)
def test_yes_no_and_maybe_stand_alone_after_a_mark(completion: str, score: float | None) -> None:
    assert PubMedQACot().score(YES, completion) == {"answer": score}


def test_another_answer_than_the_three_is_refused() -> None:
    with pytest.raises(ValueError, match="the answer is 'perhaps', not one of yes, no, maybe"):
        PubMedQACot().target(Example(id="x", group="x", question="?", answer="perhaps"))


@pytest.mark.parametrize(
    ("completion", "score"),
    [("Answer: 05/12/2020.", 1.0), ("Answer: 05/11/2020", 0.0), ("05/12/2020", None), ("Answer: ---", 0.0)],
)
def test_a_date_is_right_token_by_token(completion: str, score: float | None) -> None:
    date = Example(id="x", group="x", question="When?", answer="05/12/2020", context="Then.")
    assert MedCalcCot(target="answer").score(date, completion) == {"answer": score}


def test_what_follows_the_last_mark_is_the_answer_or_the_whole_where_no_reasoning_is_asked_for() -> None:
    assert MedicalO1Cot().score(TEXT, "Old people.\nAnswer: The flu vaccine.")["answer"] == 1
    assert MedicalO1Cot().score(TEXT, "The flu vaccine.")["answer"] is None
    assert MedicalO1Cot(target="answer").score(TEXT, "The flu vaccine.")["answer"] == 1
