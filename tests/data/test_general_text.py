"""The general text: the package's own, a user's, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcot_bench.data.general_text import read_general_text, text_digest
from medcot_bench.errors import ConfigError, ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study


def test_the_package_s_own_text_is_some_kilobytes_of_several_kinds() -> None:
    text = read_general_text("")
    assert 6_000 < len(text.encode()) < 9_000
    assert text.count("***") >= 7
    assert len(text_digest(text)) == 16


def test_a_text_is_read_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_bytes("Zeile\r\nnoch eine — ü".encode())
    assert read_general_text(str(tmp_path / "own.txt")) == "Zeile\r\nnoch eine — ü"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory; name a text file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_is_no_text_is_an_error_in_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_general_text(str(path))
    assert str(caught.value).startswith(f"general_text: {path}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["~nobody_of_this_name/x", "a\0b"])
def test_what_is_no_path_is_an_error_too(path: str) -> None:
    with pytest.raises(ConfigError, match="general_text"):
        read_general_text(path)


def test_planning_tells_it_with_every_other_error(tmp_path: Path) -> None:
    study = Study(tasks=("nonesuch",), adapters=("none",), model=str(tmp_path), general_text="no.txt")
    with pytest.raises(ConfigErrors) as caught:
        make_plan(study)
    assert len(caught.value.errors) == 3
    assert "general_text: no.txt: No such file or directory; name a text file" in caught.value.errors


def test_a_path_in_a_study_file_is_relative_to_it_and_absolute_in_a_dump(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("general_text: texts/own.txt")
    study, errors = load_study(tmp_path / "study.yaml")
    assert not errors
    assert study.general_text == str(tmp_path / "texts/own.txt")
    typed, _ = load_study(tmp_path / "study.yaml", [("general_text", "other.txt")])
    assert typed.general_text == "other.txt"
    (tmp_path / "dump.yaml").write_text(dump_study(typed))
    assert load_study(tmp_path / "dump.yaml")[0].general_text == str(Path("other.txt").absolute())
    assert "general_text" not in dump_study(Study())
