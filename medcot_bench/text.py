"""Text as the checks compare it, without case, punctuation and spacing; as files can hold it; and counts in it."""

from __future__ import annotations

import re
import unicodedata

_ASCII_WORDS = re.compile(r"\w+", re.ASCII)
RUN = 13
"""Words in a shared run that counts as overlap."""


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, marks and digits of any script, case-folded.

    >>> words("kubectl get pods -n A, NFKC: ﬁ")
    ['kubectl', 'get', 'pods', 'n', 'a', 'nfkc', 'fi']
    """
    if text.isascii():  # there is nothing to normalise
        return _ASCII_WORDS.findall(text.lower())
    text = unicodedata.normalize("NFKC", text).casefold()
    if text.isascii():
        return _ASCII_WORDS.findall(text)
    return "".join(character if _in_word(character) else " " for character in text).split()


def normalise(text: str) -> str:
    """Return the words of a text joined by single spaces."""
    return " ".join(words(text))


def encodable(text: str) -> str:
    """Return a text with half surrogate pairs, which no UTF-8 file can hold, written as escapes.

    >>> encodable("caf\\u00e9 \\ud83d")
    'café \\\\ud83d'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def counted(count: int, what: str, verbs: tuple[str, str] | None = None) -> str:
    """Write a number of things, and what one does or several do.

    >>> counted(1, "seed"), counted(2, "seed"), counted(1, "item", ("has", "have"))
    ('1 seed', '2 seeds', '1 item has')
    """
    written = f"{count} {what}" if count == 1 else f"{count} {what}s"
    return f"{written} {verbs[count != 1]}" if verbs else written


def runs(text: str) -> set[int]:
    """Return the hashes of every run of 13 words in a text, within this process.

    13 is the length that GPT-3's and later decontaminations use.
    """
    found = words(text)
    return set(map(hash, zip(*(found[start:] for start in range(RUN)), strict=False)))


def _in_word(character: str) -> bool:
    # Unlike \w, with combining marks: vowel signs are letters to the scripts that have them.
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
