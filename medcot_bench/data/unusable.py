"""Rows that no model of text can be trained on as they are: answers marked as bad, images, sounds, videos."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from medcot_bench.data.chats import is_empty
from medcot_bench.data.formats import parse_nested
from medcot_bench.errors import DataError

JUDGED = ("label", "kto_tag")
"""Columns of preference data (KTO) whose `false` marks an answer as a bad one."""
MEDIA = ("images", "image", "videos", "video", "audios", "audio", "image_url", "pixel_values")
"""Columns of images, videos and sounds."""
ENCODED = 100
"""Characters from which a string without spaces is bytes in base64."""
_FILE = re.compile(
    r"(?:data:|https?://).*|.*\.(?:png|jpe?g|gif|webp|bmp|tiff?|mp4|mov|avi|mkv|wav|mp3|flac|ogg)", re.I
)


def find_suspects(unused: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that may make a row unusable, of those that are not read as a field."""
    return tuple(column for column in unused if column.casefold() in (*JUDGED, *MEDIA))


def refuse_unusable(where: str, row: Mapping[str, Any], suspects: Iterable[str]) -> None:
    """Raise DataError for a row whose answer is marked as bad, or that has an image, a sound or a video."""
    for column in suspects:
        value = row.get(column)
        name = column.casefold()
        if name in JUDGED and (value is False or (isinstance(value, str) and value.strip().lower() == "false")):
            raise DataError(
                f"{where}: '{column}' is false: its answer is marked as a bad one, and training would teach it; "
                "leave such rows out, or rename the column if it means something else"
            )
        if name in MEDIA and _is_media(parse_nested(value)):
            raise DataError(
                f"{where}: '{column}' can't be used: models read text only; leave such rows out, or remove the "
                "column"
            )


def _is_media(value: Any) -> bool:
    """Return whether a cell holds files or bytes; a name such as that of a container image is text."""
    if isinstance(value, str):
        text = value.strip()
        return bool(_FILE.fullmatch(text)) or (len(text) >= ENCODED and text.isascii() and " " not in text)
    return isinstance(value, list | dict | bytes) and bool(value) and not is_empty(value)
