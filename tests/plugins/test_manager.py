"""Plugins of other distributions, installed with pip and used on the command line; errors that name the owner."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lanes import slow

from medcot_bench import hookimpl
from medcot_bench.errors import PluginError
from medcot_bench.plugins.entries import Kind, PluginEntry
from medcot_bench.plugins.manager import Plugins
from medcot_bench.plugins.resolve_adapter import resolve_adapter
from medcot_bench.study.spec_strings import Spec
from medcot_bench.types import AdapterSpec, Option, SelectorSpec

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "medcot_example": ROOT / "docs" / "plugin_template",
    "medcot_broken": ROOT / "tests" / "plugins" / "medcot_broken",
}
EXAMPLE = "medcot-example 0.1.0"
EXAMPLES = {"ports_qa", "ia3", "rising", "jsonl", "notify"}
BROKEN = "medcot-broken 0.2.0"
Folders = dict[str, Path]


@pytest.fixture(scope="session")
def installed_packages(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    folders = {}
    for name, source in PACKAGES.items():
        # pip leaves a build folder where it builds
        copy = shutil.copytree(source, tmp_path_factory.mktemp("source") / name)
        folders[name] = tmp_path_factory.mktemp("installed")
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(folders[name])]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, str(copy)], check=True, timeout=300)
    return folders


def medcot(
    *arguments: str, path: Sequence[Path], block: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return python("-m", "medcot_bench", *arguments, path=path, block=block, cwd=cwd)


def python(
    *arguments: str, path: Sequence[Path], block: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "MEDCOT_BLOCK": block}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=500
    )


def make_distribution(folder: Path, name: str, version: str, entry_points: str) -> Path:
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    return folder


# --- installed packages ---


def test_list_names_plugins_of_every_distribution(installed_packages: Folders) -> None:
    done = medcot("list", "--json", path=list(installed_packages.values()))
    assert (done.returncode, done.stderr) == (0, "")
    listed = {(entry["kind"], entry["name"]): entry for entry in json.loads(done.stdout)}
    found = {key: f"{entry['distribution']} {entry['version']}" for key, entry in listed.items()}
    assert {name for (_, name), owner in found.items() if owner == EXAMPLE} == EXAMPLES
    assert {key for key, owner in found.items() if owner == BROKEN} == {
        ("task", "import_error"),
        ("task", "misspelt_hook"),
        ("task", "no_methods"),
        ("adapter", "exit_at_import"),
        ("adapter", "foreign_hook"),
        ("plugin", "observer_import_error"),
        ("plugin", "observer_raises"),
    }
    assert found[("adapter", "lora")].startswith("medcot-bench ")


def test_list_imports_no_plugin(installed_packages: Folders) -> None:
    code = (
        "import sys; from medcot_bench.cli import main; main(['list']);"
        "print('imported:', [name for name in sys.modules if name.partition('.')[0] in"
        " {'medcot_example', 'medcot_broken', 'medcot_tasks', 'medcot_adapters'}])"
    )
    done = python("-c", code, path=list(installed_packages.values()))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported: []"


def test_show_describes_a_third_party_task_with_an_example(installed_packages: Folders) -> None:
    done = medcot("show", "ports_qa", path=[installed_packages["medcot_example"]])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"task ports_qa, from {EXAMPLE}\n")
    assert "    | The TCP port of ftp is\n" in done.stdout
    assert "    |  21\n" in done.stdout


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("task", "import_error", "can't be imported: ImportError: No module named 'nowhere_to_be_found'"),
        ("adapter", "exit_at_import", "can't be imported: SystemExit: not on this machine"),
        slow("task", "misspelt_hook", "implements a wrong hook: unknown hook 'medcot_make_taks' in plugin"),
        slow(
            "adapter",
            "foreign_hook",
            "implements medcot_cell_finished, which the group medcot_bench.adapters does not allow",
        ),
        slow(
            "task",
            "no_methods",
            "medcot_make_task returned an object of type Half without examples, target, options, score",
        ),
    ],
)
def test_a_broken_plugin_is_one_line_that_names_it_and_its_distribution(
    kind: str, name: str, reason: str, installed_packages: Folders, tiny_model: Path, tmp_path: Path
) -> None:
    chosen = {"task": "ports_qa", "adapter": "none"} | {kind: name}
    done = medcot(
        *("run", "--tasks", chosen["task"], "--adapters", chosen["adapter"], "--model", str(tiny_model)),
        *("-o", str(tmp_path / "out")),
        path=list(installed_packages.values()),
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"medcot-bench: {kind} '{name}' ({BROKEN})")
    assert reason in line
    assert not (tmp_path / "out").exists()


def test_good_plugins_work_beside_broken_ones(installed_packages: Folders, tiny_model: Path) -> None:
    done = medcot(
        *("plan", "--tasks", "ports_qa", "--adapters", "none,ia3", "--model", str(tiny_model)),
        path=list(installed_packages.values()),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "task: ports_qa[bundled-v1], networks: 5 to train on, 4 to score\n" in done.stdout
    assert "2 training runs, 2 evaluations: 1 to train, 1 to score only, 0 done\n" in done.stdout


@pytest.fixture
def rival(tmp_path: Path) -> Path:
    points = "[medcot_bench.tasks]\nports_qa = medcot_rival\n"
    return make_distribution(tmp_path / "rival", "medcot-rival", "3.1", points)


def test_one_name_from_two_distributions_is_an_error_that_names_both(
    installed_packages: Folders, rival: Path
) -> None:
    path = [installed_packages["medcot_example"], rival]
    done = medcot("show", "task:ports_qa", path=path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == (
        f"medcot-bench: name conflict: task 'ports_qa' is provided by {EXAMPLE} and medcot-rival 3.1; "
        "uninstall one, or block one with MEDCOT_BLOCK"
    )
    listing = medcot("list", "tasks", path=path).stdout
    assert listing.count("name conflict: block one") == 2


def test_hiding_one_of_two_distributions_makes_the_name_usable(installed_packages: Folders, rival: Path) -> None:
    path = [installed_packages["medcot_example"], rival]
    done = medcot("show", "ports_qa", path=path, block="medcot-rival")
    assert done.returncode == 0
    assert f"from {EXAMPLE}" in done.stdout


@pytest.mark.parametrize(
    ("block", "hidden"),
    [
        ("ports_qa", {"ports_qa"}),
        slow("task:ports_qa", {"ports_qa"}),
        slow("adapter:ports_qa", set()),
        slow("medcot-example", EXAMPLES),
        ("Medcot_Example", EXAMPLES),
        slow("adapter:ia3,task:ports_qa", {"ports_qa", "ia3"}),
    ],
)
def test_medcot_block_hides(block: str, hidden: set[str], installed_packages: Folders) -> None:
    done = medcot("list", "--json", path=[installed_packages["medcot_example"]], block=block)
    names = {entry["name"] for entry in json.loads(done.stdout)}
    assert EXAMPLES - names == hidden
    assert {"lora", "k8s_qa"} <= names


def test_medcot_block_hides_built_in_plugins_alike(installed_packages: Folders) -> None:
    done = medcot("list", "--json", path=[installed_packages["medcot_example"]], block="medcot-bench")
    left = {entry["name"] for entry in json.loads(done.stdout) if entry["kind"] != "preset"}
    assert left == EXAMPLES


@pytest.mark.parametrize("block", ["ports_qa", "task:ports_qa"])
def test_using_a_hidden_plugin_says_that_it_is_blocked(block: str, installed_packages: Folders) -> None:
    path = [installed_packages["medcot_example"]]
    done = medcot("plan", "--tasks", "ports_qa", "--adapters", "none", path=path, block=block)
    assert done.returncode == 2
    assert "medcot-bench: task 'ports_qa' is blocked by MEDCOT_BLOCK" in done.stderr.splitlines()


@pytest.mark.slow
def test_a_study_of_third_party_plugins_runs_beside_broken_ones(
    installed_packages: Folders, tiny_model: Path, tmp_path: Path
) -> None:
    done = medcot(
        *("run", "--tasks", "ports_qa", "--adapters", "none,ia3", "--model", str(tiny_model)),
        *("--max-steps", "2", "--limit", "2", "-o", "out"),
        path=list(installed_packages.values()),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    leaderboard = json.loads((tmp_path / "out" / "leaderboard.json").read_text())
    assert leaderboard["tasks"] == {"ports_qa": "ports_qa[bundled-v1]"}
    rows = leaderboard["rows"]
    assert [(row["adapter"], row["task"]) for row in rows] == [("none", None), ("ia3", "ports_qa")]
    for row in rows:
        assert row["tasks"]["ports_qa"]["scores"]["answer"]["items"] == 2
        assert row["failures"] == []
    # (IA)^3 has a factor for each output of the 7 linear layers of 4 blocks: 64+32+32+64 and 128+128+64.
    assert rows[1]["costs"]["trainable_parameters"] == 4 * (64 + 32 + 32 + 64 + 128 + 128 + 64)
    table = (tmp_path / "out" / "leaderboard.md").read_text()
    assert "\n| none " in table
    assert "\n| ia3 " in table
    skipped = f"plugin 'observer_import_error' ({BROKEN}) can't be imported: RuntimeError: no server to report to"
    assert done.stderr.count(skipped) == 1
    assert "(medcot-broken 0.2.0) failed in medcot_cell_finished: ValueError: this observer" in done.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").glob("*/cell.json")]
    used = {name: owner for record in records for name, owner in record["provenance"]["plugins"].items()}
    assert used["adapter ia3"] == used["task ports_qa"] == EXAMPLE
    assert f"plugin observer_raises ({BROKEN})" in used
    assert not any("observer_import_error" in name for name in used)


@pytest.mark.slow
def test_the_commands_of_the_plugin_page_make_a_package_that_passes_its_tests(
    tiny_model: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "plugins.md").read_text()
    commands = page.partition("<!-- commands -->\n```bash\n")[2].partition("```")[0]
    programs = fresh_environment(tmp_path / "environment")
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "docs").symlink_to(ROOT / "docs")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        ["bash", "-euxc", commands],
        env=environment | {"PATH": f"{programs}:{os.environ['PATH']}", "MEDCOT_MODEL": str(tiny_model)},
        cwd=tmp_path / "clone",
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)
    out = tmp_path / "medcot-mine" / "out"
    scored = [json.loads(line) for line in (out / "leaderboard.jsonl").read_text().splitlines()]
    assert {(line["adapter"], line["task"]) for line in scored if line["score"] == "answer"} == {
        (adapter, "ports_qa[bundled-v1]") for adapter in ("none", "ia3", "lora:select=rising,highest=8")
    }
    records = [json.loads(path.read_text()) for path in out.glob("cells/*/cell.json")]
    (ranks,) = [set(record["placement"].values()) for record in records if "rising" in record["adapter"]]
    assert ranks == {2, 4, 6, 8}


def fresh_environment(folder: Path) -> Path:
    """Make an environment that has what this one has, into which pip installs; return its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    (packages,) = folder.glob("lib/python*/site-packages")
    shared = [path for path in sys.path if path.endswith("-packages")]
    (packages / "shared.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in shared))
    for name, command in {
        "pip": 'python -m pip "$1" --no-deps --no-build-isolation --no-index --quiet "${@:2}"',
        "medcot-bench": 'python -m medcot_bench "$@"',
    }.items():
        (folder / "bin" / name).write_text(f"#!/usr/bin/env bash\nexec {command}\n")
        (folder / "bin" / name).chmod(0o755)
    return folder / "bin"


# --- the errors, in this process ---


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PluginEntry]:
    def make(kind: Kind, name: str, *functions: Callable[..., Any], distribution: str = "acme") -> PluginEntry:
        module = types.ModuleType(f"_plugin_{distribution}_{name}")
        for function in functions:
            setattr(module, function.__name__, hookimpl(function))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return PluginEntry(kind, name, module.__name__, distribution, "1.0")

    return make


