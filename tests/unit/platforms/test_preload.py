"""Why a program cannot be preloaded, each reason from a file that has it."""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nuclei.platforms.process import preload

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="preloading is told from Linux programs")

Program = Callable[..., str]
GLIBC = b"/lib64/ld-linux-x86-64.so.2"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Write an ELF program of our own kind of machine; ``loader`` None: statically linked."""
    own = Path("/proc/self/exe").read_bytes()[:64]

    def make(loader: bytes | None = GLIBC, machine: int | None = None, extra: int = 0) -> str:
        head = bytearray(own)
        head[32:40] = struct.pack("=Q", 64)  # the table of segments follows
        head[54:58] = struct.pack("=HH", 56, 1 if loader is None else 2)
        if machine is not None:
            head[18:20] = struct.pack("=H", machine)
        loaded = struct.pack("=IIQQQQQQ", 1, 5, 0, 0, 0, 64, 64, 4096)
        text = b"" if loader is None else loader + b"\0"
        named = struct.pack("=IIQQQQQQ", 3, 4, 64 + 2 * 56, 0, 0, len(text), len(text), 1)
        file = tmp_path / "program"
        file.write_bytes(bytes(head) + loaded + named + text)
        file.chmod(0o755 | extra)
        return str(file)

    return make


def test_a_program_of_glibc_can_be_preloaded(program: Program) -> None:
    assert preload.why_not(program()) is None
    assert preload.why_not(os.path.realpath("/proc/self/exe")) is None


def test_each_reason_is_told(program: Program) -> None:
    cases: tuple[tuple[dict[str, object], str], ...] = (
        ({"loader": None}, "statically linked"),
        ({"loader": b"/lib/ld-musl-x86_64.so.1"}, "ld-musl-x86_64.so.1, which is not glibc's"),
        ({"machine": 0xF00D}, "another kind of machine"),
        ({"extra": stat.S_ISUID}, "gains privileges"),
        ({"extra": stat.S_ISGID}, "gains privileges"),
    )
    for shape, words in cases:
        assert words in (preload.why_not(program(**shape)) or ""), shape


def test_a_file_that_is_no_whole_program_is_refused(program: Program) -> None:
    file = Path(program())
    whole = file.read_bytes()
    for size in (0, 1, 63, 64, 100):
        file.write_bytes(whole[:size])
        assert "no 64-bit program" in (preload.why_not(str(file)) or ""), size
    file.write_bytes(whole[:4] + b"\1" + whole[5:])
    assert "no 64-bit program" in (preload.why_not(str(file)) or "")


def test_a_script_counts_as_its_interpreter(program: Program, tmp_path: Path) -> None:
    script = tmp_path / "script"
    for first in (f"#! {program(None)} -e", "#!/usr/bin/env program"):
        script.write_text(f"{first}\nexit\n")
        script.chmod(0o755)
        reason = preload.why_not("script", f"{tmp_path}:/usr/bin:/bin")
        if "env" in first:  # looked for on the same path
            assert reason is not None
        assert "statically linked" in (reason or ""), first
    script.write_text(f"#!{script}\n")
    assert "a script of a script" in (preload.why_not(str(script)) or "")


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    assert preload.why_not("no-such-program", str(tmp_path)) == "no-such-program is no program that could be started"
