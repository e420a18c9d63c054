"""The floors of the house, read from the syntax trees of all files: who may import what, and when."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {"medcot_bench": ROOT, "medcot_tasks": ROOT / "tasks", "medcot_adapters": ROOT / "adapters"}
HEAVY_FOLDERS = {"medcot_bench.models", "medcot_bench.training", "medcot_bench.scoring", "medcot_bench.testing"}
PARENT = {f"medcot_bench.runner{part}" for part in ("", ".eta", ".process", ".supervisor")}
HEAVY_LIBRARIES = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "lm_eval"}
ONLY_WHERE_USED = {"datasets", "evaluate", "pandas", "gguf", "huggingface_hub", "scipy", "numpy", "matplotlib"}
NOT_LOADED = {"torch", "transformers", "peft", "lm_eval", "datasets", "evaluate", "scipy"}


@dataclass(frozen=True)
class Import:
    module: str  # for `from a import b` it is `a.b` where that is a module, else `a`
    deferred: bool  # inside a function, so that it happens when that is called
    line: int


def module_name(path: Path, source: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {
        module_name(path, source): path
        for package, source in SOURCES.items()
        for path in sorted((source / package).rglob("*.py"))
    }


@cache
def imports(name: str) -> tuple[Import, ...]:
    return tuple(walk([ast.parse(modules()[name].read_text(encoding="utf-8"))], name, deferred=False))


def walk(nodes: Iterable[ast.AST], importer: str, *, deferred: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, deferred, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer}:{node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield Import(inner if inner in modules() else str(node.module), deferred, node.lineno)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from walk(node.orelse, importer, deferred=deferred)
        else:
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(ast.iter_child_nodes(node), importer, deferred=deferred or function)


def within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def offences(importers: list[str], forbidden: set[str], *, deferred_too: bool) -> list[str]:
    return [
        f"{importer}:{found.line} imports {found.module}"
        for importer in importers
        for found in imports(importer)
        if within(found.module, forbidden) and (deferred_too or not found.deferred)
    ]


CORE = [name for name in modules() if within(name, {"medcot_bench"})]
WORKER = {name for name in CORE if within(name, {"medcot_bench.runner"})} - PARENT
LIGHT = [name for name in CORE if name not in WORKER and not within(name, HEAVY_FOLDERS)]
NEVER_LIGHT = HEAVY_LIBRARIES | HEAVY_FOLDERS | WORKER
TASKS = [name for name in modules() if within(name, {"medcot_tasks"})]
ADAPTERS = [name for name in modules() if within(name, {"medcot_adapters"})]


def test_the_reader_of_imports_sees_all_kinds() -> None:
    code = """
import a.b, c
from d import e as f
from medcot_bench import plan, hookimpl
if TYPE_CHECKING:
    import g
else:
    import h
class C:
    import i
    def m(self):
        try:
            import j
        finally:
            pass
"""
    found = list(walk([ast.parse(code)], "code", deferred=False))
    assert [(item.module, item.deferred) for item in found] == [
        *((name, False) for name in ("a.b", "c", "d", "medcot_bench.planning.plan", "medcot_bench", "h", "i")),
        ("j", True),
    ]


def test_the_parts_named_here_exist() -> None:
    assert set(CORE) >= HEAVY_FOLDERS | PARENT
    assert {"medcot_bench.worker.main", "medcot_bench.worker.cell"} <= WORKER
    assert {"medcot_bench.planning.plan", "medcot_bench.runner.supervisor", "medcot_bench.cli.run"} <= set(LIGHT)
    assert TASKS
    assert ADAPTERS


def test_the_light_floor_never_imports_the_heavy_one() -> None:
    assert offences(LIGHT, NEVER_LIGHT, deferred_too=True) == []


def test_the_light_floor_imports_slow_libraries_only_where_they_are_used() -> None:
    assert offences(LIGHT, ONLY_WHERE_USED, deferred_too=False) == []


def test_plugins_import_heavy_libraries_only_inside_methods() -> None:
    libraries = NEVER_LIGHT | ONLY_WHERE_USED
    assert offences(TASKS + ADAPTERS, libraries, deferred_too=False) == []
    assert offences(TASKS, NEVER_LIGHT, deferred_too=True) == []


def test_the_core_knows_no_task_and_no_adapter() -> None:
    assert offences(CORE, {"medcot_tasks", "medcot_adapters"}, deferred_too=True) == []


def test_tasks_and_adapters_do_not_know_each_other() -> None:
    assert offences(TASKS, {"medcot_adapters"}, deferred_too=True) == []
    assert offences(ADAPTERS, {"medcot_tasks"}, deferred_too=True) == []


def test_nothing_imports_the_tests_or_the_benchmarks() -> None:
    assert offences(list(modules()), {"tests", "benchmarks"}, deferred_too=True) == []


def test_the_core_has_no_import_cycle() -> None:
    graph = {name: {f.module for f in imports(name) if not f.deferred} & set(CORE) for name in CORE}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


# --- what really happens ---

PRINT_LOADED = f"""
import sys
print("loaded:", sorted({{name.partition(".")[0] for name in sys.modules}} & {NOT_LOADED!r}))
"""


def loaded_by(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code + PRINT_LOADED],
        capture_output=True,
        text=True,
        timeout=120,
        env={key: value for key, value in os.environ.items() if not key.startswith("COV")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def main(*arguments: str) -> str:
    return f"""
from medcot_bench.cli import main
try:
    assert main({list(arguments)!r}) == 0
except SystemExit as end:
    assert end.code == 0
"""


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import medcot_bench") == "loaded: []"


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import scipy") == "loaded: ['scipy']"


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("list",), ("show", "lora")])
def test_a_command_that_only_tells_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(main(*arguments)) == "loaded: []"


def test_planning_loads_nothing_heavy_but_quantiles(tiny_model: Path, examples: Path, tmp_path: Path) -> None:
    arguments = ["plan", "--tasks", "medqa_cot,k8s_qa", "--eval-tasks", "manuals_qa", "--model", str(tiny_model)]
    arguments += ["--adapters", "none,full,lora,layer_lora:k=1,qlora", "-o", str(tmp_path / "out")]
    for task in ("medqa_cot", "k8s_qa", "manuals_qa"):
        arguments += ["--data", f"{task}=file:{examples / task}.jsonl"]
    # Of scipy its special functions, a fraction of a second; not its statistics.
    no_statistics = main(*arguments) + "import sys\nassert 'scipy.stats' not in sys.modules\n"
    assert loaded_by(no_statistics) == "loaded: ['scipy']"
