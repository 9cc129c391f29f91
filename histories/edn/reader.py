"""Reads EDN one form at a time.

Taken without complaint, though only Clojure's printer writes it: ``#<unreadable>``, ``#"patterns"``, metadata (left
out) and hexadecimal numbers. Unknown tags leave their value. Of two equal keys of a map the last one counts; a key
that is neither text nor nil nor a 64-bit integer becomes a Symbol of its EDN text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from histories.edn.scalars import Edn, Keyword, Set, Symbol, atom, scalar
from histories.edn.tokens import FORM_LIMIT, Tokens
from histories.edn.writer import DEPTH_LIMIT, write_edn

_CLOSERS = {"(": ")", "[": "]", "{": "}", "#{": "}"}
_DROPPED = {"#_", "^"}
"""What stands before a value that does not count: a discarded form, or metadata of the one after it."""
_ABSENT = object()
_KEPT_ATOMS = 20_000
"""How many words are remembered; a history has few different ones, but its times and indices are all different."""


def read_forms(file: BinaryIO, name: str, limit: int = FORM_LIMIT) -> Iterator[tuple[int, Edn]]:
    """The forms of a file one at a time, with the line each begins at; of a vector or list at the top its elements.

    Memory is bounded by one form. ``name`` is the file's in errors; ``limit``: characters a form may have.
    Raises HistoryError, naming file and line, for what is not EDN, not UTF-8, too long or nested too deep.
    """
    return _Reader(Tokens(file, name, limit)).forms()


def read_first(text: str, name: str, line: int) -> tuple[Edn, str]:
    """The first form of a text that stands on line ``line`` of file ``name``, and the text after it.

    Raises HistoryError as :func:`read_forms` does, and where there is no form.
    """
    tokens = Tokens(io.BytesIO(text.encode("utf-8", "surrogatepass")), name, line=line)
    for _, form in _Reader(tokens, parts=False).forms():
        return form, tokens.rest()
    raise tokens.error("nothing where a value was expected")


class _Frame:
    """A collection being read. ``opener``: as it began; ``#_``, ``^`` and ``#tag`` wait for one value, without a
    ``closer``. ``space``: of a map whose keywords are all in one namespace."""

    __slots__ = ("closer", "items", "opener", "space")

    def __init__(self, opener: str) -> None:
        self.space = ""
        if opener[-1] == "{" and len(opener) > 2:
            opener, self.space = "{", opener[:-1].strip("#: \t\r\n,")
        self.opener = opener
        self.closer = _CLOSERS.get(opener)
        self.items: list[Edn] = []


class _Reader:
    """Builds values from tokens with a stack of its own, so that no nesting exhausts Python's. ``parts``: give the
    elements of a vector or list at the top, not the whole."""

    def __init__(self, tokens: Tokens, parts: bool = True) -> None:
        self._tokens = tokens
        self._parts = parts
        self._stack: list[_Frame] = []
        self._sequence = ""
        """How the vector or list at the top began, whose elements are given one by one."""
        self._opened_at = 0
        self._atoms: dict[str, Edn] = {}

    def forms(self) -> Iterator[tuple[int, Edn]]:
        """See :func:`read_forms`."""
        tokens, stack, atoms, line = self._tokens, self._stack, self._atoms, 1
        for kind, text in tokens:
            if not stack:
                line = tokens.begin_form()
            if kind == "atom":
                value = atoms.get(text, _ABSENT)
                if value is _ABSENT:
                    value = self._scalar(kind, text)
            elif kind == "open" or kind == "prefix":
                self._open(text, line)
                continue
            elif kind == "close":
                if not stack:
                    self._end_sequence(text)
                    continue
                value = self._close(text)
            else:
                value = self._scalar(kind, text)
            if stack and stack[-1].closer:
                stack[-1].items.append(value)
            elif self._deliver(value):
                yield line, value
        if stack or self._sequence:
            opened = line if stack else self._opened_at
            what = stack[-1].opener if stack else self._sequence
            raise tokens.error(f"the file ends inside {what!r}, in the form that begins at line {opened}")

    def _open(self, opener: str, line: int) -> None:
        if self._parts and not self._stack and not self._sequence and opener in {"[", "("}:
            self._sequence, self._opened_at = opener, line
            return
        if len(self._stack) >= DEPTH_LIMIT:
            raise self._tokens.error(f"collections are nested deeper than {DEPTH_LIMIT}")
        self._stack.append(_Frame(opener))

    def _end_sequence(self, closer: str) -> None:
        if _CLOSERS.get(self._sequence) != closer:
            wanted = repr(_CLOSERS[self._sequence]) if self._sequence else "a form"
            raise self._tokens.error(f"{closer!r} where {wanted} was expected")
        self._sequence = ""

    def _close(self, closer: str) -> Edn:
        frame = self._stack.pop()
        if frame.closer != closer:
            wanted = repr(frame.closer) if frame.closer else f"the value of {frame.opener[:40]!r}"
            raise self._tokens.error(f"{closer!r} where {wanted} was expected")
        match frame.opener:
            case "[":
                return frame.items
            case "(":
                return tuple(frame.items)
            case "#{":
                return Set(frame.items)
            case _:
                return self._map(frame)

    def _map(self, frame: _Frame) -> dict[Edn, Edn]:
        items = frame.items
        if len(items) % 2:
            raise self._tokens.error("'}' where the value of a map's last key was expected")
        keys = [key if type(key) is Keyword else _key(key) for key in items[::2]]
        if frame.space:
            keys = [_qualified(key, frame.space) for key in keys]
        return dict(zip(keys, items[1::2], strict=True))

    def _deliver(self, value: Edn) -> bool:
        """Hand a value to the collection it lies in. True where there is none: it is a form."""
        stack = self._stack
        while stack:
            if stack[-1].closer:
                stack[-1].items.append(value)
                return False
            if stack.pop().opener in _DROPPED:
                return False
        return True

    def _scalar(self, kind: str, text: str) -> Edn:
        try:
            if kind != "atom":
                return scalar(kind, text)
            value = atom(text)
        except ValueError as error:
            raise self._tokens.error(str(error)) from error
        if len(self._atoms) < _KEPT_ATOMS and len(text) < 32:
            self._atoms[text] = value
        return value


def _key(key: Edn) -> Edn:
    """A map's key as Python can have it; numbers outside 64 bits could be made to collide. A Symbol is written as it
    is: as strings, keys within keys would double their backslashes at every level."""
    if key is None or isinstance(key, str) or (type(key) is int and -(1 << 63) <= key < 1 << 63):
        return key
    return Symbol(write_edn(key))


def _qualified(key: Edn, space: str) -> Edn:
    if not isinstance(key, Keyword):
        return key
    if key.startswith(":_/"):
        return Keyword(":" + key[3:])
    return key if "/" in key else Keyword(f":{space}/{key.name}")