Offer = Callable[..., PluginEntry]


class Exporter:
    suffix = ".txt"

    def export(self, leaderboard: object) -> str:
        return ""


def medcot_make_exporter(name: str) -> Exporter:
    return Exporter()


def error_of(action: Callable[[], object]) -> str:
    with pytest.raises(PluginError) as caught:
        action()
    return str(caught.value)


def test_an_unknown_name_lists_the_known_ones(offer: Offer) -> None:
    plugins = Plugins([offer("exporter", "tex"), offer("exporter", "html"), offer("task", "other")])
    assert error_of(lambda: plugins.make_exporter("pdf")) == "no exporter 'pdf'; known: html, tex"


def test_without_any_entry_point_the_error_asks_for_an_installation() -> None:
    text = error_of(lambda: Plugins([]).make_task("k8s_qa"))
    assert text == "no task 'k8s_qa'; known: none: install medcot-bench, or install it again after an update"


@pytest.mark.parametrize("block", ["tex", "exporter:tex"])
def test_a_blocked_name_says_so(block: str, offer: Offer) -> None:
    plugins = Plugins([offer("exporter", "tex", medcot_make_exporter)], frozenset({block}))
    assert plugins.entries == []
    assert error_of(lambda: plugins.make_exporter("tex")) == "exporter 'tex' is blocked by MEDCOT_BLOCK"


