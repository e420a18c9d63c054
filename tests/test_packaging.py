"""The wheel holds the three packages, whole, and nothing else."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"medcot_bench": ROOT, "medcot_tasks": ROOT / "tasks", "medcot_adapters": ROOT / "adapters"}
LEFT_BEHIND = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "out", "__pycache__")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=LEFT_BEHIND)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True, timeout=300)
    (path,) = folder.glob("*.whl")
    return zipfile.Path(path)


@pytest.fixture(scope="module")
def files(wheel: zipfile.Path) -> set[str]:
    return {name for name in wheel.root.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.Path) -> zipfile.Path:
    return next(path for path in wheel.iterdir() if path.name.endswith(".dist-info"))


def test_its_only_top_level_names_are_the_three_packages(files: set[str]) -> None:
    tops = {PurePosixPath(name).parts[0] for name in files}
    assert {name for name in tops if not name.endswith(".dist-info")} == set(PACKAGES)
    assert len(tops) == len(PACKAGES) + 1


def test_it_holds_every_module_and_the_marks_of_typed_packages(files: set[str]) -> None:
    ours = {
        path.relative_to(source).as_posix()
        for package, source in PACKAGES.items()
        for path in (source / package).rglob("*")
        if path.suffix in (".py", ".yaml", ".txt") or path.name == "py.typed"
    }
    assert {f"{package}/py.typed" for package in PACKAGES} <= ours
    assert ours <= files


def test_it_holds_no_test_example_or_benchmark(files: set[str]) -> None:
    strays = [
        name for name in files if {"tests", "examples", "benchmarks", "docs"} & set(PurePosixPath(name).parts)
    ]
    assert strays == []
    assert not [name for name in files if PurePosixPath(name).name.startswith(("test_", "conftest"))]


def test_the_module_of_every_entry_point_is_in_it(metadata: zipfile.Path, files: set[str]) -> None:
    parsed = configparser.ConfigParser(delimiters="=")
    parsed.read_string((metadata / "entry_points.txt").read_text())
    groups = {section: dict(parsed[section]) for section in parsed.sections()}
    assert {
        "medcot_bench.tasks",
        "medcot_bench.adapters",
        "medcot_bench.selectors",
        "medcot_bench.exporters",
    } < set(groups)
    for group, points in groups.items():
        for name, value in points.items():
            module = value.partition(":")[0].replace(".", "/")
            assert {f"{module}.py", f"{module}/__init__.py"} & files, f"{group}: {name} = {value}"


def test_it_carries_its_licence_and_version(metadata: zipfile.Path) -> None:
    text = (metadata / "METADATA").read_text(encoding="utf-8")
    assert "\nName: medcot-bench\n" in text
    assert "\nLicense-Expression: Apache-2.0\n" in text
    assert (metadata / "licenses" / "LICENSE").is_file()
