"""Training and evaluation kept apart, within a task and between tasks."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.data.overlap import separate, shared_ngrams
from medcot_bench.data.sources import TaskData
from medcot_bench.errors import DataError
from medcot_bench.study.schema import OnOverlap
from medcot_bench.text import normalise
from medcot_bench.types import Example

WORDS = [f"word{n}" for n in range(40)]


def item(name: str, question: str = "", group: str = "") -> Example:
    return Example(id=name, group=group or f"g-{name}", question=question or f"what is {name}?", answer="a")


def task(train: list[Example], evaluation: list[Example], validation: list[Example] | None = None) -> TaskData:
    splits = {"train": tuple(train), "validation": tuple(validation or []), "eval": tuple(evaluation)}
    return TaskData("file:x", splits)  # type: ignore[arg-type]


def ids(data: TaskData) -> tuple[list[str], list[str]]:
    return [e.id for e in data.splits["train"]], [e.id for e in data.splits["eval"]]


def two_tasks() -> dict[str, TaskData]:
    """Of k's training items, t1 shares a question with k's evaluation, t2 a group and t3 a question with m's."""
    return {
        "k": task(
            [item("t0"), item("t1", "What, exactly, is a POD?"), item("t2", group="page"), item("t3", "Why  not")],
            [item("e0"), item("e1", "what exactly is a pod")],
        ),
        "m": task([item("m0")], [item("n0"), item("n1", group="page"), item("n2", "why not?")]),
    }


def test_data_without_overlap_stay_as_they_are() -> None:
    data = {"k": task([item("a")], [item("b")]), "m": task([item("c")], [item("d")])}
    for policy in ("drop-train", "drop-eval", "error"):
        assert separate(data, ["k", "m"], ["k", "m"], policy) == data  # type: ignore[arg-type]


def test_drop_train_drops_from_training_what_any_evaluation_shares_and_counts_it() -> None:
    separated = separate(two_tasks(), ["k"], ["k", "m"], "drop-train")
    assert ids(separated["k"]) == (["t0"], ["e0", "e1"])
    assert ids(separated["m"]) == (["m0"], ["n0", "n1", "n2"])
    assert separated["k"].left_out == {"train overlaps k eval": 1, "train overlaps m eval": 2}
    assert separated["m"].left_out == {}


def test_drop_eval_drops_from_every_evaluation_what_training_shares_and_counts_it() -> None:
    separated = separate(two_tasks(), ["k"], ["k", "m"], "drop-eval")
    assert ids(separated["k"]) == (["t0", "t1", "t2", "t3"], ["e0"])
    assert ids(separated["m"]) == (["m0"], ["n0"])
    assert separated["k"].left_out == {"eval overlaps k train": 1}
    assert separated["m"].left_out == {"eval overlaps k train": 2}


def test_error_names_both_tasks_the_number_and_the_first_item() -> None:
    with pytest.raises(DataError) as caught:
        separate(two_tasks(), ["k"], ["m"], "error")
    assert str(caught.value) == (
        "2 training items of k share a group or a question with the evaluation of m (first: 't2'); "
        "--set on_overlap=drop-train drops them"
    )


@pytest.mark.parametrize("policy", ["drop-train", "drop-eval", "error"])
def test_a_task_that_is_only_evaluated_is_not_held_against_its_own_training(policy: OnOverlap) -> None:
    data = {"k": task([item("t0")], [item("e0")]), "m": task([item("m0", "Same?")], [item("n0", "same")])}
    assert separate(data, ["k"], ["k", "m"], policy) == data


def test_both_directions_between_two_trained_tasks_are_separated() -> None:
    data = {
        "k": task([item("t0"), item("t1", "Shared one")], [item("e0"), item("e1", "Shared two")]),
        "m": task([item("m0"), item("m1", "shared two!")], [item("n0"), item("n1", "shared one!")]),
    }
    dropped = separate(data, ["k", "m"], ["k", "m"], "drop-train")
    assert (ids(dropped["k"]), ids(dropped["m"])) == ((["t0"], ["e0", "e1"]), (["m0"], ["n0", "n1"]))
    dropped = separate(data, ["k", "m"], ["k", "m"], "drop-eval")
    assert (ids(dropped["k"]), ids(dropped["m"])) == ((["t0", "t1"], ["e0"]), (["m0", "m1"], ["n0"]))


