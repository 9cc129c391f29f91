"""Values of stores, and what is done to them.

Values are kept as text, so that ``true``, ``1`` and ``1.0`` stay apart and appending is cheap. Strings and lists have
no closing mark: what was appended to is a prefix of what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

UNSEEN = "unseen"
"""Stands for every value that nobody sees: which of them it is makes no difference."""

NOTHING = "null"
EMPTY = "["

Verb = Literal["read", "write", "cas", "append", "not"]


class Do(NamedTuple):
    """One thing done to one value: read it, write it, set it from ``old`` to ``value``, append ``value`` to it, or find
    that it was ``not`` the ``old`` one. Values as :func:`as_text` gives them; what is appended as :func:`as_piece`."""

    verb: Verb
    value: str
    old: str = NOTHING


Transaction = tuple[tuple[int, Do], ...]
"""What was done to several values at once, in its order: number of the value, and what was done to it."""


def as_text(value: Any) -> str:
    """A JSON value as text."""
    if isinstance(value, str):
        return '"' + value
    if isinstance(value, list | tuple):
        return EMPTY + "".join(as_piece(item) for item in value)
    return msgspec.json.encode(value, order="deterministic").decode()


def as_piece(value: Any) -> str:
    """A JSON value as text to append to a list."""
    return msgspec.json.encode(value, order="deterministic").decode() + ","


def appended(text: str, piece: str) -> str:
    """The value with a piece appended: to nothing or to a list as an element, to a string as a string. What comes of
    appending to anything else is like nothing that anybody sees."""
    if text[0] == '"' and piece[0] == '"':
        return text + str(msgspec.json.decode(piece[:-1]))
    if text == NOTHING:
        return EMPTY + piece
    return text + piece if text[0] == EMPTY else UNSEEN


def pieces(text: str) -> Iterator[str]:
    """The elements of a list, as they were appended; none for other values."""
    if text[0] == EMPTY and text != EMPTY:
        yield from (as_piece(item) for item in msgspec.json.decode(text[:-1] + "]"))


def sees(action: Do) -> tuple[str, ...]:
    """The values that the action finds there, or finds not to be there."""
    return (action.value,) if action.verb == "read" else (action.old,) if action.verb in {"cas", "not"} else ()


def shown(text: str) -> str:
    """A value as JSON, for people."""
    if text == UNSEEN:
        return "one that nobody reads"
    if text[0] == '"':
        return msgspec.json.encode(text[1:]).decode()
    return text.removesuffix(",") + "]" if text[0] == EMPTY else text
