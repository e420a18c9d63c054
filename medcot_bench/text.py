"""Text as the checks compare it, without case, punctuation and spacing; as it is scored and stored; and counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

_ASCII_WORDS = re.compile(r"\w+", re.ASCII)
# Thai, Lao, Myanmar, Khmer, kana, and the characters of Chinese: these scripts put no spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U00020000-\U0003ffff]"
)
_THINKS = r"(?:\w{1,20}:)?(?:think|thinking|thoughts?|reasoning)"
_OPENS, _CLOSES = (  # the others are those of Mistral, Kimi, Command and OpenThinker
    rf"(?:<{slash}{_THINKS}>|\[{slash}THINK\]|◁{slash}think▷|<\|{place}_(?:THINKING|of_thought)\|>)"
    for slash, place in (("", "(?:START|begin)"), ("/", "END"))
)
_OPENED, _CLOSED = (re.compile(tag, re.IGNORECASE) for tag in (_OPENS, _CLOSES))
_BLOCK = re.compile(f"{_OPENS}.*?{_CLOSES}", re.IGNORECASE | re.DOTALL)
_SIGN = r"""(?!\s)(?:
    [^LETTER\s.,;:!?。、،؟।"'`“”‘’«»„「」『』¿¡‐-]
    |[.,;:?。、،؟।](?![.,;:!?。、،؟।]{0,200}END)|(?<=[\d)])!|!(?![.,;:!?]{0,200}END)  # not where a word ends
    |(?<=[\w)\]])["'`“”‘’«»„「」『』](?!END|[.,;:!?。、]|(?<=[^\W\d_].)\w)|(?<=\d)["']  # not around words
    |(?<=\b\w)'(?:'{1,4}(?!\w)|(?=[ ][-+*/=]))  # y'' and y' + y
    |(?<![^\W\d_])[‐-]|[‐-](?!\w)  # not within words
    |[¿¡](?!\w)
)""".replace("END", "(?:[\\s)\\]}\"'`”’»」』]|$)")
"""What counts of a question beside its words. A `!` after a number does: 5! is 120."""
_SAME = str.maketrans(
    {"\u2212": "-", "\ufe0e": "", "\ufe0f": ""} | {p: f"^{n}" for n, p in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
)
_QUOTED = re.compile(r"""(?<!\w)(["'])([^"']+)\1(?!\w)""")
"""Unlike the inches and feet of 5" and 5', these quotes say nothing."""
_ASCII_SIGNS = bytes(code for code in range(128) if not re.match(r"\w", chr(code)))
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


def tokens(text: str) -> list[str]:
    """Return the words of a text; characters of scripts without spaces are words of their own.

    >>> tokens("Über 3 Pods: 再起動")
    ['über', '3', 'pods', '再', '起', '動']
    """
    return [token for word in words(text) for token in space_out(word).split()]


def space_out(text: str) -> str:
    """Return a text with spaces around every character of the scripts that have none between words."""
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def normalise(text: str) -> str:
    """Return the words of a text joined by single spaces."""
    return " ".join(words(text))


def without_thinking(text: str) -> str:
    """Return a text without its thinking blocks: also one that began in the prompt, or that comes to no end.

    >>> [without_thinking(text) for text in ("<think>2 + 2</think>4", "2 + 2</think>4", "4<think>or 5?")]
    ['4', '4', '4']
    """
    *_, end = (0, *(found.end() for found in _CLOSED.finditer(text)))
    before = _CLOSED.split(_BLOCK.sub("", text[:end]))[-1]
    return before + _OPENED.split(text[end:], maxsplit=1)[0]


def identify(text: str) -> str:
    """Return what a question is known by: its words and signs, joined by single spaces.

    Operators, emoji and all other signs count. Case, spacing, quotes, punctuation at the end of words and hyphens
    within them do not, unless the text has no word at all.

    >>> identify('What is "2 + 2"?'), identify("What is 2 - 2"), identify(">="), identify("E-mail, please")
    ('what is 2 + 2', 'what is 2 - 2', '> =', 'e mail please')
    """
    if '"' in text or "'" in text:
        text = _QUOTED.sub(r"\2", text)
    if text.isascii():
        text, pattern = text.lower(), _tokens("")
    else:
        text = unicodedata.normalize("NFKC", text.translate(_SAME)).casefold()
        pattern = _tokens(_marks())
    return " ".join(pattern.findall(text) if any(map(str.isalnum, text)) else "".join(text.split()))


def letters(text: str) -> bytes:
    """Return the letters, marks and digits of what a question is known by (`identify`), without spaces and signs.

    Questions that are known by the same have the same letters, and for most texts these are found much sooner.

    >>> letters("2 + 2 = ?") == letters("2 - 2 = ?"), letters("E-mail, please")
    (True, b'emailplease')
    """
    known = text.lower() if text.isascii() else identify(text)
    return known.encode(errors="surrogatepass").translate(None, _ASCII_SIGNS)


def stands_alone(character: str) -> bool:
    """Return whether a character is of a script without spaces, and a word of its own.

    >>> stands_alone("再"), stands_alone("e")
    (True, False)
    """
    return _UNSPACED.fullmatch(character) is not None


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


def runs(text: str) -> Iterator[int]:
    """Yield the hashes of every run of 13 words in a text, within this process.

    13 is the length that GPT-3's and later decontaminations use.
    """
    found = words(text)
    if len(found) < RUN:
        return iter(())
    return map(hash, zip(*(found[start:] for start in range(RUN)), strict=False))


@cache
def _tokens(marks: str) -> re.Pattern[str]:
    """Return the pattern of words and signs; `marks` are letters too."""
    letter = rf"\w{marks}"
    return re.compile(f"[{letter}]+|{_SIGN.replace('LETTER', letter)}", re.VERBOSE | (0 if marks else re.ASCII))


@cache
def _marks() -> str:
    """Return all combining marks."""
    return "".join(mark for mark in map(chr, range(0x300, 0x20000)) if unicodedata.category(mark).startswith("M"))


def _in_word(character: str) -> bool:
    # Unlike \w, with combining marks: vowel signs are letters to the scripts that have them.
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
