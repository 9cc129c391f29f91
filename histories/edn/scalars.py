"""What EDN is read as, and the values that are no collections.

nil, true, false → None, True, False · 12, 3N → int · 1.5 → float, 2.5M → Decimal, 1/3 → Fraction · "text", \\c → str ·
:keyword → Keyword · symbol → Symbol · [vector] → list, (list) → tuple, #{set} → Set, {map} → dict · #tag value → value.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

Edn = Any
"""Any value of the notation, see above."""


class Keyword(str):
    """``:name`` or ``:space/name``. As a str it is its own text, colon included, so ``"name"`` is another map key."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The text without the colon."""
        return self[1:]


class Symbol(str):
    """A bare word."""

    __slots__ = ()


class Set(list[Edn]):
    """The elements of a ``#{set}``, as written."""


_WORDS = {"nil": None, "true": True, "false": False}
_SPECIAL = {"##Inf": float("inf"), "##-Inf": float("-inf"), "##NaN": float("nan")}
_NUMERIC = re.compile(r"[+-]?[0-9]")
_NUMBER = re.compile(
    r"(?P<int>[+-]?[0-9]+)N?|(?P<float>[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)M?"
    r"|(?P<ratio>[+-]?[0-9]+/[0-9]+)|(?P<hex>[+-]?0[xX][0-9a-fA-F]+)N?"
)
_DIGITS_LIMIT = 3000
"""Python refuses to write whole numbers of more than 4,300 digits."""
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "'": "'"}
_CHARS = {"newline": "\n", "space": " ", "tab": "\t", "return": "\r", "formfeed": "\f", "backspace": "\b"}


def scalar(kind: str, text: str) -> Edn:
    """The value of a token (see :class:`histories.edn.tokens.Tokens`).

    Raises ValueError, whose text says what was expected.
    """
    match kind:
        case "atom":
            return atom(text)
        case "string":
            return _string(text[1:-1])
        case "char":
            return _char(text[1:])
        case _:
            return text[2:-1]


def atom(text: str) -> Edn:
    """The value of a token that is a word: a keyword, symbol, number, nil, true or false."""
    if text[0] == ":":
        if text == ":":
            raise ValueError("a ':' without the name of a keyword")
        return Keyword(text)
    if text in _WORDS:
        return _WORDS[text]
    if _NUMERIC.match(text):
        return _number(text)
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] == "#":
        raise ValueError(f"{text[:40]!r} is none of ##Inf, ##-Inf and ##NaN")
    return Symbol(text)


def _number(text: str) -> Edn:
    match = _NUMBER.fullmatch(text) if len(text) <= _DIGITS_LIMIT else None
    try:
        match match and match.lastgroup:
            case "int":
                return int(text.removesuffix("N"))
            case "float":
                return Decimal(text[:-1]) if text[-1] == "M" else float(text)
            case "ratio":
                return Fraction(text)
            case "hex":
                return int(text.removesuffix("N"), 16)
    except ArithmeticError:
        pass
    raise ValueError(f"{text[:40]!r} is no number")


def _string(text: str) -> str:
    return text if "\\" not in text else _paired(_ESCAPE.sub(_unescaped, text))


def _unescaped(match: re.Match[str]) -> str:
    text = match[1]
    if text in _ESCAPES:
        return _ESCAPES[text]
    if text[0] == "u" and len(text) == 5:
        return chr(int(text[1:], 16))
    if text[0] in "01234567":
        return chr(int(text, 8))
    raise ValueError(f"the escape {match[0]!r} in a string is unknown")


def _char(text: str) -> str:
    if len(text) == 1:
        return text
    if text in _CHARS:
        return _CHARS[text]
    match = _ESCAPE.fullmatch("\\" + text.removeprefix("o"))
    if match is None:
        raise ValueError(f"the character \\{text[:40]} is unknown")
    return _paired(_unescaped(match))


def _paired(text: str) -> str:
    """Two halves of a character beyond 16 bits (Java's strings) as one; a half alone is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
