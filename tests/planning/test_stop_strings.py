"""Stop strings that answers hold: dropped where they are built in, refused where the user named them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.stop_strings import fit_stops
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.prompted_task import apply_baseline, stop_at
from medcot_bench.scoring.item_scores import cut
from medcot_bench.study.loading import load_study
from medcot_bench.trained.find import Trained
from medcot_bench.types import SPLITS, Example, Target

PLAIN = [f"port {n}" for n in range(40)]
QUIZ = [f"Here it is.\nQuestion: which {n}?\nAnswer: this one" for n in range(40)]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDCOT_MODEL", str(tiny_model))


def planned(answers: Sequence[str], *, rows: Sequence[dict[str, str]] = (), **fields: Any) -> Plan:
    rows = rows or [{"question": f"Write about topic {n}", "answer": answer} for n, answer in enumerate(answers)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    Path("mine.yaml").write_text(yaml.safe_dump({"data": "rows.jsonl", **fields}))
    Path("study.yaml").write_text(json.dumps({"adapters": "none,lora", "tasks": ["mine.yaml"]}))
    return make_plan(*load_study(Path("study.yaml")))


def refused(answers: Sequence[str], **fields: Any) -> str:
    with pytest.raises(ConfigErrors) as caught:
        planned(answers, **fields)
    return str(caught.value)


def test_a_built_in_stop_string_that_answers_hold_ends_none_of_them() -> None:
    plan = planned(QUIZ)
    chosen = plan.tasks["mine"]
    assert chosen.task.spec.stop == ("\nQ:",)
    for example in plan.items.scored("mine"):
        text = cut(chosen.task.target(example).text, chosen.task.spec.stop)
        assert chosen.task.score(example, text) == {"answer": 1.0, "exact": 1.0}
    assert r"answers hold '\nQuestion:', so no answer ends there" in plan.data["mine"].notes
    assert apply_baseline(chosen, "cot").task.spec.stop == ("\nQ:",)
    assert {tuple(score.request["stop"]) for score in plan.evaluations} == {("\nQ:",)}


def test_other_data_keep_their_stop_strings_and_ids() -> None:
    plan = planned(PLAIN)
    assert plan.tasks["mine"].task.spec.stop == ("\nQuestion:", "\nQ:")
    assert not [score for score in plan.evaluations if "stop" in score.request]
    assert [note for note in plan.data["mine"].notes if "answers hold" in note] == []


def test_stop_strings_of_a_task_file_are_those_that_count_and_change_no_training() -> None:
    plain, typed, none = planned(PLAIN), planned(PLAIN, stop="###"), planned(PLAIN, stop=[])
    assert [p.tasks["mine"].task.spec.stop for p in (typed, none)] == [("###",), ()]
    assert [cell.id for cell in typed.cells] == [cell.id for cell in plain.cells]
    ids = [{score.id for score in p.evaluations} for p in (plain, typed, none)]
    assert not ids[0] & ids[1] | ids[1] & ids[2] | ids[0] & ids[2]
    again = planned(PLAIN, stop=["\nQuestion:", "\nQ:"])
    assert {score.id for score in again.evaluations} == ids[0]


@pytest.mark.parametrize(("stop", "told"), [(["\n\n", "###"], ["'###'"]), (["\n\n"], []), (None, [])])
def test_a_stop_string_of_the_user_that_also_ends_reasoning_is_told(
    stop: list[str] | None, told: list[str]
) -> None:
    plan = planned(PLAIN, **({"stop": stop} if stop else {}))
    assert not any("reasoning" in note for note in plan.data["mine"].notes)
    study = {"adapters": "none,lora", "tasks": ["mine.yaml"], "baselines": "cot"}
    Path("study.yaml").write_text(json.dumps(study))
    notes = make_plan(*load_study(Path("study.yaml"))).data["mine"].notes
    assert [note for note in notes if "reasoning" in note] == [
        f"the reasoning of baseline cot also ends at {text}" for text in told
    ]


def test_a_stop_string_of_the_user_that_an_answer_holds_is_refused() -> None:
    error = refused([*PLAIN, "one\n\ntwo"], stop=["\n\n"])
    assert error.startswith("own.mine: stop: the target of row '")
    assert error.endswith(r"' holds '\n\n', which would cut it; choose another string")


@pytest.mark.parametrize("stop", ["\n", "Answer:"])
def test_a_stop_string_of_the_user_that_only_the_form_of_a_target_holds_is_refused(stop: str) -> None:
    rows = [{"question": f"Which port {n}?", "reasoning": "A number.", "answer": f"port {n}"} for n in range(40)]
    error = refused([], rows=rows, stop=[stop])
    assert error.startswith("own.mine: stop: the target of row '")
    assert error.endswith(f"' holds {stop!r}, which would cut it; choose another string")


def test_a_built_in_stop_string_that_only_the_form_of_a_target_holds_ends_none_of_them() -> None:
    plan = planned(PLAIN)
    chosen, data = stop_at(plan.tasks["mine"], ("port", "\n\n")), plan.data["mine"]
    bare = {split: [dataclasses.replace(e, answer=e.answer[5:]) for e in data.splits[split]] for split in SPLITS}

    def target(example: Example) -> Target:
        return Target(f" port {example.answer}")

    task: Any = SimpleNamespace(spec=chosen.task.spec, target=target)
    fitted, noted = fit_stops(dataclasses.replace(chosen, task=task), dataclasses.replace(data, splits=bare), None)
    assert fitted.task.spec.stop == ("\n\n",)
    assert noted.notes[-1] == "answers hold 'port', so no answer ends there"


@pytest.mark.parametrize("stop", ["", 5, ["a", ""], [1]])
def test_what_is_not_a_stop_string_is_refused(stop: object) -> None:
    wanted = "own.mine.stop: give a string or a list of strings, none of them empty"
    assert wanted in refused(PLAIN, stop=stop)


def test_a_plugin_s_rows_are_looked_at_too() -> None:
    rows = [{"question": f"What is {n}?", "answer": answer} for n, answer in enumerate(QUIZ)]
    Path("faq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    study = {"adapters": "none,lora", "tasks": "manuals_faq", "data": {"manuals_faq": "file:faq.jsonl"}}
    Path("study.yaml").write_text(json.dumps(study))
    plan = make_plan(*load_study(Path("study.yaml")))
    assert plan.tasks["manuals_faq"].task.spec == dataclasses.replace(
        installed().make_task("manuals_faq").spec, stop=("\nQ:",)
    )


def test_a_trained_model_is_asked_without_the_stop_string_that_its_rows_hold() -> None:
    plan = planned(QUIZ)
    score = SimpleNamespace(request=plan.evaluations[0].request)
    results: Any = SimpleNamespace(
        root=Path(), tasks={"mine": None}, cells=[SimpleNamespace(evaluations={"mine": score})]
    )
    trained = Trained(
        name="run",
        results=results,
        study=plan.study,
        cell=plan.cells[-1],
        adapter=plan.adapters["lora"],
        weights=None,
        record=None,
    )
    assert trained.task().task.spec.stop == ("\nQ:",)
