"""Read histories back: a run directory (its merged file, else the parts of its writers), or one file of any form."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from histories.beside import fresh
from histories.columnar import ColumnarFile
from histories.decode import Collector, read_rows
from histories.errors import HistoryError
from histories.history import History, arrange, sort_key
from histories.jepsen import read_jepsen, read_jepsen_log, sniff
from histories.lines import lines_of, open_regular
from histories.spec import Spec

__all__ = ["MERGED", "PARTS", "History", "HistoryError", "arrange", "lines_of", "read", "read_rows", "sort_key"]

PARTS = "parts"
MERGED = "history.jsonl"


def part_files(directory: Path) -> list[Path]:
    """The part files of a run directory, in name order."""
    return sorted((directory / PARTS).glob("*.jsonl"))


def read(path: Path, spec: Spec | None = None) -> History:
    """Read a history from a run directory, or from a file: JSON lines, columns, or Jepsen's EDN or log, told apart by
    how the file begins. A ``spec`` given counts instead of the header's.

    Raises HistoryError when there is neither header nor spec, the version is unknown, a row is damaged, or calls and
    returns do not fit together.
    """
    if os.path.isdir(path):  # unlike Path.is_dir, it does not raise for a name that is too long
        return _read_lines(_files(path), path, spec)
    open_regular(path).close()
    remarks: list[str] = []
    match sniff(path):
        case "columns":
            return _judged_by(spec, ColumnarFile(path).history())
        case "edn":
            return arrange(read_jepsen(path, spec, remarks), path, remarks, spec)
        case "jepsen-log":
            return arrange(read_jepsen_log(path, spec, remarks), path, remarks, spec)
        case _:
            return _read_lines([path], path, spec)


def _read_lines(files: list[Path], source: Path, spec: Spec | None) -> History:
    """A history from files of JSON lines, or from the columnar copy of the only one."""
    remarks: list[str] = []
    if len(files) == 1 and (history := fresh(files[0], remarks)) is not None:
        history.source = source
        return _judged_by(spec, history)
    collector = Collector(remarks)
    if files[0].parent.name == PARTS and files != [source]:
        remarks.append(f"read from {len(files)} parts: the trial did not come to its end, or was not merged")
    if not sum([collector.read(file) for file in files]) and files == [source]:
        raise HistoryError(f"{source} holds no rows; name a run directory or a history file")
    return collector.history(source, spec)


def _judged_by(spec: Spec | None, history: History) -> History:
    if spec is not None:
        history.header = msgspec.structs.replace(history.header, spec=spec)
    return history


def _files(directory: Path) -> list[Path]:
    """The merged file of a run directory, else its parts."""
    merged = directory / MERGED
    files = [merged] if merged.is_file() else part_files(directory)
    if not files:
        raise HistoryError(f"{directory} holds neither {MERGED} nor {PARTS}/*.jsonl; name a run directory or a history")
    return files
