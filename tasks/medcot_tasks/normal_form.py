"""The normal form of an answer: what two answers are compared by. Its rules are the table of docs/scores.md.

All scores of texts go through here. Letters are read in `medical.medqa_cot`, numbers within a tolerance in
`medical.number`; ROUGE-L has the words of `medcot_bench.text.tokens`.
"""

from __future__ import annotations

import re
import unicodedata

from medcot_bench import space_out, words

_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛′", "'") | dict.fromkeys("“”„‟«»‹›「」『』〝〞〟", '"'))
_ONE_WAY = str.maketrans(dict.fromkeys("‐‒–−", "-") | {"⁄": "/", "٫": ".", "٬": ","})
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\ufeff]"
)
_POWER = re.compile(r"(?<=[\d)])[⁰¹²³⁴-⁹⁺⁻]+")
_OF_A_WORD = "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"
"""Raised and lowered digits; other numbers of one character, as ½ and ⑤, stand for themselves."""
_SPACED_THOUSANDS = re.compile("(?<![\\w.,])[1-9]\\d{0,2}(?:[\u00a0\u2009\u202f]\\d{3})+(?!\\d)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=\S)([^*]*[^*\s])\1(?![\w*])")
_ARTICLE = re.compile(r"(?<![\w'-])(?<!\d )(?<!\d[.:)] )(?:(?i:the|an)|a|(?<![^.] )A) (?=[\"'“‘«(`]*\w)")
"""A capital A within a sentence, as in hepatitis A virus, is none, nor is an `a` after a number or at the end."""
_BARE_POINT = re.compile(r"(?<![\w.])\.(?=\d)")
_SIGN = r"(?<![^\s(\[{<>=:,;~\"'|])[-+]"
"""The sign of a number stands first in its word: neither in 10-15 nor in E-05 or web-5."""
_NUMBER = re.compile(
    rf"(?:(?P<sign>{_SIGN})|(?<![\w.]))(?P<digits>\d+(?:[.,:/']\d+)*)"
    r"(?P<power>e[-+]?\d{1,3}(?!\w|\.\d))?(?![\d_])"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}([,'])\d{3}(?:\1\d{3})*(?:\.\d+)?")
_DECIMAL = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?")
_WITHIN = re.compile(rf"(?:{_SIGN})?\d+(?:[.,:/]\d+)*")
_WHOLE = re.compile(rf"(?:{_SIGN}|(?<![\w.]))\d+(?:\.\d+)?(?!\w|[.,:/']\d)")
_AT_UNIT = re.compile(r"(?<!\w)(\d+(?:\.\d+)?)(?=[^\W\d_])")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[^\W\d_]|[%°])")
_MARK = re.compile(r"""(?<=\d)(?:''|["'])(?![^\W\d_])""")
"""After a number, feet and minutes or inches and seconds, unless a quotation began before."""
_OPENING = {mark: re.compile(rf"(?<!\w)[{mark}`]") for mark in "\"'"}
_OUTER = "\"'` ¿¡"
_SYMBOLS = "*&@#\\‰‱′″"
"""Signs that Unicode counts among punctuation; the hyphen, the slash and % have rules of their own."""


def normal_form(text: str) -> str:
    """Return a text with one way to write each character and number, without articles and emphasis.

    >>> normal_form("From −5.00 °C to the １,２５０.50\u00a0°C, “v1.20”")
    'from -5 °c to 1250.5 °c, "v1.20"'
    """
    text = " ".join(_SPACED_THOUSANDS.sub(lambda found: re.sub(r"\s", "", found[0]), text).split())
    text = _ARTICLE.sub("", _EMPHASIS.sub(r"\2", text))
    text = text.casefold() if text.isascii() else " ".join(space_out(_unify(text)).split())
    return _write_marks(_NUMBER.sub(_write_number, _BARE_POINT.sub("0.", text)))


def comparable(text: str) -> str:
    """Return what equality compares: the normal form without outer quotes, final punctuation and a unit's space.

    Where nothing else is there, they count.

    >>> comparable('"30 Minutes."'), comparable("?")
    ('30minutes', '?')
    """
    text = normal_form(text)
    start, end = 0, len(text)
    while start < end and text[start] in _OUTER:
        start += 1
    while end > start and (text[end - 1] in _OUTER or _ends_a_sentence(text[end - 1])):
        end -= 1
    return _BEFORE_UNIT.sub("", text[start:end] or text)


def tokens(text: str) -> list[str]:
    """Return what token F1 compares: words, numbers and signs, in their order; punctuation is left out.

    A decimal number is two tokens, its whole part and itself.

    >>> tokens("The C++ price: $ -5.50 (up 3%)"), tokens("a >= b"), tokens("web-5 - A-")
    (['c', '++', 'price', '$', '-5', '-5.5', 'up', '3'], ['a', '>=', 'b'], ['web', '5', 'a', '-'])
    """
    text = _AT_UNIT.sub(r"\1 ", normal_form(text))
    found: list[str] = []
    done = 0
    for start, end in _numbers_and_signs(text):
        token = text[start:end]
        whole, point, _ = token.partition(".")
        found += [*words(text[done:start]), *([whole] if point else []), token]
        done = end
    return found + words(text[done:])


def is_sign(token: str) -> bool:
    """Return whether a token is neither a word nor a number."""
    return not words(token)


def numbers(text: str) -> set[float | str]:
    """Return the numbers of a text with their signs; versions, times and fractions such as 2/3 stay strings.

    >>> sorted(numbers("from -5 to 1,250.50 in E-05"))
    [-5.0, 5.0, 1250.5]
    """
    return {_to_float(found) for found in _WITHIN.findall(normal_form(text))}


def _to_float(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _unify(text: str) -> str:
    """Write each character in one way: compatible forms, digits, quotes, hyphens; leave out invisible ones."""
    text = _POWER.sub(r"^\g<0>", text)
    alone = {one for one in text if unicodedata.category(one) == "No" and one not in _OF_A_WORD}
    text = "".join(f" {one} " if one in alone else one for one in text)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(str(unicodedata.digit(one)) if unicodedata.category(one) == "Nd" else one for one in text)
    return _INVISIBLE.sub("", text.translate(_QUOTES).translate(_ONE_WAY))


def _write_number(found: re.Match[str]) -> str:
    """Write a number in the shortest way; codes, versions, times, fractions and lists stay as they are."""
    digits = found["digits"]
    if _THOUSANDS.fullmatch(digits):
        digits = re.sub("[,']", "", digits)
    if not _DECIMAL.fullmatch(digits):
        return found[0]
    whole, _, decimals = digits.partition(".")
    point = len(whole) + int((found["power"] or "e0")[1:])
    digits = whole + decimals
    digits, point = "0" * -point + digits, max(point, 0)
    whole, decimals = digits[:point].ljust(point, "0").lstrip("0"), digits[point:].rstrip("0")
    written = f"{whole or 0}.{decimals}".removesuffix(".")
    return f"-{written}" if found["sign"] == "-" and written != "0" else written


def _write_marks(text: str) -> str:
    """Write the marks of feet and inches as signs of their own.

    >>> _write_marks("6'2, '5'"), _write_marks("6''")
    ("6′2, '5'", '6″')
    """
    opened = {mark: found.start() for mark, opens in _OPENING.items() if (found := opens.search(text))}

    def write(found: re.Match[str]) -> str:
        if opened.get(found[0][0], len(text)) < found.start():
            return found[0]
        return "′" if found[0] == "'" else "″"

    return _MARK.sub(write, text)


def _ends_a_sentence(character: str) -> bool:
    return unicodedata.category(character) == "Po" and character not in f"{_SYMBOLS}/%"


def _numbers_and_signs(text: str) -> list[tuple[int, int]]:
    """Return where the numbers and the signs that count begin and end in a normal form, in order."""
    found = [match.span() for match in _WHOLE.finditer(text)]
    kinds = [_kind(character) for character in text]
    for start, end in found:
        kinds[start:end] = "w" * (end - start)
    for match in re.finditer(r"\d ?[%°]", text):
        kinds[match.end() - 1] = "w"  # a unit belongs to its number
    line = "".join(kinds)
    signs = (match.span() for match in re.finditer("[-/%s]+", line))
    return sorted([*found, *(_with_mark(text, *span) for span in signs if _counts(line, *span))])


def _kind(character: str) -> str:
    """Return w for a part of a word, s for a symbol, . for punctuation; a blank, hyphen, slash or % for itself."""
    if character in " -/":
        return character
    if character in "%°":
        return "%"
    category = unicodedata.category(character)
    if category[0] in "LNM" or character == "_":
        return "w"
    # Format characters join what emoji are made of.
    return "s" if (category[0] == "S" and character != "`") or category == "Cf" or character in _SYMBOLS else "."


def _counts(kinds: str, start: int, end: int) -> bool:
    """Return whether a run of signs counts: no hyphen or slash before a word's part, no dash between blanks."""
    run, before, after = set(kinds[start:end]), kinds[:start][-1:], kinds[end : end + 1]
    if run == {"-"}:
        return not (before == after == "w") and not {before, after} <= {"", " "}
    return run != {"/"} or after != "w"


def _with_mark(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a run of signs with the mark that belongs to it, in != and :=."""
    return start - (text[start] == "=" and start > 0 and text[start - 1] in "!:"), end