def test_one_evaluation_item_drops_every_training_item_of_its_group() -> None:
    train = [item("t0", group="page"), item("t1", group="page"), item("t2")]
    separated = separate({"k": task(train, [item("e0", group="page")])}, ["k"], ["k"], "drop-train")
    assert ids(separated["k"])[0] == ["t2"]
    assert separated["k"].left_out == {"train overlaps k eval": 2}


def test_counts_add_to_those_of_other_reasons() -> None:
    data = task([item("t0", "Same?")], [item("e0", "same")])
    data = data.with_split("eval", data.splits["eval"], "eval without context", 4)
    separated = separate({"k": data}, ["k"], ["k"], "drop-train")["k"]
    assert separated.left_out == {"eval without context": 4, "train overlaps k eval": 1}


@pytest.mark.parametrize("policy", ["drop-train", "drop-eval"])
def test_validation_items_that_are_evaluated_may_choose_nothing(policy: Any) -> None:
    data = task([item("t0")], [item("e0", "same")], [item("v0", "SAME"), item("v1")])
    separated = separate({"k": data}, ["k"], ["k"], policy)["k"]
    assert [e.id for e in separated.splits["validation"]] == ["v1"]
    assert separated.left_out == {"validation overlaps k eval": 1}
    assert ids(separated) == (["t0"], ["e0"])


def test_training_is_kept_apart_from_validation_where_that_is_scored() -> None:
    data = task([item("t0", "Same?"), item("t1")], [item("e0")], [item("v0", "same")])
    for scored, kept in (("eval", ["t0", "t1"]), ("validation", ["t1"]), ("train", ["t0", "t1"])):
        separated = separate({"k": data}, ["k"], ["k"], "drop-train", scored)["k"]  # type: ignore[arg-type]
        assert ids(separated)[0] == kept


def test_the_data_given_are_not_changed() -> None:
    data = two_tasks()
    separate(data, ["k"], ["k", "m"], "drop-train")
    assert data == two_tasks()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is a Pod?", "what  is a pod"),
        ("kubectl get pods -n A", "Kubectl, get pods: (n) a!"),
        ("ﬁle ２", "File 2"),
        ("STRASSE", "straße"),
    ],
)
def test_case_punctuation_spacing_and_width_do_not_tell_questions_apart(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("a pod", "apod"), ("run 10 pods", "run 1 0 pods"), ("é", "e")])
def test_words_letters_and_accents_tell_questions_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_vowel_signs_tell_questions_apart() -> None:
    assert normalise("कि") != normalise("की")


def ngram_item(words: list[str], context: str | None = None) -> Example:
    return Example(id="x", group="g", question=" ".join(words), context=context, answer="end")


@pytest.mark.parametrize(("length", "shared"), [(12, 0), (13, 1), (20, 1)])
def test_a_shared_run_of_thirteen_words_counts(length: int, shared: int) -> None:
    train = [ngram_item(["before", *WORDS[:length], "after"])]
    assert shared_ngrams(train, [ngram_item(["other", *WORDS[:length], "words"])]) == shared


def test_evaluation_items_are_counted_once_each() -> None:
    train = [ngram_item(WORDS[:20]), ngram_item(WORDS[5:30])]
    evaluation = [ngram_item(WORDS[:20]), ngram_item(WORDS[2:18]), ngram_item(WORDS[::-1]), ngram_item([])]
    assert shared_ngrams(train, evaluation) == 2
    assert shared_ngrams([], evaluation) == 0


def test_a_run_may_lie_in_the_context_and_differ_in_case_and_punctuation() -> None:
    train = [ngram_item(["why"], context=", ".join(WORDS[:13]).upper())]
    assert shared_ngrams(train, [ngram_item(["because", *WORDS[:13]])]) == 1
