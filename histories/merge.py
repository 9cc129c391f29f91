"""Merge the parts of a run into one file, as raw lines, so that fields unknown to this version survive."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from histories.read import MERGED, TIE, HistoryError, lines_of, part_files


class _Key(msgspec.Struct):
    """What merging needs of a row, known to this version or not."""

    row: str
    t: int


_DECODER = msgspec.json.Decoder(_Key)


def merge(directory: Path) -> Path:
    """Write ``history.jsonl`` of a run directory from its parts, header first, then by true time.

    The file appears whole or not at all. Raises HistoryError for a damaged part, OSError when it cannot be written.
    """
    keyed: list[tuple[tuple[bool, int, int], bytes]] = []
    remarks: list[str] = []
    for part in part_files(directory):
        for number, line in lines_of(part, remarks):
            try:
                key = _DECODER.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise HistoryError(f"{part}: line {number} is not a row of a history ({error})") from error
            keyed.append(((key.row != "header", key.t, TIE.get(key.row, 1)), line))
    keyed.sort(key=lambda pair: pair[0])
    target = directory / MERGED
    partial = target.with_suffix(".tmp")
    with partial.open("wb") as file:
        file.writelines(line for _, line in keyed)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    return target
