"""Whether the dynamic loader takes a preloaded library (``LD_PRELOAD``) into a program, told from the program's file.

What it refuses, it refuses in silence (man 8 ld.so): so the reasons are looked for beforehand. Needed: a program that
glibc's loader starts, of the same kind of machine as ours, that gains no privileges when it starts.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER = struct.Struct("=16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("=IIQQQQQQ")
_INTERPRETER = 3
_IDENTITY = slice(0, 6)
"""Magic number, class (64 bits) and byte order."""
_SCRIPTS_DEEP = 4


class _Elf(NamedTuple):
    """``kind``: class, byte order and machine. ``loader``: the program interpreter, None for a static program."""

    kind: tuple[bytes, int]
    loader: str | None


def why_not(program: str, path: str | None = None) -> str | None:
    """Why ``program`` (a file, or a name that is looked for on ``path``, default PATH) cannot be preloaded; None where
    it can. For a script that is its interpreter."""
    for _ in range(_SCRIPTS_DEEP):
        found = shutil.which(program, path=path)
        if found is None:
            return f"{program} is no program that could be started"
        try:
            with open(found, "rb") as file:
                script = _interpreter(file)
                if script is None:
                    return _refusal(Path(found).resolve(), _read(file), os.fstat(file.fileno()).st_mode)
        except OSError as error:
            return f"{found} cannot be read to see whether it can be preloaded: {error.strerror}"
        program = script
    return f"{program} is a script of a script of a script"


def _interpreter(file: BinaryIO) -> str | None:
    """The program that runs a script; None where the file is none."""
    if file.read(2) != b"#!":
        return None
    words = os.fsdecode(file.readline(4096)).split()
    if len(words) > 1 and Path(words[0]).name == "env":
        return words[1]
    return words[0] if words else "/bin/sh"


def _refusal(program: Path, elf: _Elf | None, mode: int) -> str | None:
    if elf is None:
        return f"{program} is no 64-bit program of this machine, and only those can be preloaded"
    if elf.loader is None:
        return f"{program} is statically linked, so nothing can be preloaded into it; use a dynamically linked build"
    if not Path(elf.loader).name.startswith(("ld-linux", "ld64.so")):
        return f"{program} is started by {elf.loader}, which is not glibc's loader; use a build for glibc"
    if (ours := _own_kind()) is not None and elf.kind != ours:
        return f"{program} is for another kind of machine than this Python, and one library cannot serve both"
    if mode & (stat.S_ISUID | stat.S_ISGID) or _has_capabilities(program):
        return f"{program} gains privileges when it starts (setuid or capabilities), and then preloading is ignored"
    return None


def _own_kind() -> tuple[bytes, int] | None:
    with open("/proc/self/exe", "rb") as file:
        elf = _read(file)
    return elf and elf.kind


def _has_capabilities(program: Path) -> bool:
    try:
        return "security.capability" in os.listxattr(program)
    except OSError:  # a file system without extended attributes
        return False


def _read(file: BinaryIO) -> _Elf | None:
    """The little we need of an ELF file (man 5 elf); None where it is none, or not in our byte order and 64 bits."""
    file.seek(0)
    head = file.read(_HEADER.size)
    order = 1 if sys.byteorder == "little" else 2
    if len(head) < _HEADER.size or head[_IDENTITY] != b"\x7fELF" + bytes([2, order]):
        return None
    _, _, machine, _, _, table, _, _, _, entry, entries, *_ = _HEADER.unpack(head)
    loader = None
    for number in range(entries):
        file.seek(table + number * entry)
        segment = file.read(_SEGMENT.size)
        if len(segment) < _SEGMENT.size:
            return None
        kind, _, offset, _, _, size, *_ = _SEGMENT.unpack(segment)
        if kind == _INTERPRETER:
            file.seek(offset)
            loader = os.fsdecode(file.read(min(size, 4096)).rstrip(b"\0"))
    return _Elf((head[_IDENTITY], machine), loader)
