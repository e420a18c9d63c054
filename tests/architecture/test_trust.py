"""Transformers is never left to ask whether a folder's own code may run: each call that could says no."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house import House

HOUSE = House.read()
LOADERS = {"from_pretrained", "from_config"}


def trusting(house: House) -> Iterator[str]:
    """Yield where an Auto class loads something without `trust_remote_code=False`."""
    for module, code in house.code.items():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOADERS:
                given = {argument.arg: ast.unparse(argument.value) for argument in node.keywords}
                if ast.unparse(node.func.value).startswith("Auto") and given.get("trust_remote_code") != "False":
                    yield f"{module}:{node.lineno}"


def test_no_folder_is_trusted_with_code() -> None:
    assert [*trusting(HOUSE)] == []
    line = "model = AutoModel.from_pretrained('folder')"
    assert [*trusting(HOUSE.with_line("medcot_bench.models.load", line))]
