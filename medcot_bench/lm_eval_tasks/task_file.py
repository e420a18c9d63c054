"""A user's task file for lm-eval, read without importing it: its data, its code, its digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from glob import iglob
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from medcot_bench.errors import ConfigError, suggest
from medcot_bench.lm_eval_tasks.names import find_package, read_names
from medcot_bench.security.foreign_text import VALUE, shorten
from medcot_bench.security.yaml_files import YAML_ERRORS, BoundedLoader, explain_yaml, read_yaml

DATA_FORMATS = {"arrow", "csv", "json", "parquet", "text", "xml"}
"""Values of `dataset_path` that are a file format, not a data set."""
MOST_FILES = 10_000
"""Files of data that a task may refer to; each is read for its digest."""
PICKLES = "pandas"
"""The format whose files can contain code."""


class _Function(str):
    """What follows the tag `!function`: a name in a module."""


class _Loader(BoundedLoader):
    """Reads what lm-eval reads; functions stay names."""


def _function(loader: yaml.SafeLoader, node: yaml.Node) -> _Function:
    return _Function(node.value)


_Loader.add_constructor("!function", _function)


class TaskFile:
    """A file that defines a task or a group, and all files that it refers to.

    Raises ConfigError if it, or a file that it refers to, is missing or malformed.
    """

    def __init__(self, path: Path):
        self.path = path
        self.code = ""
        """The first place that would run the user's code; empty if there is none."""
        self.remote = False
        """Whether a data set may have to be downloaded."""
        self.packaged = False
        """Whether it contains tasks of lm-eval's own."""
        self._digests: dict[Path, str] = {}
        self._read: set[Path] = set()
        config = self._config(path)
        self.group = "group" in config
        self.name = str(config.get("group" if self.group else "task", ""))
        if not self.name:
            raise ConfigError(f"{path}: 'task' or 'group' is missing")
        if self.group:
            self._members(config, _beside(path), path, ())
        else:
            self._data(config, path)

    @property
    def digest(self) -> str:
        """SHA-256 of all files that it refers to, in their order."""
        return hashlib.sha256("".join(self._digests.values()).encode()).hexdigest()

    def _config(self, path: Path, including: tuple[Path, ...] = ()) -> dict[str, Any]:
        """Return the fields of a file, with those of the files that it includes."""
        if path.resolve() in including:
            raise ConfigError(f"{path}: it includes itself")
        own = _load(path)
        self._keep(path)
        if not path.resolve().is_relative_to(find_package().resolve()):
            found = next(_code(own), "")
            self.code = self.code or (found and f"{path}: {found}")
            if found:
                for module in sorted(path.parent.glob("*.py")):
                    self._keep(module)
        included = own.pop("include", [])
        config: dict[str, Any] = {}
        for name in included if isinstance(included, list) else [included]:
            config |= self._config(path.parent / str(name), (*including, path.resolve()))
        return config | own

    def _members(
        self, group: Mapping[str, Any], beside: Mapping[str, list[Path]], path: Path, around: tuple[str, ...]
    ) -> None:
        """Follow the tasks of a group: files in its folder, lm-eval's own, or defined inline.

        `around` are the groups that it lies in.
        """
        around = (*around, str(group["group"]))
        members = group.get("task", [])
        for member in members if isinstance(members, list) else [members]:
            config = member if isinstance(member, Mapping) else {}
            name = str(config.get("group", config.get("task")) if config else member)
            if name in around:
                raise ConfigError(f"{path}: group '{shorten(name)}': it includes itself")
            if name in beside:
                for file in beside[name]:
                    if file not in self._read:
                        self._read.add(file)
                        found = self._config(file)
                        if "group" in found:
                            self._members(found, beside, file, around)
                        else:
                            self._data(found, file)
            elif name in read_names():
                self.packaged = self.remote = True
            elif "group" in config:
                self._members(config, beside, path, around)
            elif "dataset_path" in config:
                self._data(config, path)
            else:
                near = suggest(name[:VALUE], [*beside, *read_names()])
                raise ConfigError(f"{path}: no task '{shorten(name)}' in this folder or of lm-eval{near}")

    def _data(self, config: Mapping[str, Any], path: Path) -> None:
        """Take note of a task's data: files, or a data set of the hub."""
        source, options = str(config.get("dataset_path", "")), config.get("dataset_kwargs") or {}
        if not isinstance(options, Mapping):
            raise ConfigError(f"{path}: dataset_kwargs: a mapping of fields, not a {type(options).__name__}")
        if source in DATA_FORMATS | {PICKLES}:
            for pattern in _patterns(options):
                if "://" in pattern:
                    self.remote = True
                    continue
                # Patterns may be absolute, which those of Path.glob may not.
                found = iglob(pattern, recursive=True)  # noqa: PTH207
                files = sorted(_few(path, pattern, map(Path, found)))
                if not files:
                    raise ConfigError(
                        f"{path}: data_files: no such file: {pattern} (paths start at the working directory)"
                    )
                for file in files:
                    if not (file.is_file() or file.is_dir()):  # a pipe or a device: reading it may not end
                        raise ConfigError(f"{path}: data_files: not a regular file: {file}")
                    self._keep(file)
        elif source and os.path.isdir(source):  # noqa: PTH112  (Path.is_dir raises for a name that is too long)
            for file in sorted(_few(path, source, Path(source).rglob("*"))):
                self._keep(file)
        else:
            self.remote = self.remote or bool(source)

    def _keep(self, path: Path) -> None:
        if path.is_file():
            try:
                with path.open("rb") as file:
                    self._digests[path.resolve()] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise ConfigError(f"{path}: {error.strerror}") from None


