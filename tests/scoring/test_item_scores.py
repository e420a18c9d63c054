"""ROUGE-L, cutting, repetition, and what unparsed answers count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rouge_score.rouge_scorer import RougeScorer

from medcot_bench import Example
from medcot_bench.errors import PluginError
from medcot_bench.models.load import load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import resolve_task
from medcot_bench.scoring.item_scores import ItemScorer, Question, cut, repetition
from medcot_bench.scoring.rouge import RougeL
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import GenerationRequest


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("the pod restarts after a crash", "after a crash the pod is restarted"),
        ("kubectl get pods -n web", "kubectl get pods --namespace web"),
        ("", "something"),
        ("identical text", "identical text"),
    ],
)
def test_rouge_l_equals_rouge_score_on_english(prediction: str, reference: str) -> None:
    expected = RougeScorer(["rougeL"]).score(reference, prediction)["rougeL"]
    found = RougeL().one(prediction, reference)
    assert found == pytest.approx((expected.precision, expected.recall, expected.fmeasure))


@pytest.mark.parametrize("text", ["再起動してください", "Модуль перезапускается", "Überprüfe den Zugriff", "تحقق"])
def test_equal_texts_in_any_script_score_one(text: str) -> None:
    assert RougeL().one(text, text).f1 == 1.0


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [("👍", " 👍", 1.0), ("+", " +", 1.0), ("👎", " 👍", 0.0), ("-", " +", 0.0), ("", " +", 0.0), ("", "", 0.0)],
)
def test_texts_without_words_are_the_same_or_not(prediction: str, reference: str, score: float) -> None:
    assert RougeL().one(prediction, reference) == (score, score, score)


def test_rouge_l_of_several_items_keeps_their_order() -> None:
    result = RougeL().compute(predictions=["a b", "x"], references=["a b", "y"])
    assert result["f1"] == [1.0, 0.0]


def test_a_completion_is_cut_at_the_first_stop_after_its_text() -> None:
    assert cut("\n \n- Yes.\nNo.\nQuestion: x", ("\nQuestion:", "\n")) == "- Yes."
    assert cut("  \n", ("\n",)) == ""
    assert cut("a\nb", ()) == "a\nb"


def test_repetition_is_zero_for_short_and_for_varied_text() -> None:
    assert repetition("a b c") == 0.0
    assert repetition("a b c d e f g") == 0.0
    assert repetition("no " * 104) == pytest.approx(1 - 1 / 101)


@pytest.fixture
def scorer_and_question(study_fields: dict[str, Any], tiny_model: Path) -> tuple[ItemScorer, Question]:
    fields = study_fields | {"tasks": ("medqa_cot",), "scoring": {"split": "validation"}}
    plan = make_plan(Study.model_validate(fields))
    chosen = plan.tasks["medqa_cot"]
    encoder = Encoder(load_tokenizer(tiny_model))
    example = plan.items.scored("medqa_cot")[0]
    options = {letter: option.text for letter, option in chosen.task.options(example).items()}
    question = Question(
        write(chosen, encoder, example),
        chosen.task.target(example),
        options,
        example.answer_letter,
        generated=True,
    )
    return ItemScorer(chosen, 64, frozenset()), question


def test_the_gold_target_scores_one(scorer_and_question: tuple[ItemScorer, Question]) -> None:
    scorer, question = scorer_and_question
    scores = scorer.text(question, question.written.target, finished=True)
    assert scores["answer"] == scores["parsed"] == scores["rouge_l"] == 1.0
    assert 0.8 < scores["rouge_l_reasoning"] < 1.0  # the answer line is not part of the reasoning


def test_an_unparsed_answer_counts_as_wrong(scorer_and_question: tuple[ItemScorer, Question]) -> None:
    scorer, question = scorer_and_question
    scores = scorer.text(question, "It depends.", finished=True)
    assert (scores["answer"], scores["parsed"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"answer": 1.5}, "score() gives answer=1.5, outside [0, 1]"),
        ({"answer": float("nan")}, "score() gives answer=nan, outside [0, 1]"),
        ({"parsed": 1.0}, "score() gives no 'answer'"),
        ({"answer": 1.0, "style": 1.0}, "score() gives 'style', which spec.scores lacks"),
        ({"answer": "1"}, "failed in score of item '"),
    ],
)
def test_scores_that_a_task_may_not_give_name_it(
    scores: dict[str, object], said: str, scorer_and_question: tuple[ItemScorer, Question]
) -> None:
    scorer, question = scorer_and_question
    task: Any = SimpleNamespace(spec=scorer.chosen.task.spec, score=lambda example, completion: scores)
    with pytest.raises(PluginError) as caught:
        replace(scorer, chosen=replace(scorer.chosen, task=task)).text(question, "text", finished=True)
    assert str(caught.value).startswith(f"{scorer.chosen.entry}")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        "<think>Or B?</think>\n{}",
        "Or B?\n</think>\n\n{}",
        "<THINKING>\n\nx</THINKING>{}",
        "[THINK]x[/THINK]{}",
        "<reasoning>x</reasoning>{}",
        "<seed:think>x</seed:think>{}",
        "<thoughts>x</thoughts>{}",
        "◁think▷x◁/think▷{}",
        "<|START_THINKING|>x<|END_THINKING|>{}",
        "<|begin_of_thought|>x<|end_of_thought|>{}",
    ],
)
def test_a_thinking_block_is_not_scored(raw: str, scorer_and_question: tuple[ItemScorer, Question]) -> None:
    scorer, question = scorer_and_question
    target = question.written.target
    plain = scorer.text(question, target, finished=True)
    assert scorer.thinking == set()
    scores = scorer.text(question, raw.format(target), finished=True)
    reasoning = {"rouge_l_reasoning"}  # what is thought is reasoning
    assert {k: v for k, v in scores.items() if k not in reasoning} == {
        k: v for k, v in plain.items() if k not in reasoning
    }
    assert scorer.thinking == {question.written.example.id}


def test_thinking_without_an_end_leaves_no_answer(scorer_and_question: tuple[ItemScorer, Question]) -> None:
    scorer, question = scorer_and_question
    scores = scorer.text(question, f"<think>It may be {question.written.target}", finished=False)
    assert (scores["answer"], scores["parsed"], scores["rouge_l"], scores["truncated"]) == (0, 0, 0, 1)


def test_a_reference_with_a_thinking_block_is_its_answer_alone(
    scorer_and_question: tuple[ItemScorer, Question],
) -> None:
    scorer, question = scorer_and_question
    task = resolve_task(parse_specs("own")[0], installed())
    answer = "<think>Seven by six.</think>\n42"
    example = Example(id="1", group="1", question="q", answer=answer)
    written = replace(question.written, example=example, target=f" {answer}")
    asked = replace(question, written=written, target=task.task.target(example))
    for raw in (answer, "<think>Six by seven.</think>42", "42"):
        scores = replace(scorer, chosen=task).text(asked, raw, finished=True)
        assert (scores["answer"], scores["exact"], scores["rouge_l"]) == (1, 1, 1)


def test_stop_strings_in_a_thinking_block_stop_nothing() -> None:
    request = GenerationRequest((1,), 8, stop_after_text=("\n",))
    texts = ("<think>\na\n", "<think>\na</think>\n\n", "<think>\na</think>\n42", "<think>a</think>\n42\n")
    assert [request.stops(text) for text in texts] == [False, False, False, True]


def test_truncated_is_what_came_to_no_end(scorer_and_question: tuple[ItemScorer, Question]) -> None:
    scorer, question = scorer_and_question
    assert scorer.text(question, "x" * 64, finished=True)["truncated"] == 0.0
    assert scorer.text(question, "x", finished=False)["truncated"] == 1.0


@pytest.mark.parametrize(
    ("completion", "letter"),
    [
        ("Answer: A", "A"),
        ("So it is B.\nAnswer: A) Penicillin V", "A"),
        ("Answer: **C**", "C"),
        ("Answer: D - nothing", "D"),
        ("The answer is (B), not A.", "B"),
        ("Answer: A is tempting. Answer: C", "C"),
        ("The answer is A patient matter", None),
        ("The answer is C. difficile.", None),
        ("The answer is C.\u00a0difficile.", None),
        ("Answer: B. It is the only one.", "B"),
        ("Answer: **A. fumigatus**", None),
        ("The answer is C.difficile", None),
        ("Answer: B.\nthe rest is wrong", "B"),
        ("Answer: B. The cause is C. difficile.", "B"),
        ("The answer is vitamin D.", None),
        ("The answer is hepatitis B.", None),
        ("The answer is type A.", None),
        ("The answer is B cells.", None),
        ("Answer: E", None),
        ("A", None),
        ("", None),
    ],
)
def test_the_letter_after_the_last_answer_mark_counts(completion: str, letter: str | None) -> None:
    task = resolve_task(parse_specs("medqa_cot")[0], installed()).task
    options = dict.fromkeys("ABCD", "text")
    for gold in "ABCD":
        item = Example(id="1", group="1", question="q", answer="text", options=options, answer_letter=gold)
        right = None if letter is None else float(letter == gold)
        assert task.score(item, completion)["answer"] == right


def test_choice_takes_the_likeliest_option_and_nll_is_per_byte(
    scorer_and_question: tuple[ItemScorer, Question],
) -> None:
    scorer, question = scorer_and_question
    letters = list(question.options)
    gold = letters.index(str(question.written.example.answer_letter))
    likely = [-5.0] * len(letters)
    likely[gold] = -1.0
    scores = scorer.likelihoods(question, -12.0, likely)
    assert scores == {"gold_nll": 12.0 / len(question.written.target.encode()), "choice": 1.0}
    likely[gold] = -9.0
    assert scorer.likelihoods(question, None, likely) == {"choice": 0.0}
