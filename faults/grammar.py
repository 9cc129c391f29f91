"""The text form of faults: ``NAME[:key=value,…]``, and of durations: ``6s``, ``500ms``, ``2x``.

``2x`` is twice the lock's lapse: the lease of a lock with a TTL, the session timeout of one that lives in a session.
"""

from __future__ import annotations

import re

_DURATION = re.compile(r"^(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|x)?$")
_NAME = re.compile(r"^[a-z][a-z0-9-]*$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


class BadArgument(Exception):
    """Something the user typed cannot be understood; the message says what was seen and what would be right."""


def duration(text: str, lapse: float | None = None) -> float:
    """Seconds of a duration such as ``1.5s``, ``300ms``, ``2m`` or ``0.5x`` (times ``lapse`` seconds).

    Raises BadArgument.
    """
    match = _DURATION.match(text.strip())
    if match is None:
        raise BadArgument(f"{text!r} is no duration; write for example 6s, 500ms, 2m or 0.5x (of the lease or session)")
    if match["unit"] == "x":
        if lapse is None:
            raise BadArgument(f"{text!r} is relative, but this lock has neither lease nor session; give seconds")
        return float(match["number"]) * lapse
    return float(match["number"]) * _SECONDS[match["unit"]]


def parse(text: str) -> tuple[str, dict[str, str]]:
    """``pause-client:for=6s,client=c2`` → (``pause-client``, {``for``: ``6s``, …}). Raises BadArgument."""
    name, _, rest = text.partition(":")
    if not _NAME.match(name):
        raise BadArgument(
            f"{text!r} is no fault; write NAME or NAME:key=value,key=value (`lockquake list` shows names)"
        )
    params: dict[str, str] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key or not value:
            raise BadArgument(f"{item!r} in fault {text!r} is not key=value")
        params[key.strip()] = value.strip()
    return name, params


def assignment(text: str) -> tuple[str, str]:
    """``lock.ttl=2s`` → (``lock.ttl``, ``2s``). Raises BadArgument."""
    key, equals, value = text.partition("=")
    if not equals or key.count(".") != 1 or not all(key.split(".")):
        raise BadArgument(f"{text!r} is no setting; write lock.NAME=VALUE, cluster.NAME=VALUE or workload.NAME=VALUE")
    return key, value


def scalar(value: str) -> float | int | str | bool:
    """A number, seconds of a duration, a boolean, or the text itself."""
    low = value.strip().lower()
    if low in {"on", "true", "yes"}:
        return True
    if low in {"off", "false", "no"}:
        return False
    if re.fullmatch(r"-?\d+", low):
        return int(low)
    if re.fullmatch(r"-\d+\.\d+", low):
        return float(low)
    match = _DURATION.match(low)
    return duration(low) if match and match["unit"] != "x" else value