def test_two_distributions_with_one_name_are_both_named(offer: Offer) -> None:
    plugins = Plugins([offer("exporter", "tex"), offer("exporter", "tex", distribution="bolt")])
    text = error_of(lambda: plugins.entry("exporter", "tex"))
    assert text.startswith("name conflict: exporter 'tex' is provided by acme 1.0 and bolt 1.0; ")


def test_one_name_in_two_kinds_is_no_conflict(offer: Offer) -> None:
    task, exporter = offer("task", "tex"), offer("exporter", "tex", medcot_make_exporter, distribution="bolt")
    assert isinstance(Plugins([task, exporter]).make_exporter("tex"), Exporter)


def test_each_name_is_made_by_its_own_module(offer: Offer) -> None:
    def making(suffix: str) -> Callable[[str], Exporter]:
        def medcot_make_exporter(name: str) -> Exporter:
            made = Exporter()
            made.suffix = suffix
            return made

        return medcot_make_exporter

    plugins = Plugins([offer("exporter", name, making(f".{name}")) for name in ("tex", "html")])
    assert [plugins.make_exporter(name).suffix for name in ("tex", "html", "tex")] == [".tex", ".html", ".tex"]


def test_an_exception_in_make_names_the_plugin(offer: Offer) -> None:
    def medcot_make_exporter(name: str) -> Exporter:
        raise KeyError("colour")

    plugins = Plugins([offer("exporter", "tex", medcot_make_exporter)])
    text = error_of(lambda: plugins.make_exporter("tex"))
    assert text == "exporter 'tex' (acme 1.0) failed in medcot_make_exporter: KeyError: 'colour'"


