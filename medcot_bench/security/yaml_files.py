"""YAML that a user wrote, read within bounds: anchors that multiply, and keys given twice, are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.security.regular_files import read_regular

YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)
"""What reading raises. PyYAML itself also raises the last two, for impossible dates and for deep nesting."""
NODES = 100_000
"""Most values of a file, those of an anchor counted wherever it is referred to."""
DIGITS = 100
"""Most characters of a number."""
BYTES = 1_000_000
"""Most bytes of a file."""


class OutOfBounds(yaml.YAMLError):
    """Something is YAML, and is refused."""

    def __init__(self, problem: str, place: Any):
        super().__init__(f"line {place.line + 1}: {problem}")


class BoundedLoader(yaml.SafeLoader):
    """Reads what `yaml.safe_load` reads, and refuses anchors that refer to themselves or multiply."""

    def __init__(self, stream: Any):
        super().__init__(stream)
        self._nodes = 0
        self._sizes: dict[str, int] = {}
        """Anchor -> number of values in it."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, and count it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._nodes
        anchor: Any = event.anchor if isinstance(event, yaml.NodeEvent) else None
        refers = isinstance(event, yaml.AliasEvent)
        if refers:
            if anchor in self.anchors and anchor not in self._sizes:
                raise OutOfBounds(f"the anchor '{shorten(anchor)}' refers to itself", event.start_mark)
            self._nodes += self._sizes.get(anchor, 0)
        self._nodes += 1
        if self._nodes > NODES:
            raise OutOfBounds(f"more than {NODES:,} values, those of anchors included", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        if anchor is not None and not refers:
            self._sizes[anchor] = self._nodes - before
        return node

    def construct_scalar(self, node: yaml.Node) -> Any:
        """Return a text, the escapes of a surrogate pair, as JSON writes them, as one character."""
        value = super().construct_scalar(node)  # type: ignore[arg-type]  # a node of any kind, as in PyYAML
        try:
            value.encode()
        except UnicodeEncodeError:
            try:
                return value.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                problem = "half a surrogate pair, which is not a character"
                raise OutOfBounds(problem, node.start_mark) from None
        return value

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number of at most 64 bits: larger ones are no setting of anything."""
        # The length first: numbers in base 60, `1:30:00`, take PyYAML a time that is quadratic in it.
        if len(node.value) > DIGITS or abs(number := super().construct_yaml_int(node)) >= 1 << 63:
            raise OutOfBounds("a whole number of more than 64 bits", node.start_mark)
        return number

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Return a number."""
        if len(node.value) > DIGITS:
            raise OutOfBounds(f"a number of more than {DIGITS} characters", node.start_mark)
        return super().construct_yaml_float(node)


BoundedLoader.add_constructor("tag:yaml.org,2002:int", BoundedLoader.construct_yaml_int)
BoundedLoader.add_constructor("tag:yaml.org,2002:float", BoundedLoader.construct_yaml_float)


class StrictLoader(BoundedLoader):
    """Reads likewise, and refuses a key that is given twice in one mapping."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping, and look at its keys."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise OutOfBounds(f"the key '{shorten(key.value)}' is given twice", key.start_mark)
                seen.add((key.tag, key.value))
        return node


def read_yaml(path: Path, loader: type[BoundedLoader] = StrictLoader) -> Any:
    """Return what a YAML file in UTF-8 says. Raises OSError, also for what is no file, or one of YAML_ERRORS."""
    return load_yaml(read_regular(path, BYTES).decode("utf-8"), loader)


def load_yaml(text: str, loader: type[BoundedLoader] = StrictLoader) -> Any:
    """Return what a YAML text says. Raises one of YAML_ERRORS."""
    return yaml.load(text, loader)


def explain_yaml(error: BaseException) -> str:
    """Return what is wrong with a YAML text, in one line.

    >>> try:
    ...     load_yaml("a: 1\\na: 2")
    ... except YAML_ERRORS as error:
    ...     print(explain_yaml(error))
    line 2: the key 'a' is given twice
    """
    if isinstance(error, OutOfBounds):
        return str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"not YAML: {shorten(str(error), LINE)}"
