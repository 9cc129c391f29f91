"""Reads a history from Jepsen's console log or its ``history.txt``, as Porcupine's and Knossos' test data have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from histories.errors import HistoryError
from histories.jepsen.assemble import header_for, operation_rows
from histories.jepsen.log_line import op_of_line
from histories.jepsen.operation import Op
from histories.jepsen.source import Source
from histories.rows import AnyRow
from histories.spec import Spec

LINE_LIMIT = 16 << 20
"""Bytes a line may have."""


def read_jepsen_log(path: Path, spec: Spec | None, remarks: list[str]) -> list[AnyRow]:
    """The rows of a log's history, the header first. Lines that tell of no operation are passed over.

    Times are places: 1 µs from one operation to the next, because a log tells milliseconds at best. So locks with
    leases or sessions cannot be judged from one.

    ``spec``, ``remarks``: as in :func:`histories.jepsen.read_jepsen`. Raises HistoryError, with file and line, for a
    file that is no such log.
    """
    source = Source(path, remarks)
    with path.open("rb") as file:
        ops = list(_operations(file, source))
    if not ops:
        raise source.error(1, "no line of this log tells of an operation (PROCESS :invoke :f VALUE)")
    rows = operation_rows(ops, spec is not None and spec.lapses, source)
    return [header_for(rows, spec, source), *rows]


def _operations(file: BinaryIO, source: Source) -> Iterator[Op]:
    number = 0
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        if len(raw) > LINE_LIMIT:
            raise source.error(number, f"longer than {LINE_LIMIT:,} bytes; this is no line of a log")
        try:
            op = op_of_line(raw.decode("utf-8-sig" if number == 1 else "utf-8"), number, source)
        except UnicodeDecodeError as error:
            raise source.error(number, f"not UTF-8 text ({error.reason})") from error
        except HistoryError:
            if raw.endswith(b"\n"):
                raise
            source.say(f"line {number} is torn ({len(raw)} bytes) and was left out")
            return
        if op is not None:
            yield op
