"""Tasks of the user's own rows: as a task file, in a study file, by `--train`."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from medcot_bench.cli import main
from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.planning.plan import Plan
from medcot_bench.study.loading import load_study

ROWS = [
    {
        "The question": f"Which port does service {n} use?",
        "Reply": f"port {n * 7}",
        "Why": f"Every service takes seven ports, and {n} times seven is {n * 7}.",
        "Passage": f"Service {n} listens on {n * 7}.",
        "Page": f"page {n % 40}",
    }
    for n in range(200)
]


@pytest.fixture(autouse=True)
def _in_a_folder_with_rows(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDCOT_MODEL", str(tiny_model))
    with Path("support tickets.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)


def task_file(name: str = "mine.yaml", **changes: Any) -> str:
    fields = {"data": "support tickets.csv", "question": "The question", "answer": "Reply", **changes}
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(yaml.safe_dump(fields))
    return name


def planned(**fields: Any) -> Plan:
    Path("study.yaml").write_text(json.dumps({"adapters": "none,lora", **fields}))
    study, errors = load_study(Path("study.yaml"))
    return make_plan(study, errors)


def errors_of(**fields: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        planned(**fields)
    return str(caught.value).split("\n")


def prompt_of(plan: Plan, label: str = "mine") -> tuple[str, str]:
    task, example = plan.tasks[label], plan.data[label].splits["train"][0]
    return task.task.prompt(example, task.template), task.task.target(example).text


def test_a_task_file_is_a_task_by_its_name() -> None:
    plan = planned(tasks=[task_file()], eval_tasks=["manuals_qa", "mine@other_prompt"])
    data = plan.data["mine"]
    assert data.source == "file:support tickets.csv"
    assert sum(len(items) for items in data.splits.values()) == 200
    assert data.notes == ("no row names a group: standard errors treat rows as independent",)
    relations = {score.task: score.relation for score in plan.evaluations if score.cell != plan.cells[0].id}
    assert relations == {"mine": "same_task", "manuals_qa": "shift", "mine@other_prompt": "shift"}
    prompt, target = prompt_of(plan)
    assert prompt.startswith("Question: Which port does service ")
    assert prompt.endswith(" use?\nAnswer:")
    assert target.startswith(" port ")
    assert plan.items_of("mine@other_prompt") == "mine"


def test_what_rows_have_is_in_the_prompts() -> None:
    plan = planned(tasks=[task_file(context="Passage", reasoning="Why", group="Page", domain="support")])
    spec = plan.tasks["mine"].task.spec
    assert (spec.domain, spec.form.context) == ("support", "given")
    assert plan.data["mine"].notes == ()
    assert len({example.group for items in plan.data["mine"].splits.values() for example in items}) == 40
    prompt, target = prompt_of(plan)
    assert prompt.startswith("Documentation:\nService ")
    assert prompt.endswith("Reasoning:")
    assert target.startswith(" Every service takes seven ports")
    assert "\nAnswer: port " in target


def test_a_prompt_of_ones_own_is_used_as_it_stands() -> None:
    (tag,) = {"{question} {x}"}
    plan = planned(tasks=[task_file(prompt=f"Ticket ({tag}):\n{{context}}\nReply:\n", context="Passage")])
    prompt, _ = prompt_of(plan)
    assert prompt.startswith("Ticket (Which port does service ")
    assert " {x}):\nService " in prompt
    assert prompt.endswith("Reply:")
    (error,) = errors_of(tasks=[task_file(prompt="Ticket:", context="Passage")])
    assert error == "own.mine: prompt: it must contain {question} and {context}, and no other field"


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task_file("tasks/mine.yaml", data="../support tickets.csv")
    plan = planned(tasks="tasks/mine.yaml, k8s_qa")
    assert list(plan.tasks) == ["mine", "k8s_qa"]
    Path("kept.yaml").write_text(dump_study(plan.study))
    monkeypatch.chdir(tmp_path / "tasks")
    again = make_plan(*load_study(tmp_path / "kept.yaml"))
    assert [cell.id for cell in again.cells] == [cell.id for cell in plan.cells]


def test_a_file_for_each_split() -> None:
    for name, part in (("train.jsonl", ROWS[:20]), ("test.jsonl", ROWS[20:30])):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in part))
    plan = planned(tasks=[task_file(data={"train": "train.jsonl", "eval": "test.jsonl"})])
    assert {split: len(items) for split, items in plan.data["mine"].splits.items()} == {
        "train": 20,
        "validation": 0,
        "eval": 10,
    }


def test_other_columns_are_another_task_and_so_another_cell() -> None:
    ids = set()
    same = task_file(domain="support", max_new_tokens=9, prompt="Q: {question}\n")
    plans = [planned(tasks=[same]), planned(tasks=[task_file(prompt="Q: {question}")])]
    assert plans[0].cells[1].id == plans[1].cells[1].id
    for changes in ({}, {"context": "Passage"}, {"reasoning": "Why"}, {"prompt": "{question}"}, {"group": "Page"}):
        ids |= {cell.id for cell in planned(tasks=[task_file(**changes)]).cells if cell.task}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"question": "Q"}, ["support tickets.csv: no column 'Q' (question); columns: "]),
        ({"data": "absent.csv"}, ["absent.csv: no such file"]),
        ({"data": None}, ["own.mine.data: Field required"]),
        ({"colour": "red"}, ["own.mine.colour: no such field; known: data, question, answer"]),
        ({"max_new_tokens": 0, "group": 3}, ["own.mine.group: ", "own.mine.max_new_tokens: "]),
        (
            {"data": {"test": "a.csv"}},
            ["own.mine.data: give a file, or one per split (train, validation, eval)"],
        ),
        ({"data": "~nobodyhere/a.csv"}, ["~nobodyhere/a.csv: "]),
        ({"data": ["a.csv"]}, ["own.mine.data: give a file, or one per split (train, validation, eval)"]),
    ],
)
def test_a_wrong_task_file_is_an_error(fields: dict[str, Any], errors: list[str]) -> None:
    found = errors_of(tasks=[task_file(**fields)])
    assert all(any(line.startswith(error) for line in found) for error in errors), found


def test_files_that_are_no_task_files_are_errors() -> None:
    Path("list.yaml").write_text("- a\n")
    Path("broken.yaml").write_text("a: [\n")
    found = errors_of(tasks=["list.yaml", "broken.yaml", "absent.yaml"])
    assert found[0] == "list.yaml: a task file is a mapping of fields, with `data` among them"
    assert found[1].startswith("broken.yaml: not YAML: ")
    assert found[2:] == ["absent.yaml: No such file or directory"]  # and not that the study names no task


def test_show_prints_what_a_task_file_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", task_file(prompt="Dear {question}!\nWe say:")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["task mine, from mine.yaml", "  domain own"]
    assert lines[2].startswith("  rows: ")
    assert sum(map(int, re.findall(r"\d+", lines[2]))) == len(ROWS)
    start = lines.index("  example prompt:")
    assert re.fullmatch(r"    \| Dear .+!", lines[start + 1])
    assert lines[start + 2 : start + 4] == ["    | We say:", "  its target:"]
    assert main(["show", "absent.yaml"]) == 2
    assert capsys.readouterr().err == "medcot-bench: absent.yaml: No such file or directory\n"


def test_a_task_that_is_taken_out_for_its_errors_is_not_missed_too() -> None:
    (found,) = errors_of(tasks=[task_file(questio="q")])
    assert found.startswith("own.mine.questio: no such field; did you mean question?")


def test_names_that_are_taken_are_errors() -> None:
    task_file("other/mine.yaml", data="../support tickets.csv", domain="other")
    assert "own.mine: two files define a task of this name; rename one" in errors_of(
        tasks=[task_file(), "other/mine.yaml"]
    )
    task_file("k8s_qa.yaml")
    assert "own.k8s_qa: a task plugin has this name; rename the file" in errors_of(tasks=["k8s_qa.yaml"])


TRAIN = ("--train", "support tickets.csv", "--question", "The question", "--answer", "Reply", "--group", "Page")


def test_train_alone_compares_the_methods_over_three_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json", *TRAIN]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert {cell["adapter"] for cell in cells} == {"none", "full", "lora", "layer_lora"}
    assert {cell["seed"] for cell in cells} == {None, 0, 1, 2}
    assert {cell["task"] for cell in cells} == {None, "support_tickets"}


def test_train_joins_the_tasks_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    named = ("--tasks", "k8s_qa", "--eval-tasks", "manuals_qa", "--adapters", "lora", "--no-base", "--seeds", "0")
    assert main(["plan", "--json", *TRAIN, *named]) == 0
    (first, second) = json.loads(capsys.readouterr().out)["cells"]
    assert [first["task"], second["task"]] == ["k8s_qa", "support_tickets"]
    assert set(second["scores"]) == {"k8s_qa", "support_tickets", "manuals_qa"}


def test_train_joins_the_tasks_of_a_study_file_and_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("s.yaml").write_text("tasks: [k8s_qa]\nadapters: [lora]\n")
    assert main(["plan", "--json", "s.yaml", *TRAIN]) == 0
    found = {cell["task"] for cell in json.loads(capsys.readouterr().out)["cells"]}
    assert found == {None, "k8s_qa", "support_tickets"}
    monkeypatch.setenv("MEDCOT_TASKS", "kubectl")
    assert main(["plan", "--json", *TRAIN, "--eval-tasks", "manuals_qa"]) == 0
    found = {cell["task"] for cell in json.loads(capsys.readouterr().out)["cells"]}
    assert found == {None, "kubectl", "support_tickets"}
    assert main(["plan", *TRAIN, "--train", "other.csv"]) == 2
    assert "--train other.csv: give one file" in capsys.readouterr().err


def test_two_own_tasks_of_one_form_are_two_tasks() -> None:
    task_file("other.yaml")
    plan = planned(tasks=[task_file(), "other.yaml"], eval_tasks=["other@other_prompt"])
    assert plan.items_of("other@other_prompt") == "other"
    trained = {cell.id: cell.task for cell in plan.cells}
    relations = {
        trained[score.cell]: score.relation for score in plan.evaluations if score.task == "other@other_prompt"
    }
    assert relations == {None: "base", "other": "shift"}


def test_paths_with_blanks_and_fields_that_are_overridden(tmp_path: Path) -> None:
    task_file("my task.yaml")
    plan = planned(tasks=["my task.yaml"])
    assert "my_task" in plan.tasks
    Path("kept.yaml").write_text(dump_study(plan.study))
    study, errors = load_study(
        Path("kept.yaml"), [("tasks", [str(tmp_path / "my task.yaml")]), ("own.my_task.group", "Page")]
    )
    assert errors == []
    assert make_plan(study).data["my_task"].notes == ()


def test_files_of_other_layouts_are_told() -> None:
    for name, rows in (("a.jsonl", ROWS[:20]), ("b.jsonl", ROWS[20:40])):
        named = [{"question": row["The question"], "answer": row["Reply"]} for row in rows]
        extra = {"context": "c"} if name == "a.jsonl" else {}
        Path(name).write_text("".join(json.dumps({**row, **extra}) + "\n" for row in named))
    Path("two.yaml").write_text("data: {train: a.jsonl, eval: b.jsonl}\n")
    assert "own.two: a.jsonl has a column for context, b.jsonl has none" in errors_of(tasks=["two.yaml"])


def test_columns_without_rows_are_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--question", "Q", "--domain", "x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "medcot-bench: --question Q: it needs --train FILE",
        "medcot-bench: --domain x: it needs --train FILE",
    ]


@pytest.mark.slow
def test_a_csv_becomes_a_trained_and_scored_comparison_by_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--seeds", "0", "--train-tokens", "600", "--set", "scoring.max_new_tokens=8", "--limit", "6")
    assert main(["run", *TRAIN[:-2], *small, "-o", "out"]) == 0
    output = capsys.readouterr().out
    assert "note: support_tickets: no row names a group" in output
    assert "4 training runs finished of 4" in output
    leaderboard = Path("out/leaderboard.md").read_text()
    assert r"support_tickets\[file:support tickets.csv\]" in leaderboard
    assert "standard errors treat rows as independent" in leaderboard
    assert main(["run", *TRAIN[:-2], *small, "-o", "out"]) == 0
    assert "nothing to run" in capsys.readouterr().out
