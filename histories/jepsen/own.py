"""Our own rows inside operation maps: each field under a key of the namespace ``lockquake``, which Jepsen ignores.

``:lockquake/row "return", :lockquake/attempt "c1-7", :lockquake/lease-until 1200, …``; the row's time is the map's
``:time``, which counts from the ``:lockquake/base`` of the header's row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from histories.edn import Edn, Keyword
from histories.jepsen.operation import plain, shown
from histories.jepsen.source import Source
from histories.rows import AnyRow, Call, Event, Header, Return

SPACE = ":lockquake/"
ROW = Keyword(SPACE + "row")
BASE = Keyword(SPACE + "base")
_KINDS = frozenset(str(row.__struct_config__.tag) for row in AnyRow.__args__)
_LATEST = 1 << 62
_WIDE = (1 - (1 << 63), (1 << 63) - 1)
_NARROW = (-(1 << 31), (1 << 31) - 1)
_RANGES = {"call": _WIDE, "fence": _WIDE, "lease_until": _WIDE, "depth": _NARROW, "permits": _NARROW}
"""Whole numbers that must fit into columns."""


def own_fields(row: AnyRow) -> dict[Edn, Edn]:
    """The fields of a row, but for its time."""
    fields = msgspec.to_builtins(row)
    del fields["t"]
    return {_keyword(field): value for field, value in fields.items()}


@lru_cache(maxsize=1000)
def _keyword(field: str) -> Keyword:
    return Keyword(SPACE + field.replace("_", "-"))


@lru_cache(maxsize=1000)
def _field(key: str) -> str:
    return key[len(SPACE) :].replace("-", "_")


class OwnRows:
    """Takes operation maps with our rows in them, in the order they stand in the file."""

    def __init__(self, source: Source) -> None:
        self.headers: list[Header] = []
        self.rows: list[Event] = []
        self._source = source
        self._base = 0
        self._calls: dict[tuple[str, int], Call | None] = {}
        """None where a call has come back."""

    def take(self, form: dict[Edn, Edn], line: int) -> None:
        """Take the row in a map; one of a kind this version does not know is left out, with a remark.

        Raises HistoryError where it is damaged, or a return has not one call before it.
        """
        if BASE in form:
            self._base = _base(form, line, self._source)
        row = _row(form, self._base, line, self._source)
        if isinstance(row, Header):
            self.headers.append(row)
        elif row is not None:
            self._pair(row, line)
            self.rows.append(row)

    def _pair(self, row: Event, line: int) -> None:
        if isinstance(row, Call):
            if self._calls.setdefault((row.client, row.call), row) is not row:
                raise self._source.error(line, f"call {row.call} of client {row.client!r} is there a second time")
        elif isinstance(row, Return):
            call = self._calls.get((row.client, row.call))
            if call is None:
                raise self._source.error(line, f"no call {row.call} of client {row.client!r} waits for this return")
            if (call.op, call.lock, call.attempt) != (row.op, row.lock, row.attempt) or row.t < call.t:
                raise self._source.error(line, f"this is no return of call {row.call} of client {row.client!r}")
            self._calls[row.client, row.call] = None


def _row(form: dict[Edn, Edn], base: int, line: int, source: Source) -> AnyRow | None:
    fields = {
        _field(key): plain(value) for key, value in form.items() if isinstance(key, Keyword) and key.startswith(SPACE)
    }
    if isinstance(fields["row"], str) and fields["row"] not in _KINDS:
        source.say(f"line {line} holds a row of unknown kind {fields['row']!r}, which was left out")
        return None
    fields["t"] = _time(form, base, line, source)
    for field, (least, most) in _RANGES.items():
        if type(value := fields.get(field)) is int and not least <= value <= most:
            raise source.error(line, f"{field} is {shown(value)}, outside {least} … {most}")
    try:
        row: AnyRow = msgspec.convert(fields, AnyRow)
    except (msgspec.ValidationError, OverflowError) as error:
        raise source.error(line, f"the fields {SPACE}… are not those of a row ({error})") from error
    return row


def _time(form: dict[Edn, Edn], base: int, line: int, source: Source) -> int:
    time: Any = form.get(Keyword(":time"))
    if type(time) is not int or not 0 <= time + base < _LATEST:
        raise source.error(line, f":time is {shown(time)}, expected nanoseconds")
    return time + base


def _base(form: dict[Edn, Edn], line: int, source: Source) -> int:
    base: Any = form.get(BASE, 0)
    if type(base) is not int or not 0 <= base < _LATEST:
        raise source.error(line, f"{BASE} is {shown(base)}, expected nanoseconds")
    return base
