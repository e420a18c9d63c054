"""Short text answers: how they are written on one line, and scored by token F1 and equality."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from medcot_bench.data.text import words

SCORES = ("answer", "exact")

# A letter that has upper and lower case makes a digit after it part of a code (E32, v2); others (CJK) do not.
_CODE = r"(?<![^\W\u0590-\U0010ffff])"
_COUNT = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)*"
_NUMBER = re.compile(
    # A minus stands where a word could begin: not after the E of E-05, nor after the 10 or the % of a range.
    r"(?P<sign>(?<![^\s(\[{<>=≤≥≈~:;,/|\"'`$€£])[-+])?"
    rf"{_CODE}(?P<v>v(?=\d+\.\d))?(?P<digits>{_COUNT}(?:[:/]{_COUNT})*|(?<!\.)\.\d+)"
)
_ARTICLE = re.compile(r"(?<![^ (\"'`])(?<!\d )(?:an?|the) (?=\S)")  # not the A of "4 A fuse", nor that of "plan A"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[^\W\d]|[%°])")
_BESIDE_DIGIT = re.compile(r"(?<=\d)(?=[¹²³⁰⁴-⁹₀-₉¼-¾⅐-⅞])")
_SAME = str.maketrans({**dict.fromkeys("−–‐‑‒", "-"), **dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’", "'")})


@dataclass(frozen=True, slots=True)
class _Number:
    start: int
    end: int
    written: str
    """As it counts in equality: its value where it stands alone, its digits in a name (`nginx:1.20`)."""
    value: str


def score_text(reference: str, completion: str) -> dict[str, float | None]:
    """Return token F1 as `answer` and equality as `exact`; None where nothing was written.

    >>> score_text("30 minutes", "30 Minutes.")
    {'answer': 1.0, 'exact': 1.0}
    >>> score_text("30 minutes", "40 minutes")
    {'answer': 0.0, 'exact': 0.0}
    """
    if not completion.strip():
        return dict.fromkeys(SCORES)
    return {"answer": token_f1(reference, completion), "exact": float(equal(reference, completion))}


def one_line(text: str) -> str:
    """Return the text with every run of whitespace as one space."""
    return " ".join(text.split())


def equal(reference: str, answer: str) -> bool:
    """Return whether two answers are the same, sign for sign and symbol for symbol.

    These do not count: case; whitespace around the answer, how much of it there is, and whether there is any
    between a number and its unit; `a`, `an` and `the` before a word; one of `. , ; : ! ?` at the end; quotes
    or backticks around the whole; how a number that stands alone is written (`1,250` is `1250`, `3.0` is `3`).
    Everything else counts: minus, `%`, `°`, a hyphen, a slash, a comma inside, and the digits of names.

    >>> equal("-5 °C", "-5°c."), equal("-5 °C", "5 °C"), equal("17%", "17"), equal("web-1", "web 1")
    (True, False, False, False)
    """
    return _key(reference) == _key(answer)


def token_f1(reference: str, answer: str) -> float:
    """Return the F1 of shared tokens, as SQuAD counts it (Rajpurkar et al. 2016, arXiv 1606.05250).

    Case, punctuation and English articles do not count; tokens are words of any script, and numbers. Where the
    reference holds numbers and the answer has none of them, the F1 is 0, as DROP has it (Dua et al. 2019, arXiv
    1903.00161). Numbers are compared by value and sign; a version, a time or a fraction (`1.20.3`, `02:10`,
    `3/4`) is one number, and a code such as `E32` is a word.

    >>> round(token_f1("It restarts the Pod.", "the pod restarts"), 3)
    0.8
    >>> token_f1("1,250 kPa", "1250.0 kPa"), token_f1("5 °C", "-5 °C"), token_f1("30 minutes", "30 hours")
    (1.0, 0.0, 0.5)
    """
    gold, numbers = _tokens(reference)
    given, others = _tokens(answer)
    if not gold:
        return float(equal(reference, answer))
    if numbers and not numbers & others:
        return 0.0
    shared = sum((Counter(gold) & Counter(given)).values())
    return 2 * shared / (len(gold) + len(given))


def _tokens(text: str) -> tuple[list[str], set[str]]:
    """Return the words and numbers of a text in their order, and the values of its numbers."""
    text = _folded(text)
    tokens: list[str] = []
    values = set()
    end = 0
    for number in _numbers(text):
        tokens += [*words(text[end : number.start]), number.written]
        values.add(number.value)
        end = number.end
    return tokens + words(text[end:]), values


def _key(text: str) -> str:
    text = _bare(_folded(text))
    parts = []
    end = 0
    for number in _numbers(text):
        parts += [text[end : number.start], number.written]
        end = number.end
    return _BEFORE_UNIT.sub("", "".join(parts) + text[end:])


def _folded(text: str) -> str:
    """Return the text with one form of each character, space, hyphen and quote, and without articles."""
    # Else NFKC would make 52 of a five squared.
    text = unicodedata.normalize("NFKC", _BESIDE_DIGIT.sub(" ", text))
    return _ARTICLE.sub("", one_line(text.casefold().translate(_SAME)))


def _bare(text: str) -> str:
    """Return the text without quotes around it and without final punctuation, unless nothing is left."""
    inner = text.rstrip(".,;:!?。… ") or text
    if len(inner) > 2 and inner[0] == inner[-1] and inner[0] in "\"'`":
        inner = inner[1:-1].strip() or inner
    return inner if inner == text else _bare(inner)


def _numbers(text: str) -> Iterator[_Number]:
    for found in _NUMBER.finditer(text):
        sign = "-" if found["sign"] == "-" else ""
        before = text[: found.start()].rpartition(" ")[2]
        named = found["v"] or any(letter.isalpha() and letter < "\u0590" for letter in before)
        value = _value(sign + found["digits"])
        yield _Number(*found.span(), found[0] if named else value, value)


def _value(digits: str) -> str:
    """Return one form of a number: `-5`, `1250`, `0.5`, a version as it stands, a time without zeros before it."""
    parts = re.split(r"([:/])", digits.replace(",", ""))
    return "".join(part if part in ":/" or part.count(".") > 1 else _plain(part) for part in parts)


def _plain(number: str) -> str:
    value = Decimal(number)
    return f"{value.normalize() if value else Decimal(0):f}"
