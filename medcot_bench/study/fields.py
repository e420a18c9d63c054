"""What all sections of a study share: how they are checked, plugin names, and the error about a wrong field."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
)

from medcot_bench.errors import ConfigError, suggest_or_list
from medcot_bench.security.foreign_text import quote, shorten
from medcot_bench.study.spec_strings import Spec, parse_specs

_OTHER = (bool, int, float, date)
"""What YAML makes of `yes`, `42` and `2024-01-01`."""


class Section(BaseModel):
    """A part of a study file: frozen, and without fields that nothing reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _within_64_bits(cls, value: Any) -> Any:
        """Refuse what random generators and tensors have no room for."""
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and abs(number) >= 1 << 63:
                raise ValueError("a whole number must be below 2^63")
        return value


def read_names(value: Any) -> Any:
    """Return the names of a list or a string as specs; anything else is left to the field's type."""
    if any(isinstance(part, _OTHER) for part in (value if isinstance(value, list) else [value])):
        raise ValueError("Input should be a valid string")
    if not isinstance(value, str | list | tuple):
        return value
    try:
        if isinstance(value, str):
            return tuple(parse_specs(value))
        return tuple(parse_specs(str(part) if isinstance(part, Spec) else part for part in value))
    except (ConfigError, TypeError) as error:
        raise ValueError(str(error)) from None


_Name = Annotated[
    Spec,
    PlainValidator(lambda value: value if isinstance(value, Spec) else Spec.read(value)),
    PlainSerializer(str),
    WithJsonSchema({"type": "string"}),
]
Names = Annotated[tuple[_Name, ...], BeforeValidator(read_names)]
"""Plugin names with their options, parsed once here and handed on."""


def explain_unknown_field(field: str, section: type[BaseModel]) -> str:
    """Return the error line of a dotted field that a section does not have."""
    known = {name: info.description or "" for name, info in section.model_fields.items()}
    return f"{shorten(field)}: no such field{suggest_or_list(field.rpartition('.')[2], known)}"


def show_given(message: str, given: Any) -> str:
    """Return the end of the error line of a field: what was given, and how it stays a string in YAML.

    >>> show_given("Input should be a valid string", True), show_given("no such device", "gpu")
    (' (given: true; put it in quotes)', " (given: 'gpu')")
    """
    parts = given if isinstance(given, list) else [given]
    other = next((part for part in parts if isinstance(part, _OTHER)), None)
    if "valid string" in message and other is not None:
        return f" (given: {str(other).lower()}; put it in quotes)"
    return "" if isinstance(given, dict) else f" (given: {quote(given)})"
