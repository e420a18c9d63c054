"""The date in a chat template: templates that write today's date get one that is always the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from medcot_bench.base_model import hub_model
from medcot_bench.base_model.resolve import Base, find_converted_folder

DATE = date(2024, 7, 26)
"""The one that Llama's templates write where they can't ask for today's."""
_NAME = "strftime_now"
"""The function that templates ask for today's date."""
_FILES = ("tokenizer_config.json", "chat_template.jinja", "chat_template.json")
_DIRECTIVES = "aAbBcdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ"


def writes_date(base: Base) -> bool:
    """Return whether the chat template of a base model writes a date. Raises ModelError of a hub."""
    return any(_NAME in text for text in _template_texts(base))


def fix_date(template: str) -> str:
    """Return a chat template with the date that it writes.

    >>> fix_date("no date")
    'no date'
    """
    if _NAME not in template:
        return template
    written = {f"%{flag}{one}": DATE.strftime(f"%{flag}{one}") for flag in ("", "-") for one in _DIRECTIVES}
    replaced = "".join(f"|replace({what!r},{by!r})" for what, by in written.items())
    return f"{{%- macro {_NAME}(format) -%}}{{{{- format{replaced} -}}}}{{%- endmacro -%}}{template}"


def _template_texts(base: Base) -> Iterator[str]:
    folder = find_converted_folder(base.digest) if base.kind == "gguf" else base.path
    if folder is None:
        yield from map(_read, hub_model.fetch_files(base.name, base.revision, _FILES))
    elif base.kind == "gguf" and base.path is not None and not (folder / "config.json").is_file():
        from gguf import GGUFReader  # imports numpy; only needed until the file is converted

        reader = GGUFReader(base.path)
        yield from (str(field.contents()) for name, field in reader.fields.items() if "chat_template" in name)
    else:
        yield from (_read(folder / name) for name in _FILES if (folder / name).is_file())


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
