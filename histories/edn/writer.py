"""Values as EDN text."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import isinf, isnan

from histories.edn.scalars import Edn, Keyword, Set, Symbol
from histories.errors import HistoryError

DEPTH_LIMIT = 200
"""How deep collections may lie in each other, written or read. Jepsen's histories need about ten."""

_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]')
_NAMES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def write_edn(value: Edn) -> str:
    """A value as EDN on one line.

    Raises HistoryError for values nested deeper than DEPTH_LIMIT, TypeError for what EDN has no notation for.
    """
    out: list[str] = []
    _write(value, out.append, 0)
    return "".join(out)


def _write(value: Edn, put: Callable[[str], None], depth: int) -> None:
    kind = type(value)
    if kind is Keyword:
        put(value)
        return
    if kind is str or kind is int or value is None:
        put(_scalar(value))
        return
    if depth > DEPTH_LIMIT:
        raise HistoryError(f"a value is nested deeper than {DEPTH_LIMIT}, which no reader here takes back")
    match value:
        case dict():
            for number, (key, inner) in enumerate(value.items()):
                put(", " if number else "{")
                _write(key, put, depth + 1)
                put(" ")
                _write(inner, put, depth + 1)
            put("}" if value else "{}")
        case list() | tuple():
            opener, closer = ("#{", "}") if isinstance(value, Set) else ("[", "]") if isinstance(value, list) else "()"
            for number, inner in enumerate(value):
                put(" " if number else opener)
                _write(inner, put, depth + 1)
            put(closer if value else opener + closer)
        case _:
            put(_scalar(value))


def _scalar(value: Edn) -> str:
    match value:
        case None:
            return "nil"
        case Keyword() | Symbol():
            return str(value)
        case str():
            return '"' + (_UNSAFE.sub(_escaped, value) if _UNSAFE.search(value) else value) + '"'
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if -(1 << 63) <= value < 1 << 63 else f"{value}N"
        case float() if isnan(value):
            return "##NaN"
        case float():
            return repr(value) if not isinf(value) else "##Inf" if value > 0 else "##-Inf"
        case Decimal():
            return f"{value}M"
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case _:
            raise TypeError(f"EDN has no notation for {type(value).__name__}")


def _escaped(match: re.Match[str]) -> str:
    return _NAMES.get(match[0]) or f"\\u{ord(match[0]):04x}"
