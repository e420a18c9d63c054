"""What a plugin says of itself, read from its file: nothing is imported."""

from __future__ import annotations

import ast
import tokenize
from importlib.util import find_spec
from pathlib import Path

from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.security.regular_files import check_regular


def describe(entry: PluginEntry) -> str:
    """Return the first paragraph of the docstring of a plugin's module, empty where it can't be read."""
    try:
        path = _find(entry.module)
        first = "" if path is None else _docstring(path).strip().split("\n\n")[0]
    except (OSError, SyntaxError, ValueError, ImportError, tokenize.TokenError):
        return ""
    return shorten(" ".join(first.split()), LINE)


def _find(module: str) -> Path | None:
    """Return the file of a module, found from its top package, which `find_spec` does not import."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.has_location and spec.origin else None
    places = [Path(folder, *rest) for folder in spec.submodule_search_locations or ()]
    files = [file for place in places for file in (place / "__init__.py", place.with_name(f"{rest[-1]}.py"))]
    return next((file for file in files if file.is_file()), None)


def _docstring(path: Path) -> str:
    check_regular(path)
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.STRING:
                text = ast.literal_eval(token.string)
                return text if isinstance(text, str) else ""
            if token.type not in (tokenize.COMMENT, tokenize.NL):
                break
    return ""
