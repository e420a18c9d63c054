"""Arithmetic as a model writes it: evaluated without `eval`, and never an exception."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*(?:(\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)|([a-z]+)|([-+*/^(),×·÷−]))", re.IGNORECASE | re.ASCII)
_SAME = {"×": "*", "·": "*", "÷": "/", "−": "-"}
_FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "ln": (1, math.log),
    "sqrt": (1, math.sqrt),
    "cbrt": (1, math.cbrt),
    "min": (2, min),
    "max": (2, max),
}
_LONGEST = 200
_LARGEST = 1e12


def evaluate(expression: str) -> float | None:
    """Return the value of an expression, None where it is none, has no value, or is out of all proportion.

    Numbers, + - * / ^ (also × · ÷ −), parentheses, ln, sqrt, cbrt, min(a, b) and max(a, b).

    >>> evaluate("(120 + 2*80)/3")
    93.33333333333333
    >>> evaluate("1/0") is None
    True
    """
    if len(expression) > _LONGEST:
        return None
    try:
        parser = _Parser(_tokens(expression))
        value = parser.sum()
        parser.end()
    except (ValueError, ArithmeticError):
        return None
    return value if math.isfinite(value) and abs(value) <= _LARGEST else None


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise ValueError(f"no arithmetic at {position}")
        token = match[1] or match[2] or match[3]
        tokens.append(_SAME.get(token, token.lower()))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent, a method a level of precedence; the right operand of ^ may carry a sign."""

    def __init__(self, tokens: list[str]):
        self._tokens = tokens
        self._depth = 0

    def end(self) -> None:
        if self._tokens:
            raise ValueError(f"'{self._tokens[0]}' is left over")

    def sum(self) -> float:
        self._depth += 1
        if self._depth > 20:
            raise ValueError("nested too deeply")
        value = self._product()
        while operator := self._take("+", "-"):
            other = self._product()
            value = value + other if operator == "+" else value - other
        self._depth -= 1
        return value

    def _product(self) -> float:
        value = self._signed()
        while operator := self._take("*", "/"):
            other = self._signed()
            value = value * other if operator == "*" else value / other
        return value

    def _signed(self) -> float:
        sign = 1.0
        while operator := self._take("+", "-"):
            sign = -sign if operator == "-" else sign
        return sign * self._power()

    def _power(self) -> float:
        value = self._atom()
        if not self._take("^"):
            return value
        sign = -1.0 if self._take("-") else 1.0
        return math.pow(value, sign * self._power())

    def _atom(self) -> float:
        if self._take("("):
            value = self.sum()
            self._expect(")")
            return value
        if not self._tokens:
            raise ValueError("ends too early")
        token = self._tokens.pop(0)
        if token in _FUNCTIONS:
            count, function = _FUNCTIONS[token]
            self._expect("(")
            arguments = [self.sum()]
            while len(arguments) < count:
                self._expect(",")
                arguments.append(self.sum())
            self._expect(")")
            return float(function(*arguments))
        return float(token.replace(",", ""))

    def _take(self, *wanted: str) -> str | None:
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in wanted else None

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise ValueError(f"'{token}' is missing")
