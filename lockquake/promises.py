"""The text form of a specification: what a lock promised whose history was recorded elsewhere.

``mutex,lease=2s,refusals=exact``, ``register,initial=0``, or JSON with the fields of :class:`histories.spec.Spec`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from faults.grammar import BadArgument, duration
from histories.spec import Spec

KINDS: dict[str, dict[str, Any]] = {
    "mutex": {},
    "anonymous-mutex": {"owners": "anonymous"},
    "read-write-lock": {"read_write": True},
    "semaphore": {"permits": 2},
    "reentrant-mutex": {"reentry_limit": 1 << 30},
    "fenced-mutex": {"fenced": True},
    "register": {"model": "register"},
    "multi-register": {"model": "multi-register"},
}
"""What may stand first; a semaphore has as many permits as ``permits=`` says."""

TIMES = {"lease": "lease_ns", "session": "session_ns", "recovery": "recovery_ns", "margin": "margin_ns"}
"""Fields that are durations when they are written without ``_ns``."""


def parse_spec(text: str) -> Spec:
    """The specification a user wrote. Raises BadArgument with what would be right."""
    try:
        fields = json.loads(text) if text.lstrip().startswith("{") else _fields(text)
    except json.JSONDecodeError as error:
        raise BadArgument(f"--spec is no JSON: {error}") from error
    unknown = sorted(set(fields) - set(Spec.__struct_fields__))
    if unknown:
        known = ", ".join([*TIMES, *(name for name in Spec.__struct_fields__ if not name.endswith("_ns"))])
        raise BadArgument(f"--spec has no {unknown[0]!r}; it knows {known}, and begins with one of {', '.join(KINDS)}")
    try:
        return msgspec.convert(fields, Spec)
    except msgspec.ValidationError as error:
        raise BadArgument(f"--spec is no specification: {error}") from error


def _fields(text: str) -> dict[str, Any]:
    first, *rest = text.split(",")
    fields: dict[str, Any] = dict(KINDS.get(first.strip(), {}))
    for item in rest if first.strip() in KINDS else [first, *rest]:
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not value:
            raise BadArgument(
                f"{item!r} in --spec is not key=value; write for example 'mutex,lease=2s,refusals=exact', 'register' "
                f"or JSON; kinds: {', '.join(KINDS)}"
            )
        if key in TIMES:
            fields[TIMES[key]] = round(duration(value) * 1e9)
        else:
            fields[key] = _value(value)
    return fields


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
