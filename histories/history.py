"""A whole history, and how one is put together from rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from histories.columns import Calls
from histories.errors import HistoryError
from histories.pairing import CallBuilder
from histories.rows import FORMAT_VERSION, AnyRow, Call, Event, Header, Return
from histories.spec import Spec


@dataclass
class History:
    """A history: its calls as columns, all its other rows in order of time, and what the reader had to say about it."""

    header: Header
    calls: Calls
    rows: list[Event]
    source: Path | None = None
    remarks: list[str] = field(default_factory=list)


TIE = {"call": 0, "return": 2}
"""Rows of equal time: calls first and returns last."""


def sort_key(row: AnyRow) -> tuple[int, int]:
    """Order of rows: by time; at equal times calls first and returns last, so touching operations are concurrent."""
    return row.t, TIE.get(str(row.__struct_config__.tag), 1)


def arrange(rows: Sequence[AnyRow], source: Path | None, remarks: list[str], spec: Spec | None = None) -> History:
    """A history from its rows in any order. A ``spec`` given counts instead of the header's, or without a header.

    Raises HistoryError when there is neither, headers differ, the version is unknown, or calls and returns do not fit
    together.
    """
    builder = CallBuilder()
    builder.add([row for row in rows if isinstance(row, Call | Return)])
    return finish(
        [row for row in rows if isinstance(row, Header)],
        builder,
        [row for row in rows if not isinstance(row, Header | Call | Return)],
        source,
        remarks,
        spec,
    )


def finish(
    headers: list[Header],
    builder: CallBuilder,
    body: list[Event],
    source: Path | None,
    remarks: list[str],
    spec: Spec | None,
) -> History:
    """A history from its rows told apart; raises HistoryError as :func:`arrange` does."""
    header = _header(headers, source, spec)
    body.sort(key=sort_key)
    return History(header, builder.build(), body, source, remarks)


def _header(headers: list[Header], source: Path | None, spec: Spec | None) -> Header:
    named = f"{source}: " if source else ""
    if not headers:
        if spec is None:
            raise HistoryError(f"{named}no header row, so the lock's promises are unknown; give them with --spec")
        return Header(t=0, version=FORMAT_VERSION, spec=spec)
    if any(header != headers[0] for header in headers):
        raise HistoryError(f"{named}two headers differ, so these are rows of different runs; read each run by itself")
    require_version(headers[0].version, named)
    return headers[0] if spec is None else msgspec.structs.replace(headers[0], spec=spec)


def require_version(version: int, named: str) -> None:
    """Raises HistoryError for a format version that this program does not know."""
    if not 1 <= version <= FORMAT_VERSION:
        raise HistoryError(
            f"{named}format version {version} is not readable here (known: up to {FORMAT_VERSION}); "
            "use the lockquake that wrote it"
        )
