"""Rows whose answer is marked as bad, and rows with images, are refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.data.rows import read_own
from medcot_bench.errors import DataError

CHAT = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}
ALPACA = {"instruction": "Why?", "input": "", "output": "So."}
PLAIN = {"question": "Why?", "answer": "So."}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("row", [CHAT, ALPACA, PLAIN], ids=["chat", "alpaca", "plain"])
@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"label": False}, "'label' is false: its answer is marked as a bad one"),
        ({"kto_tag": "False"}, "'kto_tag' is false: its answer is marked as a bad one"),
        ({"images": ["a/1.jpg"]}, "'images' can't be used: models read text only"),
        ({"image": "photos/1.PNG"}, "'image' can't be used"),
        ({"image": {"bytes": "", "path": "1.png"}}, "'image' can't be used"),
        ({"Images": ["a/1.jpg"]}, "'Images' can't be used"),
        ({"KTO_Tag": False}, "'KTO_Tag' is false"),
        ({"image": "iVBORw0KGgo" * 20}, "'image' can't be used"),
        ({"image_url": {"url": "x"}}, "'image_url' can't be used"),
        ({"pixel_values": [[0.5]]}, "'pixel_values' can't be used"),
        ({"videos": ["1.mp4"]}, "'videos' can't be used"),
        ({"audios": '["1.wav"]'}, "'audios' can't be used"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_row_that_can_not_be_trained_on_is_named(
    tmp_path: Path, row: dict[str, Any], extra: dict[str, Any], named: str
) -> None:
    path = write(tmp_path, row, row | extra)
    with pytest.raises(DataError) as caught:
        read_own(path, {})
    assert str(caught.value).startswith(f"{path}:2: {named}")


@pytest.mark.parametrize(
    "extra",
    [
        {"label": True},
        {"label": 0},
        {"label": "spam"},
        {"images": []},
        {"images": None},
        {"images": [None]},
        {"image": "nginx:1.25"},
    ],
    ids=str,
)
def test_a_row_that_says_something_else_is_read(tmp_path: Path, extra: dict[str, Any]) -> None:
    rows, layout = read_own(write(tmp_path, CHAT | extra), {})
    assert [example.answer for example, _ in rows] == ["So."]
    assert layout.unused == tuple(extra)


def test_a_column_that_is_named_as_a_field_is_no_mark(tmp_path: Path) -> None:
    rows, layout = read_own(
        write(tmp_path, {"text": "It rains.", "label": "false"}), {"question": "text", "answer": "label"}
    )
    assert [example.answer for example, _ in rows] == ["false"]
    assert layout.unused == ()
