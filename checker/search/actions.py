"""What a call of a store did, as an action of a sequential model.

Operations and their values: ``read`` (what it returned), ``write`` (what it wrote), ``cas`` ([old, new]), ``append``
(what it appended), ``txn`` (a list of [operation, key, value], the operations by these names or as in Elle: ``r``,
``w``, ``append``). Of several registers at once ``read`` and ``write`` have maps of key to value.

What a call of unknown effect read is not known, whatever its value says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from checker.search.values import Do, Verb, as_piece, as_text, shown
from histories.columns import Call

Part = tuple[str, Do]
"""A key, and what was done to its value."""

_VERBS: dict[str, Verb] = {
    "r": "read", "read": "read", "get": "read", "w": "write", "write": "write", "put": "write", "cas": "cas",
    "append": "append",
}  # fmt: skip


def single(call: Call) -> Do:
    """What a call did to the one value of its object. Raises ValueError for what it cannot have done."""
    if call.op not in _VERBS:
        raise _wrong(call, f"a register has no {call.op}")
    return _done(call, call.op, call.value)


def parts(call: Call) -> list[Part]:
    """What a call did to several values, in its order. Raises ValueError for what it cannot have done."""
    if call.op == "txn":
        found = [_part(call, part) for part in _list(call, call.value or [])]
    elif call.op in {"read", "write"}:
        if not isinstance(call.value, dict) and not (call.doubtful and call.value is None):
            raise _wrong(call, f"a {call.op} of several registers needs a map of key to value, not {call.value!r}")
        found = [(str(key), _done(call, call.op, value)) for key, value in (call.value or {}).items()]
    else:
        raise _wrong(call, f"several registers have no {call.op}")
    return [part for part in found if not (call.doubtful and part[1].verb == "read")]


def denied(call: Call) -> Do:
    """What a failed ``cas`` tells, if it failed because the value was not the old one."""
    done = single(call)
    return Do("not", "", done.old)


def said(call: Call) -> str:
    """What a call of one value says, for people."""
    value = shown(as_text(call.value))
    match call.op, call.value:
        case "cas", [old, new]:
            verb = "failed to set" if call.outcome == "fail" else "set"
            return f"{verb} {shown(as_text(old))} to {shown(as_text(new))}"
        case "append", _:
            return f"appended {value}"
        case "write", _:
            return f"wrote {value}"
        case _:
            return f"read {value}"


def _part(call: Call, part: Any) -> Part:
    match part:
        case [str(verb), key, value] if verb.lstrip(":") in _VERBS:
            return str(key), _done(call, verb.lstrip(":"), value)
        case _:
            raise _wrong(call, f"a part of a transaction is [operation, key, value], not {part!r}")


def _done(call: Call, word: str, value: Any) -> Do:
    verb = _VERBS[word]
    if verb == "append":
        return Do(verb, as_piece(value))
    if verb != "cas":
        return Do(verb, as_text(value))
    match value:
        case [old, new]:
            return Do(verb, as_text(new), as_text(old))
        case _:
            raise _wrong(call, f"a cas needs [old, new], not {value!r}")


def _list(call: Call, value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong(call, f"a transaction is a list of [operation, key, value], not {value!r}")
    return cast(Sequence[Any], value)


def _wrong(call: Call, what: str) -> ValueError:
    return ValueError(f"call {call.number} of {call.client} ({call.op} on {call.lock!r}): {what}")