def test_a_module_without_the_hook_or_its_mark_is_told_what_to_write(offer: Offer) -> None:
    text = error_of(lambda: Plugins([offer("exporter", "tex")]).make_exporter("tex"))
    assert text == (
        "exporter 'tex' (acme 1.0) implements no hook; write medcot_make_exporter in _plugin_acme_tex, "
        "marked @hookimpl"
    )


def test_a_hook_that_returns_nothing_says_so(offer: Offer) -> None:
    def medcot_make_exporter(name: str) -> None:
        Exporter()

    text = error_of(lambda: Plugins([offer("exporter", "tex", medcot_make_exporter)]).make_exporter("tex"))
    assert text == "exporter 'tex' (acme 1.0): medcot_make_exporter returned None; return the exporter"


def test_an_object_that_lacks_something_is_told_what(offer: Offer) -> None:
    def medcot_make_exporter(name: str) -> object:
        return object()

    text = error_of(lambda: Plugins([offer("exporter", "tex", medcot_make_exporter)]).make_exporter("tex"))
    assert text == (
        "exporter 'tex' (acme 1.0): medcot_make_exporter returned an object of type object without suffix, export"
    )


def test_an_entry_point_that_names_a_class_is_told_the_module() -> None:
    plugins = Plugins([PluginEntry("task", "ports", "acme.ports:Ports", "acme", "1.0")])
    assert error_of(lambda: plugins.make_task("ports")) == (
        "task 'ports' (acme 1.0): its entry point is 'acme.ports:Ports'; write the module alone, 'acme.ports'"
    )


