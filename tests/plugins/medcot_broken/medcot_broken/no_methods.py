"""A task that is only half of one."""

from collections.abc import Mapping
from typing import Any

from medcot_bench import Example, Form, TaskSpec, hookimpl


class Half:
    spec = TaskSpec(name="no_methods", version=1, domain="none", form=Form("none", "text"), licence="Apache-2.0")

    def prompt(self, example: Example, template: str) -> str:
        return example.question


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> Half:
    return Half()
