"""The imports of all files, read from their syntax trees; a house to which violations can be added."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {"medcot_bench": ROOT, "medcot_tasks": ROOT / "tasks", "medcot_adapters": ROOT / "adapters"}
CORE, PLUGINS = "medcot_bench", ("medcot_tasks", "medcot_adapters")


@dataclass(frozen=True)
class Import:
    module: str  # for `from a import b` it is `a.b` where that is a module, else `a`
    name: str  # what is taken out of it, empty for the module itself
    deferred: bool  # inside a function or for types only, so that it does not happen at once
    line: int


@dataclass(frozen=True)
class House:
    code: Mapping[str, str]
    """Module -> its code; a package goes by `package.__init__`."""

    @classmethod
    def read(cls) -> House:
        return cls(
            {
                ".".join(path.relative_to(source).with_suffix("").parts): path.read_text(encoding="utf-8")
                for package, source in SOURCES.items()
                for path in sorted((source / package).rglob("*.py"))
            }
        )

    def with_line(self, module: str, line: str) -> House:
        """The same house with a line more at the end of a module, or with a new module of that line."""
        return House({**self.code, module: f"{self.code.get(module, '')}\n{line}\n"})

    @cached_property
    def modules(self) -> frozenset[str]:
        return frozenset(plain(name) for name in self.code)

    @cached_property
    def imports(self) -> dict[str, tuple[Import, ...]]:
        """Module -> what it imports, under TYPE_CHECKING and in functions too."""
        return {plain(name): imports_of(code, self.modules) for name, code in self.code.items()}


@lru_cache(maxsize=1000)  # a house with another line has the other files as they are
def imports_of(code: str, modules: frozenset[str]) -> tuple[Import, ...]:
    return tuple(_walk([ast.parse(code)], modules, False))


def _walk(nodes: Iterable[ast.AST], modules: frozenset[str], deferred: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", deferred, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = f"{'.' * node.level}{node.module or ''}"
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                if inner in modules:
                    yield Import(inner, "", deferred, node.lineno)
                else:
                    yield Import(module, alias.name, deferred, node.lineno)
        else:
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            later |= isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            yield from _walk(ast.iter_child_nodes(node), modules, deferred or later)


def plain(name: str) -> str:
    return name.removesuffix(".__init__")


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def folder(module: str) -> str:
    """The folder of the core that a module lies in, empty in the root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else ""
