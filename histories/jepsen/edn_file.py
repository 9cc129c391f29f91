"""Reads a history in EDN: operation maps in one vector or one after the other."""

from __future__ import annotations

from pathlib import Path

import msgspec

from histories.edn import read_forms
from histories.jepsen.assemble import header_for, operation_rows
from histories.jepsen.operation import Op, op_of
from histories.jepsen.own import ROW, OwnRows
from histories.jepsen.source import Source
from histories.rows import AnyRow
from histories.spec import Spec


def read_jepsen(path: Path, spec: Spec | None, remarks: list[str]) -> list[AnyRow]:
    """The rows of a history that Jepsen wrote, or that :func:`histories.jepsen.write_jepsen` did; the header first.

    ``spec``: what the lock promised; None: as written by us, else guessed. What was guessed, left out or read in a
    certain way is added to ``remarks``. Raises HistoryError, with file and line, for a file that is not such a history.
    """
    source = Source(path, remarks)
    own = OwnRows(source)
    ops: list[Op] = []
    with path.open("rb") as file:
        for line, form in read_forms(file, str(path)):
            if isinstance(form, dict) and ROW in form:
                own.take(form, line)
            else:
                ops.append(op_of(form, line, source))
    headers, rows = own.headers, own.rows
    if not (headers or rows or ops):
        raise source.error(1, "an empty file, expected operation maps {:type :invoke, :f …}")
    spec = spec or (headers[0].spec if headers else None)
    if ops:
        rows += operation_rows(ops, spec is not None and spec.lapses, source)
    header = headers[0] if headers else header_for(rows, spec, source)
    return [header if spec is None else msgspec.structs.replace(header, spec=spec), *rows]
