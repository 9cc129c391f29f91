"""The binary form of a history: its columns one after another, as they lie in memory, so that opening is not parsing.

A file is: 64 bytes of prelude (magic and version, length of the file, length and CRC-32 of the directory, CRC-32 of the
prelude) · the directory, JSON, which names every block with its type, place, length and CRC-32 · the blocks, each at a
multiple of 64 bytes. Numbers are little-endian. A column whose rows are all alike has no block, only its number.
Nothing in a file is executed, and nothing is believed before it was checked (:mod:`histories.sound`).
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from histories.columns import NEVER, Calls, alike
from histories.errors import HistoryError
from histories.history import History, require_version, sort_key
from histories.labels import Labels, Texts
from histories.lines import LONGEST_LINE, NO_JSON, open_regular
from histories.rows import Call, Event, Header, Return
from histories.sound import require_sound

MAGIC = b"LQCOLS\x00\x01"
"""Seven bytes of magic and the version of this form."""
SUFFIX = ".columns"

_ALIGN = 64
_PRELUDE = struct.Struct("<8sQQI")
_CRC = struct.Struct("<I")
_KINDS = {"client": "<i4", "lock": "<i4", "depth": "<i4", "permits": "<i4", "refusal": "|i1"} | dict.fromkeys(
    ("op", "outcome", "mode"), "|u1"
)
_LABELS = ("attempt", "owner", "value", "error")
_TEXTS = ("clients", "locks")
_WHOLE = "inv"
"""The column that always has a block: its length is the number of calls, so no file can claim more than it holds."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The file of JSON lines that a columnar file was made from.

    ``settled``: it was not written to in the seconds before, so that any later change also changes ``mtime_ns``.
    """

    size: int
    mtime_ns: int
    settled: bool
    blake2b: str


class _Block(msgspec.Struct, kw_only=True, omit_defaults=True):
    name: str
    dtype: str
    rows: int
    offset: int = 0
    bytes: int = 0
    crc32: int = 0
    constant: int | None = None


class Directory(msgspec.Struct, kw_only=True):
    """What a file says of itself."""

    header: Header
    blocks: list[_Block]
    remarks: list[str] = []
    origin: Origin | None = None


_DIRECTORY = msgspec.json.Decoder(Directory)
_ROWS: msgspec.json.Decoder[list[Event]] = msgspec.json.Decoder(list[Event])


def save(history: History, path: Path, origin: Origin | None = None) -> None:
    """Write a history as a columnar file, which appears whole or not at all. Raises OSError."""
    blocks: list[_Block] = []
    contents: list[bytes | memoryview] = []
    end = 0
    for name, column in _columns(history):
        block = _Block(name=name, dtype=_dtype(name), rows=len(column))
        if len(column) > 1 and column.strides == (0,) and name != _WHOLE:
            block.constant = int(column[0])
        else:
            content = np.ascontiguousarray(column, block.dtype).data.cast("B") if len(column) else b""
            block.offset, block.bytes, block.crc32 = end, len(content), zlib.crc32(content)
            contents.append(content)
            end = _aligned(end + len(content))
        blocks.append(block)
    directory = msgspec.json.encode(
        Directory(header=history.header, blocks=blocks, remarks=history.remarks, origin=origin)
    )
    start = _aligned(_ALIGN + len(directory))
    prelude = _PRELUDE.pack(MAGIC, start + end, len(directory), zlib.crc32(directory))
    prelude = (prelude + _CRC.pack(zlib.crc32(prelude))).ljust(_ALIGN, b"\0")
    _write(path, [prelude + directory, *contents])


def _write(path: Path, contents: list[bytes | memoryview]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with partial.open("wb") as file:
            for content in contents:
                file.write(content)
                file.write(bytes(-len(content) % _ALIGN))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _aligned(offset: int) -> int:
    return offset + -offset % _ALIGN


def _columns(history: History) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every column of a history under its name in the file, always in the same order."""
    for name in _names():
        column: Any = history.calls
        if name == "rows":
            column = np.frombuffer(msgspec.json.encode(history.rows), np.uint8)
        else:
            for step in name.split("."):
                column = getattr(column, step)
        yield name, column


def _names() -> Iterator[str]:
    for field in fields(Calls):
        if field.name in _TEXTS:
            yield from (f"{field.name}.offsets", f"{field.name}.data")
        elif field.name in _LABELS:
            yield from (f"{field.name}.{part}" for part in ("keys", "prefixes.offsets", "prefixes.data"))
        else:
            yield field.name
    yield "rows"


def _dtype(name: str) -> str:
    return "|u1" if name == "rows" or name.endswith(".data") else _KINDS.get(name, "<i8")


