"""What a plan reads in task files: names, needs, digests, and what would run as code."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness_tasks import write_tasks

from medcot_bench.errors import ConfigError
from medcot_bench.lm_eval_tasks.task_file import TaskFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tasks(tmp_path)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_task_with_its_own_data_needs_no_network(folder: Path) -> None:
    file = TaskFile(folder / "colours.yaml")
    assert (file.name, file.group, file.code, file.remote, file.packaged) == ("colours", False, "", False, False)


@pytest.mark.parametrize("changed", ["colours.jsonl", "shots.jsonl", "colours.yaml", "more.yaml", "both.yaml"])
def test_the_digest_is_of_every_file_that_a_group_leads_to(folder: Path, changed: str) -> None:
    before = TaskFile(folder / "both.yaml").digest
    assert TaskFile(folder / "both.yaml").digest == before
    (folder / "repeats.yaml").write_text("task: another\n")  # no part of it
    assert TaskFile(folder / "both.yaml").digest == before
    path = folder / changed
    path.write_text(path.read_text() + "\n")
    assert TaskFile(folder / "both.yaml").digest != before


def test_a_data_set_of_the_hub_and_tasks_of_lm_eval_need_the_network(folder: Path) -> None:
    edit(folder / "colours.yaml", "dataset_path: json", "dataset_path: somebody/colours")
    assert TaskFile(folder / "colours.yaml").remote
    assert TaskFile(folder / "more.yaml").remote
    (folder / "both.yaml").write_text("group: both\ntask: [repeats, arc_easy]\n")
    group = TaskFile(folder / "both.yaml")
    assert group.remote
    assert group.packaged


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("process_docs: !function utils.prepare", "!function utils.prepare"),
        ("metric_list: [{metric: !function utils.score, aggregation: mean}]", "!function utils.score"),
        ("class: !function utils.Task", "class"),
        ("unsafe_code: true", "unsafe_code"),
        ("dataset_kwargs: {trust_remote_code: true}", "trust_remote_code"),
        ("dataset_path: pandas", "dataset_path: pandas"),
    ],
)
def test_code_is_found_and_not_run(folder: Path, line: str, found: str) -> None:
    (folder / "utils.py").write_text("raise RuntimeError('it was run')\n")
    key = line.partition(":")[0]
    kept = [one for one in (folder / "more.yaml").read_text().splitlines() if not one.startswith(key)]
    (folder / "more.yaml").write_text("\n".join([*kept, line]))
    assert TaskFile(folder / "more.yaml").code == f"{folder / 'more.yaml'}: {found}"
    if line != "dataset_path: pandas":  # seen in a file that is included, and beside it, too
        assert TaskFile(folder / "both.yaml").code == f"{folder / 'more.yaml'}: {found}"
    before = TaskFile(folder / "more.yaml").digest
    (folder / "utils.py").write_text("raise RuntimeError('it was run again')\n")
    assert TaskFile(folder / "more.yaml").digest != before


def test_what_lm_eval_brings_along_is_no_code_of_the_user(folder: Path) -> None:
    from medcot_bench.lm_eval_tasks.names import find_package

    own = find_package() / "tasks" / "gpqa" / "zeroshot" / "_gpqa_zeroshot_yaml"
    assert "!function" in own.read_text()
    (folder / "gpqa.yaml").write_text(f"include: {own}\ntask: my_gpqa\ndataset_name: gpqa_main\n")
    assert TaskFile(folder / "gpqa.yaml").code == ""


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        ("gone.yaml", None, "No such file or directory"),
        ("list.yaml", "- task: a\n", "a task file is a mapping of fields, not a list"),
        ("broken.yaml", "task: [a\n", "not YAML: while parsing a flow sequence"),
        (
            "tagged.yaml",
            "task: !!python/object/apply:os.getcwd []\n",
            "not YAML: could not determine a constructor",
        ),
        ("nameless.yaml", "output_type: multiple_choice\n", "'task' or 'group' is missing"),
        ("round.yaml", "include: round.yaml\ntask: a\n", "it includes itself"),
        (
            "data.yaml",
            "task: a\ndataset_path: json\ndataset_kwargs: rows.jsonl\n",
            "dataset_kwargs: a mapping of fields, not a str",
        ),
        (
            "many.yaml",
            "task: a\ndataset_path: json\ndataset_kwargs: {data_dir: /}\n",
            "more than 10,000 files of data: /**",
        ),
        ("whole.yaml", "task: a\ndataset_path: /\n", "more than 10,000 files of data: /"),
        ("half.yaml", 'task: "\\ud800"\n', "line 1: half a surrogate pair, which is not a character"),
        ("evil.yaml", "group: evil\ntask: [evil]\n", "group 'evil': it includes itself"),
        ("evil.yaml", "group: evil\ntask: [{group: b, task: [evil]}]\n", "group 'evil': it includes itself"),
        ("evil.yaml", "group: evil\ntask: &members [{group: b, task: *members}]\n", "line 2: the anchor"),
        (
            "data.yaml",
            "task: a\ndataset_path: json\ndataset_kwargs: {data_files: rows.jsonl}\n",
            "data_files: no such file: rows.jsonl (paths start at the working directory)",
        ),
        (
            "group.yaml",
            "group: a\ntask: [colour]\n",
            "no task 'colour' in this folder or of lm-eval; did you mean colours",
        ),
    ],
)
def test_what_can_not_be_read_is_named(folder: Path, file: str, text: str | None, error: str) -> None:
    if text is not None:
        (folder / file).write_text(text)
    with pytest.raises(ConfigError) as caught:
        TaskFile(folder / file)
    assert str(caught.value).startswith(f"{folder / file}: {error}")
    assert "\n" not in str(caught.value)


def test_groups_that_include_one_another_are_named(folder: Path) -> None:
    for one, other in ("ab", "bc", "ca"):
        (folder / f"{one}.yaml").write_text(f"group: {one}\ntask: [{other}]\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: group 'a': it includes itself"):
        TaskFile(folder / "a.yaml")


def test_a_group_may_name_a_part_twice(folder: Path) -> None:
    (folder / "inner.yaml").write_text("group: inner\ntask: [colours]\n")
    (folder / "outer.yaml").write_text("group: outer\ntask: [inner, inner, {group: again, task: [inner]}]\n")
    assert TaskFile(folder / "outer.yaml").name == "outer"


def test_a_data_set_with_a_name_that_no_file_can_have_is_of_the_hub(folder: Path) -> None:
    (folder / "long.yaml").write_text(f"task: a\ndataset_path: {'x' * 300}\n")
    assert TaskFile(folder / "long.yaml").remote
