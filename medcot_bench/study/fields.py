"""What all sections of a study share: how they are checked, plugin names, and the error about a wrong field."""

from __future__ import annotations

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

from medcot_bench.errors import ConfigError, suggest
from medcot_bench.security.foreign_text import shorten
from medcot_bench.study.spec_strings import Spec, parse_specs


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
    known = section.model_fields
    return f"{shorten(field)}: no such field{suggest(field.rpartition('.')[2], known)}; fields: {', '.join(known)}"
