"""A task whose hook has a typing error in its name."""

from collections.abc import Mapping
from typing import Any

from medcot_bench import hookimpl


@hookimpl
def medcot_make_taks(name: str, options: Mapping[str, Any]) -> object:
    return object()