def test_a_spec_with_a_fault_names_the_plugin(offer: Offer) -> None:
    def medcot_make_selector(name: str) -> object:
        spec = SelectorSpec(name="half", version=1, options={"k": Option(int, "3", "blocks")})
        return types.SimpleNamespace(spec=spec, place=lambda probe: {})

    text = error_of(lambda: Plugins([offer("selector", "half", medcot_make_selector)]).make_selector("half"))
    assert text == "selector 'half' (acme 1.0): option 'k': its default '3' is not an int"


def test_an_adapter_is_called_as_an_entry_point_of_its_package(offer: Offer) -> None:
    def medcot_make_adapter(name: str) -> object:
        spec = AdapterSpec(name="ia3", version=1, update="low_rank")
        return types.SimpleNamespace(spec=spec, **dict.fromkeys(("recipe", "prepare", "save", "load"), print))

    mine = offer("adapter", "mine", medcot_make_adapter)
    rival = offer("adapter", "ia3", medcot_make_adapter, distribution="rival")
    for entries in ([mine], [mine, rival]):
        assert error_of(lambda entries=entries: resolve_adapter(Spec("mine", {}), Plugins(entries))) == (
            "adapter 'mine' (acme 1.0): its spec has the name 'ia3', which is not an entry point of its package; "
            "give both the same name"
        )


def test_an_entry_point_in_a_group_of_no_kind_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[medcot_bench.task]\nports = acme_ports\n"
    monkeypatch.syspath_prepend(make_distribution(tmp_path, "medcot-acme", "1.0", points))
    text = error_of(lambda: Plugins.discover().make_task("ports"))
    assert "; there is a 'ports' in the unknown group medcot_bench.task; groups are medcot_bench." in text


def test_a_wrong_hook_is_the_same_error_every_time_and_spoils_no_other_plugin(offer: Offer) -> None:
    def medcot_make_exproter(name: str) -> Exporter:
        return Exporter()

    plugins = Plugins(
        [offer("exporter", "bad", medcot_make_exproter), offer("exporter", "tex", medcot_make_exporter)]
    )
    first, second = (error_of(lambda: plugins.make_exporter("bad")) for _ in range(2))
    assert first == second
    assert first.startswith(
        "exporter 'bad' (acme 1.0) implements a wrong hook: unknown hook 'medcot_make_exproter'"
    )
    assert first.endswith("; it may implement medcot_make_exporter")
    assert isinstance(plugins.make_exporter("tex"), Exporter)


def test_a_hook_with_an_unknown_argument_is_a_wrong_hook(offer: Offer) -> None:
    def medcot_make_exporter(name: str, colour: str) -> Exporter:
        return Exporter()

    text = error_of(lambda: Plugins([offer("exporter", "tex", medcot_make_exporter)]).make_exporter("tex"))
    assert text.startswith("exporter 'tex' (acme 1.0) implements a wrong hook: ")
    assert "colour" in text