def _load(path: Path) -> dict[str, Any]:
    try:
        config = read_yaml(path, _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except YAML_ERRORS as error:
        raise ConfigError(f"{path}: {explain_yaml(error)}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{path}: a task file is a mapping of fields, not a {type(config).__name__}")
    return {str(key): value for key, value in config.items()}


def _beside(path: Path) -> dict[str, list[Path]]:
    """Return the task, group and tag names that the files of a folder define, as lm-eval finds them."""
    found: dict[str, list[Path]] = {}
    for file in sorted(path.parent.rglob("*.yaml")):
        try:
            config = _load(file)
        except ConfigError:
            continue  # as lm-eval does
        tags = config.get("tag", [])
        names = [config.get("group", config.get("task")), *(tags if isinstance(tags, list) else [tags])]
        for name in names:
            if isinstance(name, str):
                found.setdefault(name, []).append(file)
    return found


def _code(value: Any) -> Iterator[str]:
    """Yield the parts of a file that run code: functions, classes, unsafe metrics, data set scripts, pickles."""
    if isinstance(value, _Function):
        yield f"!function {value}"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if (key in ("unsafe_code", "trust_remote_code") and inner) or key == "class":
                yield str(key)
            if key == "dataset_path" and inner == PICKLES:
                yield f"dataset_path: {PICKLES}"
            yield from _code(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _code(inner)


def _few(path: Path, where: str, files: Iterable[Path]) -> list[Path]:
    """Return files of data. Raises ConfigError where they are so many that the folder is hardly meant."""
    found = [*islice(files, MOST_FILES + 1)]
    if len(found) > MOST_FILES:
        raise ConfigError(f"{path}: more than {MOST_FILES:,} files of data: {shorten(where)}")
    return found


def _patterns(options: Mapping[str, Any]) -> list[str]:
    """Return the paths and patterns of data files."""
    folder, given = options.get("data_dir"), options.get("data_files", [])
    by_split = given.values() if isinstance(given, Mapping) else [given]
    named = [str(one) for some in by_split for one in (some if isinstance(some, list) else [some])]
    if folder:
        return [str(Path(str(folder)) / name) for name in named or ["**"]]
    return named
