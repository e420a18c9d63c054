"""Text as the checks compare it: case, punctuation and spacing do not count."""

from __future__ import annotations

import re
import unicodedata


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, marks and digits of any script, case-folded.

    >>> words("kubectl get pods -n A, NFKC: ﬁ")
    ['kubectl', 'get', 'pods', 'n', 'a', 'nfkc', 'fi']
    """
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def normalise(text: str) -> str:
    """Return the words of a text joined by single spaces."""
    return " ".join(words(text))
