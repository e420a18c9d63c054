"""Where items come from: splits by column, by file and by group, and what is left out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.data.sources import TaskData, digest, load, sort_by_hash
from medcot_bench.errors import ConfigError, DataError
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import SPLITS, Example, Split

Write = Callable[[str, Iterable[Mapping[str, Any]]], Path]


def choose(typed: str) -> ResolvedTask:
    return resolve_task(parse_specs(typed)[0], installed())


def row(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "group": f"group {name}", "question": f"{name}?", "answer": "a", "context": "c"} | fields


def item(name: str, group: str = "g") -> Example:
    return Example(id=name, group=group, question=f"{name}?", answer="a")


def load_file(path: Path, task: str = "k8s_qa", seed: int = 0) -> TaskData:
    return load(choose(task), {None: f"file:{path}"}, seed)


def ids(data: TaskData) -> dict[Split, list[str]]:
    return {split: [example.id for example in data.splits[split]] for split in SPLITS}


def test_the_split_column_is_kept(write_rows: Write) -> None:
    named = {"a": "eval", "b": "train", "c": "validation", "d": "train"}
    data = load_file(write_rows("k.jsonl", [row(name, split=split) for name, split in named.items()]))
    assert ids(data) == {"train": ["b", "d"], "validation": ["c"], "eval": ["a"]}
    assert data.source == "file:k.jsonl"
    assert data.left_out == {}


def test_rows_that_are_not_to_be_trusted_are_left_out_of_training_and_counted(write_rows: Write) -> None:
    checked: dict[str, Any] = {
        "a": {"label_check": "reviewed_agrees"},
        "b": {"label_check": "not_reviewed"},
        "c": {},
    }
    rows = [
        row(f"{name}-{split}", answer="1", reasoning="r", split=split, meta=meta)
        for name, meta in checked.items()
        for split in SPLITS
    ]
    data = load_file(write_rows("m.jsonl", rows), "medcalc_cot")
    kept = {split: {name[0] for name in names} for split, names in ids(data).items()}
    assert kept == {"train": {"a", "c"}, "validation": {"a", "c"}, "eval": {"a", "b", "c"}}
    assert data.left_out == {
        f"{split} with label_check other than reviewed_agrees": 1 for split in ("train", "validation")
    }


def test_without_a_split_column_60_10_30_percent_of_the_groups_go_to_the_splits(write_rows: Write) -> None:
    rows = [row(f"{group}-{n}", group=f"page {group}") for group in range(1000) for n in range(2)]
    data = load_file(write_rows("k.jsonl", rows))
    groups = {split: {example.group for example in data.splits[split]} for split in SPLITS}
    assert sum(len(found) for found in groups.values()) == 1000
    assert {split: len(found) for split, found in groups.items()} == {"train": 600, "validation": 100, "eval": 300}
    assert Counter(example.group for split in SPLITS for example in data.splits[split]).most_common(1)[0][1] == 2


def test_the_split_of_a_group_depends_on_the_names_and_the_seed_only(write_rows: Write) -> None:
    rows = [row(str(n)) for n in range(60)]
    first = load_file(write_rows("k.jsonl", rows))
    other_rows = [row(str(n), answer="other", question="new?") for n in reversed(range(60))]
    other = load_file(write_rows("other.jsonl", other_rows))
    assert load_file(write_rows("k.jsonl", rows)) == first
    assert {split: set(found) for split, found in ids(other).items()} == {
        split: set(found) for split, found in ids(first).items()
    }
    assert ids(load_file(write_rows("k.jsonl", rows), seed=1)) != ids(first)


def test_validation_items_that_nothing_needs_are_trained_on_unless_rows_say_so(write_rows: Write) -> None:
    data = load_file(write_rows("k.jsonl", [row(str(n)) for n in range(60)])).with_all_trained(0)
    assert {split: len(found) for split, found in data.splits.items()} == {
        "train": 42,
        "validation": 0,
        "eval": 18,
    }
    assert list(data.splits["train"]) == sort_by_hash(data.splits["train"], 0)
    named = load_file(write_rows("n.jsonl", [row(split, split=split) for split in SPLITS]))
    assert named.with_all_trained(0) == named


def test_rows_without_a_split_beside_rows_with_one_fill_the_splits(write_rows: Write) -> None:
    rows = [row(str(n)) for n in range(60)]
    free = ids(load_file(write_rows("k.jsonl", rows)))
    pinned = free["train"][0]
    rows[int(pinned)]["split"] = "eval"
    data = load_file(write_rows("k.jsonl", rows))
    mixed = ids(data)
    assert data.splits["validation"]
    assert not data.with_all_trained(0).splits["validation"]  # no row asked for it
    assert pinned in mixed["eval"]
    assert len(mixed["eval"]) == 19
    assert len({*free["eval"]} - {*mixed["eval"]}) <= 1


def test_a_file_for_each_split_gives_all_its_rows_to_that_split(write_rows: Write) -> None:
    train = write_rows("train.jsonl", [row(str(n)) for n in range(20)])
    evaluation = write_rows("test.jsonl", [row(f"e{n}") for n in range(5)])
    data = load(choose("k8s_qa"), {"train": f"file:{train}", "eval": f"file:{evaluation}"}, 0)
    assert {split: len(found) for split, found in data.splits.items()} == {"train": 20, "validation": 0, "eval": 5}
    assert data.source == "file:train.jsonl+test.jsonl"


def test_a_file_with_a_split_column_given_for_one_split_gives_only_that_split(write_rows: Write) -> None:
    path = write_rows("k.jsonl", [row("a", split="train"), row("b", split="eval"), row("c", split="validation")])
    data = load(choose("k8s_qa"), {"eval": f"file:{path}"}, 0)
    assert ids(data) == {"train": [], "validation": [], "eval": ["b"]}
    both = load(choose("k8s_qa"), {"train": f"file:{path}", "eval": f"file:{path}"}, 0)
    assert ids(both) == {"train": ["a"], "validation": [], "eval": ["b"]}


def test_a_file_without_a_row_of_the_wanted_split_is_an_error(write_rows: Write) -> None:
    path = write_rows("k.jsonl", [row("a", split="train")])
    with pytest.raises(DataError) as caught:
        load(choose("k8s_qa"), {"eval": f"file:{path}"}, 0)
    assert str(caught.value) == f"{path}: no row has the split 'eval'"


def test_a_task_without_data_says_how_to_give_some() -> None:
    with pytest.raises(ConfigError) as caught:
        load(choose("k8s_qa:context=none"), {}, 0)
    assert str(caught.value) == ("task k8s_qa: no data given; add --data k8s_qa=hub or --data k8s_qa=file:PATH")


@pytest.mark.parametrize("source", ["hub:org/name", "rows.jsonl", "file:", ""])
def test_a_source_that_can_not_be_read_says_how_to_write_one(source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(choose("k8s_qa"), {None: source}, 0)
    assert (
        str(caught.value)
        == f"task k8s_qa: unknown source '{source}'; give bundled or hub or hub@REVISION or file:PATH"
    )


class Bundled:
    """k8s_qa with items of its own."""

    def __init__(self) -> None:
        inner = choose("k8s_qa").task
        self.spec = replace(inner.spec, version=3, sources={"bundled": "made here"}, usable_with=())

    def examples(self, split: Split) -> Iterable[Example]:
        yield item(f"{split} item")


def test_a_task_with_items_of_its_own_uses_them_unless_a_file_is_given(write_rows: Write) -> None:
    task: Any = Bundled()
    chosen = replace(choose("k8s_qa"), task=task)
    data = load(chosen, {}, 0)
    assert data.source == "bundled-v3"
    assert ids(data) == {split: [f"{split} item"] for split in SPLITS}
    path = write_rows("k.jsonl", [row("a", split="train")])
    assert ids(load(chosen, {None: f"file:{path}"}, 0))["train"] == ["a"]


def test_rows_without_what_the_task_needs_are_left_out_of_every_split_and_counted(write_rows: Write) -> None:
    rows = [row(f"{split}{n}", split=split, context=None if n else "c") for split in SPLITS for n in range(3)]
    path = write_rows("k.jsonl", rows)
    data = load_file(path)
    assert ids(data) == {split: [f"{split}0"] for split in SPLITS}
    assert data.left_out == {f"{split} without context": 2 for split in SPLITS}
    assert load_file(path, "k8s_qa:context=none").left_out == {}


def test_rows_without_what_training_needs_are_left_out_of_training_and_validation_only(write_rows: Write) -> None:
    choice = {"options": {"A": "a", "B": "b"}, "answer_letter": "A"}
    rows = [row(split, split=split, **choice) for split in SPLITS]
    rows += [row(f"{split}+", split=split, reasoning="r", **choice) for split in SPLITS]
    data = load_file(write_rows("m.jsonl", rows), "medqa_cot")
    assert ids(data) == {"train": ["train+"], "validation": ["validation+"], "eval": ["eval", "eval+"]}
    assert data.left_out == {"train without reasoning": 1, "validation without reasoning": 1}


def test_rows_left_out_for_one_reason_add_up() -> None:
    data = TaskData("file:x", {"train": (item("a"),), "validation": (), "eval": ()})
    twice = data.with_split("train", [], "overlap", 2).with_split("train", [], "overlap", 3)
    assert twice.left_out == {"overlap": 5}
    assert (data.left_out, data.splits["train"]) == ({}, (item("a"),))


def test_a_row_without_what_the_task_requires_is_an_error(write_rows: Write) -> None:
    path = write_rows("m.jsonl", [row("a")])
    with pytest.raises(DataError) as caught:
        load_file(path, "medqa_cot")
    assert str(caught.value) == f"{path}:1: field 'options' is missing or empty; fill it in, or take the row out"


def test_the_hash_order_depends_on_ids_and_seed_and_not_on_the_order_given() -> None:
    items = [item(str(n)) for n in range(50)]
    order = sort_by_hash(items, 0)
    assert sorted(order, key=lambda example: int(example.id)) == items
    assert order != items
    assert sort_by_hash(reversed(items), 0) == order
    assert sort_by_hash(items, 1) != order


def test_items_added_later_leave_the_order_of_the_others_alone() -> None:
    items = [item(str(n)) for n in range(50)]
    order = sort_by_hash(items, 0)
    assert [example for example in order if int(example.id) < 20] == sort_by_hash(items[:20], 0)


def test_the_order_says_nothing_about_the_split(write_rows: Write) -> None:
    rows = [row(str(n), group=str(n)) for n in range(400)]
    train = set(ids(load_file(write_rows("k.jsonl", rows)))["train"])
    first = sort_by_hash([item(str(n)) for n in range(400)], 0)[:200]
    assert sum(example.id in train for example in first) == pytest.approx(120, abs=25)


def test_the_digest_changes_with_content_order_and_number_of_items() -> None:
    items = [item("a"), item("b")]
    changed = [items, items[::-1], items[:1], [items[0], replace(items[1], answer="other")], []]
    changed.append([items[0], replace(items[1], reasoning="r")])
    assert len({digest(variant) for variant in changed}) == len(changed)
    assert digest([item("a"), item("b")]) == digest(items)


def test_digests_stay_what_published_records_have() -> None:
    items = [
        Example(
            id="a", group="g", question="Où?", answer="b", options={"B": "x", "A": "y"}, meta={"z": 1, "a": [2]}
        ),
        Example(
            id="b", group="g", question="q", answer="1", context="c", turns=(("user", "q"), ("assistant", "r"))
        ),
    ]
    written = ""
    for each in items:
        whole = asdict(each)
        if not each.turns:
            del whole["turns"]
        written += json.dumps(whole, sort_keys=True, ensure_ascii=False) + "\n"
    assert digest(items) == hashlib.sha256(written.encode()).hexdigest()[:16] == "e1678dc4ac6108df"


def test_items_read_from_another_place_have_the_same_digest(tmp_path: Path) -> None:
    found = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "k.jsonl"
        path.write_text(json.dumps({"question": "é?", "answer": "a", "context": "c", "split": "train"}))
        found.append(digest(load_file(path).splits["train"]))
    assert found[0] == found[1]
