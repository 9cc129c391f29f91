"""Request bodies, read the way Go's ``encoding/json`` decoder reads them for the original.

Only the first JSON value counts and what follows is ignored; field names match in any case; ``null`` keeps the
default; unknown fields are skipped; a value of the wrong type is an error that names the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from .errors import BodyError

_INT64 = range(-(2**63), 2**63)

#: What Go says where Python's decoder says the key.
_GO_WORDS = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ',' delimiter": "after object key:value pair",
    "Expecting ':' delimiter": "after object key",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
}


def _refuse_constant(name: str) -> object:
    raise BodyError(f"invalid character '{name[0]}' looking for beginning of value")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def first_value(raw: bytes) -> object:
    """The first JSON value in ``raw``.

    Raises:
        BodyError: with Go's words for an empty, truncated, malformed or too deeply nested body.
    """
    text = raw.decode("utf-8", errors="replace").lstrip(" \t\r\n")
    try:
        value: object = _DECODER.raw_decode(text)[0]
    except json.JSONDecodeError as error:
        raise BodyError(_in_go_words(error, text)) from None
    except RecursionError:
        raise BodyError("exceeded max depth") from None
    except ValueError as error:  # an integer with thousands of digits
        raise BodyError(str(error)) from None
    return value


def _in_go_words(error: json.JSONDecodeError, text: str) -> str:
    if not text:
        return "EOF"
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        return "unexpected EOF"
    words = _GO_WORDS.get(error.msg.rstrip(": "), "looking for beginning of value")
    return f"invalid character {text[error.pos]!r} {words}"


def kind_of(value: object) -> str:
    """The name Go's decoder gives a JSON value in its error messages."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "number"
    if isinstance(value, float):
        return f"number {value!r}"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


class Fields:
    """One JSON object with typed, forgiving access.

    Args:
        value: a decoded JSON value; ``null`` reads as an object without fields.
        struct: the Go type's name, used only in error messages.

    Raises:
        BodyError: when ``value`` is not an object, or (from the accessors) a field has the wrong type.
    """

    def __init__(self, value: object, struct: str) -> None:
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise BodyError(f"json: cannot unmarshal {kind_of(value)} into Go value of type {struct}")
        self._values = {str(key).lower(): item for key, item in value.items()}
        self._struct = struct

    def raw(self, name: str) -> object:
        """The undecoded value, None when it is absent or null."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        """A string field."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._mismatch(name, value, "string")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A boolean field."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._mismatch(name, value, "bool")
        return value

    def whole(self, name: str, default: int = 0) -> int:
        """A 64-bit integer field; 1.0 and 1e3 are refused, as in Go."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._mismatch(name, value, "int64")
        if value not in _INT64:
            raise BodyError(
                f"json: cannot unmarshal number {value} into Go struct field {self._struct}.{name} of type int64"
            )
        return value

    def real(self, name: str, default: float) -> float:
        """A floating-point field."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mismatch(name, value, "float32")
        try:
            return float(value)
        except OverflowError:
            raise self._mismatch(name, value, "float32") from None

    def _mismatch(self, name: str, value: object, wanted: str) -> BodyError:
        where = f"Go struct field {self._struct}.{name} of type {wanted}"
        return BodyError(f"json: cannot unmarshal {kind_of(value)} into {where}")
