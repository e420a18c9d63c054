"""Text as the checks compare it, without case, punctuation and spacing; and as files can hold it."""

from __future__ import annotations

import re
import unicodedata

RUN = 13
"""Words in a shared run that counts as overlap."""


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, marks and digits of any script, case-folded.

    >>> words("kubectl get pods -n A, NFKC: ﬁ")
    ['kubectl', 'get', 'pods', 'n', 'a', 'nfkc', 'fi']
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    if text.isascii():
        return re.findall(r"\w+", text)
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


def runs(text: str) -> set[int]:
    """Return the hashes of every run of 13 words in a text, within this process.

    13 is the length that GPT-3's and later decontaminations use.
    """
    found = words(text)
    return {hash(tuple(found[start : start + RUN])) for start in range(len(found) - RUN + 1)}


def _in_word(character: str) -> bool:
    # Unlike \w, with combining marks: vowel signs are letters to the scripts that have them.
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
