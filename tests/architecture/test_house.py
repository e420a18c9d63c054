"""The plan of the house: which folder may import which, what is heavy, and what plugins may ask for.

Each rule is a function that names what breaks it; a test plants a violation of each.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest
from house import CORE, PLUGINS, ROOT, House, folder, plain, within

import medcot_bench

HOUSE = House.read()
ROOT_FILES = {"__init__", "__main__", "api", "types", "interfaces", "errors", "text", "version"}
FACE = {"medcot_bench", "medcot_bench.api", "medcot_bench.__main__"}
"""Modules of the root that stand above the folders; the others of the root are the ground below them."""
GROUND = {"hub": set[str](), "security": set[str](), "stats": set[str]()}
MAY_IMPORT: dict[str, set[str]] = {
    **GROUND,
    "study": {"security"},
    "base_model": {"hub", "study"},
    "results": {"security", "stats", "study"},
    "plugins": {"results", "security", "study"},
    "analysis": {"results", "stats", "study"},
    "data": {"hub", "plugins", "security", "stats", "study"},
    "lm_eval_tasks": {"plugins", "security", "study"},
    "planning": {"base_model", "data", "lm_eval_tasks", "plugins", "results", "stats", "study"},
    "trained": {"base_model", "lm_eval_tasks", "planning", "plugins", "results", "study"},
    "runner": {"analysis", "planning", "plugins", "results", "security", "study"},
    "doctor": {"base_model", "plugins", "results", "runner", "security", "study"},
    "report": {"analysis", "planning", "plugins", "results", "security", "stats", "study"},
    "models": {"base_model", "plugins", "results", "security"},
    "training": {"data", "models", "planning", "plugins", "results"},
    "scoring": {"data", "hub", "lm_eval_tasks", "models", "planning", "plugins", "results", "security", "study"},
    "worker": {
        *("base_model", "hub", "models", "planning", "plugins", "results", "runner", "scoring", "security"),
        *("study", "trained", "training"),
    },
    "cli": {
        *("analysis", "data", "doctor", "planning", "plugins", "report", "results", "runner", "security", "study"),
        "trained",
    },
    "testing": {
        *("base_model", "data", "models", "plugins", "results", "stats", "study", "training"),
    },
}
"""Folder -> the folders that it may import. Every folder may import the ground of the root."""
HEAVY = {"models", "training", "scoring", "worker", "testing"}
HEAVY_LIBRARIES = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "lm_eval"}
SLOW_LIBRARIES = {"datasets", "evaluate", "pandas", "gguf", "huggingface_hub", "scipy", "numpy", "matplotlib"}
LM_EVAL = "medcot_bench.scoring.lm_eval"
"""The one module that imports lm-eval."""
UNMIRRORED = {"architecture", "helpers", "tasks", "adapters", "faults"}
"""Folders of tests/ that stand for no folder of the core."""


def core(house: House) -> list[str]:
    return [module for module in house.modules if within(module, CORE)]


def is_heavy(module: str) -> bool:
    return folder(module) in HEAVY or module in {f"{CORE}.{name}" for name in HEAVY}


def folder_of(module: str, house: House) -> str:
    """The folder of a module of the core; a package belongs to itself."""
    return module.split(".")[1] if f"{module}.__init__" in house.code and module != CORE else folder(module)


def cycles(house: House) -> Iterator[str]:
    graph = {m: {found.module for found in house.imports[m]} & house.modules - {m} for m in core(house)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " -> ".join(reversed(error.args[1]))


def wrong_floors(house: House) -> Iterator[str]:
    for module in core(house):
        own = folder_of(module, house)
        for found in house.imports[module]:
            other = folder_of(found.module, house) if within(found.module, CORE) else ""
            if other and own and other != own and other not in MAY_IMPORT[own]:
                yield f"{module}:{found.line} imports {found.module}"
            if own and found.module in FACE and not (found.module.endswith(".api") and own == "cli"):
                yield f"{module}:{found.line} imports the public face"
            if not own and other and module not in FACE and not found.deferred:
                yield f"{module}:{found.line} imports {found.module}, which stands above the root's ground"


def unused_permissions(house: House, may_import: Mapping[str, set[str]]) -> Iterator[str]:
    needed: dict[str, set[str]] = {}
    for module in core(house):
        own = folder_of(module, house)
        others = {folder_of(found.module, house) for found in house.imports[module] if within(found.module, CORE)}
        needed.setdefault(own, set()).update(others - {own, ""})
    for own, others in may_import.items():
        yield from (f"{own} may import {other}, and does not" for other in sorted(others - needed.get(own, set())))


def folders_without_a_place(house: House) -> Iterator[str]:
    for module in core(house):
        if (own := folder_of(module, house)) and own not in MAY_IMPORT:
            yield f"{own}: which folders may it import?"


def heavy_on_the_light_floor(house: House) -> Iterator[str]:
    for module in core(house):
        for found in () if is_heavy(module) else house.imports[module]:
            if is_heavy(found.module) or found.module.partition(".")[0] in HEAVY_LIBRARIES:
                yield f"{module}:{found.line} imports {found.module}"
            if found.module.partition(".")[0] in SLOW_LIBRARIES and not found.deferred:
                yield f"{module}:{found.line} imports {found.module} before it is used"


def core_knows_plugins(house: House) -> Iterator[str]:
    for module in core(house):
        for found in house.imports[module]:
            if found.module.partition(".")[0] in {*PLUGINS, "tests", "benchmarks"}:
                yield f"{module}:{found.line} imports {found.module}"


def private_doors(house: House) -> Iterator[str]:
    for module, imports in house.imports.items():
        own = module.partition(".")[0]
        for found in imports if own in PLUGINS else ():
            other = found.module.partition(".")[0]
            if other in PLUGINS and other != own:
                yield f"{module}:{found.line} imports {found.module}"
            if within(found.module, CORE) and (found.module != CORE or found.name not in medcot_bench.__all__):
                yield f"{module}:{found.line} imports {found.module} {found.name}, which is not public"


def heavy_plugins(house: House) -> Iterator[str]:
    for module, imports in house.imports.items():
        own = module.partition(".")[0]
        for found in imports if own in PLUGINS else ():
            library = found.module.partition(".")[0]
            if library in HEAVY_LIBRARIES | SLOW_LIBRARIES and not found.deferred:
                yield f"{module}:{found.line} imports {library} before it is used"
            if own == "medcot_tasks" and library in HEAVY_LIBRARIES:
                yield f"{module}:{found.line} imports {library}"


def rooms_in_the_root(house: House) -> Iterator[str]:
    for name in house.code:
        package, _, rest = name.partition(".")
        if package == CORE and "." not in rest and rest not in ROOT_FILES:
            yield f"{name} lies in the root"


def folders_without_a_sentence(house: House) -> Iterator[str]:
    for name, code in house.code.items():
        if name.startswith(f"{CORE}.") and name.endswith(".__init__"):
            said = ast.get_docstring(ast.parse(code)) or ""
            if not said or "\n" in said:
                yield f"{plain(name)}: say in one line what it is for"


def other_doors_to_lm_eval(house: House) -> Iterator[str]:
    for module in house.modules:
        for found in house.imports[module] if module != LM_EVAL else ():
            if found.module.partition(".")[0] == "lm_eval":
                yield f"{module}:{found.line} imports {found.module}; take it from {LM_EVAL}"


def relative_imports(house: House) -> Iterator[str]:
    for module, imports in house.imports.items():
        yield from (f"{module}:{found.line}" for found in imports if found.module.startswith("."))


Rule = Callable[[House], Iterator[str]]
PLANTED: dict[Rule, tuple[str, str]] = {
    cycles: ("medcot_bench.errors", "from medcot_bench.study.schema import Study"),
    wrong_floors: ("medcot_bench.study.schema", "from medcot_bench.data.rows import read_own"),
    folders_without_a_place: ("medcot_bench.attic.box", "import json"),
    heavy_on_the_light_floor: ("medcot_bench.planning.build", "def f():\n    import torch"),
    core_knows_plugins: ("medcot_bench.planning.build", "from medcot_tasks import own"),
    private_doors: ("medcot_tasks.own", "from medcot_bench.study.schema import Study"),
    heavy_plugins: ("medcot_adapters.lora", "import peft"),
    rooms_in_the_root: ("medcot_bench.questions", "import json"),
    folders_without_a_sentence: ("medcot_bench.attic.__init__", ""),
    other_doors_to_lm_eval: ("medcot_bench.scoring.evaluate", "from lm_eval.evaluator import evaluate"),
    relative_imports: ("medcot_bench.planning.build", "from . import plan"),
}


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule) -> None:
    assert [*rule(HOUSE)] == []


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_a_violation_is_found(rule: Rule) -> None:
    assert [*rule(HOUSE.with_line(*PLANTED[rule]))]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("medcot_bench.errors", "if TYPE_CHECKING:\n    from medcot_bench.study.schema import Study"),
        ("medcot_bench.errors", "def f():\n    from medcot_bench.study.schema import Study"),
    ],
)
def test_a_cycle_is_found_where_it_is_for_types_or_put_off(module: str, line: str) -> None:
    assert [*cycles(HOUSE.with_line(module, line))]


def test_no_folder_may_import_what_it_does_not() -> None:
    assert [*unused_permissions(HOUSE, MAY_IMPORT)] == []
    assert [*unused_permissions(HOUSE, {"hub": {"report"}})] == ["hub may import report, and does not"]


def test_the_ground_of_the_root_stands_below_the_folders() -> None:
    assert [*wrong_floors(HOUSE.with_line("medcot_bench.version", "from medcot_bench.stats.power import largest"))]


@pytest.mark.parametrize("library", ["torch", "scipy"])
def test_a_slow_library_at_the_top_of_a_light_module_is_found(library: str) -> None:
    assert [*heavy_on_the_light_floor(HOUSE.with_line("medcot_bench.analysis.build", f"import {library}"))]


def test_tasks_and_adapters_do_not_know_each_other() -> None:
    assert [*private_doors(HOUSE.with_line("medcot_tasks.own", "import medcot_adapters.lora"))]


def test_each_folder_may_import_only_what_stands_below_it() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()
    assert all(others <= MAY_IMPORT.keys() for others in MAY_IMPORT.values())


def test_each_folder_of_the_core_has_its_tests_and_no_other_folder_has() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == UNMIRRORED | MAY_IMPORT.keys()


def test_tests_lie_in_the_folder_of_their_subject() -> None:
    loose = {path.name for path in (ROOT / "tests").glob("test_*.py")}
    assert loose == {"test_api.py", "test_packaging.py", "test_readme.py", "test_words.py"}
