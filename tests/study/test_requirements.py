"""Requirements as they are typed: what each part means, and what can't be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.errors import ConfigError
from medcot_bench.study.requirements import Level, Requirement, read_requirement

ROWS = st.sampled_from(["none", "full", "lora", "lora:r=8,alpha=16", "none (few_shot=5)", "peft:path=a-b/c d"])
TASKS = st.sampled_from(["k8s_qa", "k8s_qa@unseen_range:level=hard", "lm_eval:arc_easy", "lm_eval:pods.yaml"])
SCORES = st.sampled_from(["answer", "gold_nll", "exact_match,strict-match"])
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
SIZES = st.floats(0, 100)
SPACE = st.sampled_from(["", " ", "  "])


@given(
    ROWS | st.none(),
    TASKS | st.none(),
    *(TASKS, SCORES, st.booleans(), SPACE, st.sampled_from([">=", ">", "<=", "<"]), SPACE),
    st.one_of(NUMBERS, ROWS, st.tuples(ROWS, st.sampled_from("+-"), SIZES), st.tuples(SIZES, ROWS)),
)
def test_what_is_composed_of_parts_is_read_as_these_parts(
    row: str | None,
    trained: str | None,
    task: str,
    score: str,
    surely: bool,
    before: str,
    operator: str,
    after: str,
    side: float | str | tuple[str, str, float] | tuple[float, str],
) -> None:
    if isinstance(side, float):
        right, level = repr(side), Level(plus=side)
    elif isinstance(side, str):
        right, level = side, Level(side)
    elif len(side) == 3:
        right = " ".join(map(str, side))
        level = Level(side[0], plus=side[2] if side[1] == "+" else -side[2])
    else:
        right, level = f"{side[0]}% of {side[1]}'s gain", Level(side[1], percent=side[0])
    prefix = "" if row is None else f"{row} on {trained}: " if trained else f"{row}: "
    text = f" {prefix}{task}.{score}{' surely' if surely else ''}{before}{operator}{after}{right} "
    found = read_requirement(text)
    assert found == Requirement(
        text=" ".join(text.split()),
        row=row,
        trained=trained if row else None,
        task=task,
        score=score,
        surely=surely,
        operator=found.operator,
        level=level,
    )
    assert found.operator == operator


@given(st.text())
def test_anything_else_is_one_line(text: str) -> None:
    for typed in (text, f"k8s_qa.answer{text}", f"k8s_qa.answer >= {text}"):
        error = None
        try:
            read_requirement(typed)
        except ConfigError as raised:
            error = raised
        assert error is None or len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has none of >=, >, <= and <"),
        ("k8s_qa.answer", "has none of >=, >, <= and <"),
        ("k8s_qa.answer == none", "has none of >=, >, <= and <"),
        ("k8s_qa.answer => none", "has to compare once"),
        ("k8s_qa.answer >== none", "has to compare once"),
        ("0.1 <= k8s_qa.answer <= 0.9", "has to compare once"),
        ("answer >= none", "has 'answer' where TASK.SCORE belongs"),
        ("lora: answer >= none", "has 'lora: answer' where TASK.SCORE belongs"),
        (": k8s_qa.answer >= none", "has ': k8s_qa.answer' where TASK.SCORE belongs"),
        ("surely >= none", "where TASK.SCORE belongs"),
        ("k8s_qa.answer >=", "has nothing to compare with"),
        ("k8s_qa.answer >= 90%", "not a share such as 90% of full's gain"),
        ("k8s_qa.answer >= 90% of full", "not a share such as 90% of full's gain"),
        ("k8s_qa.answer >= 1e999", "has a number that is too large"),
        ("k8s_qa.answer >= none - 1e999", "has a number that is too large"),
    ],
)
def test_what_can_not_be_read_is_named_with_the_grammar(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_requirement(text)
    assert str(raised.value).startswith(
        f"--require {text!r} {problem}" if problem.startswith("has") else "--require"
    )
    assert problem in str(raised.value)
    assert str(raised.value).endswith("or full, full - 0.05, 0.7, 90% of full's gain")
