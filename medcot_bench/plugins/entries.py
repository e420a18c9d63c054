"""One plugin of an installation, and whom to blame where one of its functions fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from medcot_bench.errors import MedcotError, PluginError, describe_error, is_from_user
from medcot_bench.plugins.activity import ACTIVITY

Kind = Literal["task", "adapter", "selector", "engine", "exporter", "plugin"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One entry point: the name typed, the module behind it, and the distribution it comes from."""

    kind: Kind
    name: str
    module: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}' ({self.distribution} {self.version})"


@contextmanager
def blame(entry: PluginEntry, action: str) -> Iterator[None]:
    """Turn an unexpected exception inside into a PluginError that names the plugin and what it was doing."""
    try:
        with ACTIVITY.at(f"{entry} in {action}"):
            yield
    except MedcotError:
        raise
    except MemoryError as error:
        raise (error if str(error) else MemoryError(f"{entry} in {action}")) from error.__cause__
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if is_from_user(error) or type(error).__name__ == "OutOfMemoryError":  # torch's; not imported here
            raise
        raise PluginError(f"{entry} failed in {action}: {describe_error(error)}") from error