def test_interrupting_an_import_is_no_plugin_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "interrupted_plugin.py").write_text("raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background has another
    plugins = Plugins([PluginEntry("task", "slow", "interrupted_plugin", "acme", "1.0")])
    with pytest.raises(KeyboardInterrupt):
        plugins.make_task("slow")
    signal.signal(signal.SIGINT, before)


# --- run-wide plugins ---

CELL: Any = "a cell"  # handed on untouched
RECORD: Any = "a record"
MISSING = PluginEntry("plugin", "missing", "_no_such_module_anywhere", "acme", "1.0")
LEFT_OUT = (
    r"continuing without a plugin: plugin 'missing' \(acme 1.0\) can't be imported: "
    "ModuleNotFoundError: No module named '_no_such_module_anywhere'"
)


def medcot_skip_cell(cell: object) -> str:
    return f"no room for {cell}"


def test_a_run_wide_plugin_that_cannot_be_loaded_is_warned_about_once_and_skipped(offer: Offer) -> None:
    plugins = Plugins([MISSING, offer("plugin", "room", medcot_skip_cell)])
    with pytest.warns(UserWarning, match=LEFT_OUT) as caught:
        assert plugins.skip_reason(CELL) == "no room for a cell"
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plugins.skip_reason(CELL) == "no room for a cell"
        plugins.cell_finished(RECORD)
        assert plugins.run_wide() == ["room (acme 1.0)"]


def test_a_run_wide_plugin_with_a_make_hook_is_skipped(offer: Offer) -> None:
    plugins = Plugins([offer("plugin", "mixed", medcot_make_exporter, medcot_skip_cell)])
    with pytest.warns(UserWarning, match="'mixed' .* implements medcot_make_exporter, which the group"):
        assert plugins.skip_reason(CELL) is None


def test_a_run_wide_plugin_without_a_hook_is_told_what_to_write(offer: Offer) -> None:
    plugins = Plugins([offer("plugin", "idle")])
    with pytest.warns(UserWarning, match="write medcot_cell_finished or medcot_skip_cell in _plugin_acme_idle"):
        assert plugins.run_wide() == []


@pytest.mark.parametrize("answer", [True, False, 0])
def test_what_is_no_reason_in_words_skips_nothing(answer: object, offer: Offer) -> None:
    def medcot_skip_cell(cell: object) -> object:
        return answer

    plugins = Plugins([offer("plugin", "unsure", medcot_skip_cell)])
    with pytest.warns(UserWarning, match=f"'unsure' .* returned {answer}, not a string or None"):
        assert plugins.skip_reason(CELL) is None


def test_run_wide_plugins_of_one_name_are_skipped_with_both_distributions_named(offer: Offer) -> None:
    offers = [offer("plugin", "room", medcot_skip_cell, distribution=owner) for owner in ("acme", "bolt")]
    plugins = Plugins(offers)
    with pytest.warns(UserWarning, match=r"plugin 'room' is provided by acme 1\.0 and bolt 1\.0") as caught:
        assert plugins.skip_reason(CELL) is None
    assert len(caught) == 1
    assert plugins.run_wide() == []


def test_an_observer_that_raises_is_warned_about_by_name_and_the_others_are_told(offer: Offer) -> None:
    told = []

    def medcot_cell_finished(record: object) -> None:
        told.append(record)

    good = [offer("plugin", name, medcot_cell_finished) for name in ("before", "zafter")]

    def failing(record: object) -> None:
        raise OSError("disk full")

    failing.__name__ = "medcot_cell_finished"
    plugins = Plugins([good[0], offer("plugin", "watcher", failing), good[1]])
    with pytest.warns(UserWarning, match="plugin 'watcher' .* failed in medcot_cell_finished: OSError: disk full"):
        plugins.cell_finished(RECORD)
    assert told == [RECORD, RECORD]