class ColumnarFile:
    """A columnar file that is open; its directory has been read and checked, its blocks have not."""

    def __init__(self, path: Path) -> None:
        """Raises HistoryError for a file that is damaged, cut short, of another version, or no such file at all."""
        self.path = path
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size < _ALIGN:
                raise self.error("it is too short")
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise self.error(f"it cannot be mapped into memory: {error}") from error
        self.directory = self._directory()

    def error(self, what: str) -> HistoryError:
        """The file is of no use, and why."""
        return HistoryError(
            f"{self.path} is damaged ({what}); delete it, and the JSON lines it was made from are read instead"
        )

    def _directory(self) -> Directory:
        magic, length, size, crc = _PRELUDE.unpack_from(self._map)
        if magic[:-1] != MAGIC[:-1]:
            raise HistoryError(f"{self.path} is no columnar history; name a run directory or a history file")
        if magic != MAGIC:
            raise HistoryError(
                f"{self.path} is of version {magic[-1]}, known is {MAGIC[-1]}; use the lockquake that wrote it"
            )
        if zlib.crc32(self._map[: _PRELUDE.size]) != _CRC.unpack_from(self._map, _PRELUDE.size)[0]:
            raise self.error("its first bytes are not as written")
        if length != len(self._map):
            raise self.error(f"it has {len(self._map)} bytes instead of {length}")
        # The bound keeps a file from filling the memory with its directory; a header of JSON lines has the same.
        if size > min(length - _ALIGN, 2 * LONGEST_LINE):
            raise self.error(f"a directory of {size} bytes is too long")
        text = self._map[_ALIGN : _ALIGN + size]
        if zlib.crc32(text) != crc:
            raise self.error("its directory is not as written")
        try:
            directory = _DIRECTORY.decode(text)
        except NO_JSON as error:
            raise self.error(f"its directory cannot be read: {str(error)[:200]}") from error
        require_version(directory.header.version, f"{self.path}: ")
        self._start = _aligned(_ALIGN + size)
        return directory

    def history(self) -> History:
        """The history, its columns mapped from the file and read-only. Raises HistoryError for anything unsound."""
        blocks = self.directory.blocks
        if [(block.name, block.dtype) for block in blocks] != [(name, _dtype(name)) for name in _names()]:
            raise self.error("its columns are not those of a history")
        whole = next(block for block in blocks if block.name == _WHOLE)
        calls_made = len(self._column(whole, whole.rows))
        columns = {block.name: self._column(block, calls_made) for block in blocks}
        calls = Calls(**{field.name: _part(columns, field.name) for field in fields(Calls)})
        try:
            require_sound(calls)
        except ValueError as error:
            raise self.error(str(error)) from error
        remarks = list(self.directory.remarks)
        return History(self.directory.header, calls, self._rows(columns["rows"]), self.path, remarks)

    def _column(self, block: _Block, calls: int) -> NDArray[Any]:
        kind = np.dtype(block.dtype)
        if block.name.endswith(".keys") or ("." not in block.name and block.name != "rows"):
            if block.rows != calls:
                raise self.error(f"{block.name} has {block.rows} rows instead of {calls}")
            if block.constant is not None and block.name != _WHOLE:
                if not np.iinfo(kind).min <= block.constant <= np.iinfo(kind).max:
                    raise self.error(f"{block.name} is out of range")
                return alike(block.constant, calls, kind.type)
        if block.constant is not None:
            raise self.error(f"{block.name} has no rows")
        start = self._start + block.offset
        if block.offset < 0 or block.offset % _ALIGN or block.rows < 0 or block.bytes != block.rows * kind.itemsize:
            raise self.error(f"{block.name} is not where it should be")
        if start + block.bytes > len(self._map):
            raise self.error(f"{block.name} reaches beyond its end")
        with memoryview(self._map)[start : start + block.bytes] as content:
            if zlib.crc32(content) != block.crc32:
                raise self.error(f"{block.name} is not as written")
        return np.frombuffer(self._map, kind, block.rows, start)

    def _rows(self, text: NDArray[Any]) -> list[Event]:
        try:
            rows = _ROWS.decode(text.data)
        except NO_JSON as error:
            raise self.error(f"its rows cannot be read: {str(error)[:200]}") from error
        if any(isinstance(row, Call | Return) or not 0 <= row.t < NEVER for row in rows):
            raise self.error("its rows hold what does not belong there")
        rows.sort(key=sort_key)
        return rows


def _part(columns: dict[str, NDArray[Any]], name: str) -> Any:
    """A field of the calls from its blocks."""
    if name in _TEXTS:
        return Texts(columns[f"{name}.offsets"], columns[f"{name}.data"])
    if name in _LABELS:
        return Labels(
            columns[f"{name}.keys"], Texts(columns[f"{name}.prefixes.offsets"], columns[f"{name}.prefixes.data"])
        )
    return columns[name]
