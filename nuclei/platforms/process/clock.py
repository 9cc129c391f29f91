"""A wall clock of its own for one process: a preloaded library adds an offset, which can change while it runs.

The library (``clock_shim.c``) is compiled where it is needed, once a machine, and proven before it is used. It shifts
CLOCK_REALTIME as libc tells it and nothing else: CLOCK_MONOTONIC, the kernel and every other process keep their time.
"""

from __future__ import annotations

import functools
import hashlib
import mmap
import os
import platform
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuclei.platforms.base import Unsupported
from nuclei.platforms.process import preload
from nuclei.platforms.system_packages import install_command

VARIABLE = "LOCKQUAKE_CLOCK"
"""Names the file of the offset to the library."""
LONGEST = 10 * 365 * 86_400.0
"""Seconds that a clock may be off at most, either way."""

_SOURCE = Path(__file__).with_name("clock_shim.c")
_FLAGS = ("-O2", "-fPIC", "-shared")
_LIBRARIES = ("-ldl",)  # a part of libc itself since glibc 2.34
_COMPILERS = ("cc", "gcc", "clang")
_PACKAGES = ["gcc", "libc6-dev"]
_COMPILE_SECONDS = 60
_TRY_SECONDS = 20
_TRY_OFFSET = -1_000_000
_NEAR = 100
"""Seconds: within these two clocks are called the same by the proof, which a busy machine may delay."""


def why_not(program: str | None = None, path: str | None = None) -> str | None:
    """Why clocks (that of ``program``, looked for on ``path``) cannot be moved here, None where they can."""
    try:
        shim()
    except Unsupported as error:
        return str(error)
    return preload.why_not(program, path) if program is not None else None


@functools.cache
def shim() -> Path:
    """The library, compiled where it is not there yet, and proven in this process. Raises Unsupported."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or not _glibc():
        raise Unsupported("clocks are moved by a library that is preloaded, which needs 64-bit Linux with glibc")
    try:
        return _proven(_compiler())
    except OSError as error:
        raise Unsupported(f"the clock library cannot be kept or tried ({error}); set XDG_CACHE_HOME") from error


def _proven(compiler: Sequence[str]) -> Path:
    """The library of this compiler. Raises Unsupported, OSError."""
    library = _place(compiler)
    # One that somebody else owns, or that no longer works, is replaced.
    if not (library.is_file() and library.stat().st_uid == os.geteuid() and _doubt(library) is None):
        _compile(compiler, library)
        if (doubt := _doubt(library)) is not None:
            raise Unsupported(f"clocks cannot be moved: the library {library} was compiled, but {doubt}")
    return library


def _glibc() -> str | None:
    """Its version; None where libc is another one."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return None


def _compiler() -> Sequence[str]:
    """``CC``, else the first C compiler on PATH."""
    if named := shlex.split(os.environ.get("CC", "")):
        return named
    for name in _COMPILERS:
        if found := shutil.which(name):
            return [found]
    raise Unsupported(
        "clocks are moved by a small library that is compiled here, and there is no C compiler; as root: "
        f"{install_command(_PACKAGES)}"
    )


def _place(compiler: Sequence[str]) -> Path:
    """Where the library for this source, compiler and machine is kept."""
    asked = _run([*compiler, "--version"], _TRY_SECONDS)
    parts = [_SOURCE.read_text(encoding="utf-8"), *_FLAGS, *compiler, asked.stdout, platform.machine(), str(_glibc())]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        cache = (named if named.is_absolute() else Path.home() / ".cache") / "lockquake"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise Unsupported(f"there is no place to keep the clock library ({error}); set XDG_CACHE_HOME") from error
    library = cache / f"clock-{digest}.so"
    if set(str(library)) & set(" \t\n:"):
        raise Unsupported(f"{cache} has a space or a colon in it, where LD_PRELOAD ends a path; set XDG_CACHE_HOME")
    return library


def _compile(compiler: Sequence[str], library: Path) -> None:
    """Put the library in its place in one step: two processes may do this at once."""
    try:
        with tempfile.TemporaryDirectory(dir=library.parent, prefix="clock-") as place:
            made = Path(place) / library.name
            done = _run([*compiler, *_FLAGS, "-o", str(made), str(_SOURCE), *_LIBRARIES], _COMPILE_SECONDS)
            if done.returncode != 0:
                said = next((line for line in done.stderr.splitlines() if "error" in line), f"code {done.returncode}")
                remedy = f"as root: {install_command(_PACKAGES)}"
                raise Unsupported(f"{shlex.join(compiler)} cannot compile the clock library ({said}); {remedy}")
            made.replace(library)
    except OSError as error:
        raise Unsupported(f"cannot write {library} ({error.strerror}); set XDG_CACHE_HOME") from error


def _run(argv: Sequence[str], timeout: float, **environment: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except OSError as error:
        raise Unsupported(f"clocks cannot be moved: {argv[0]} does not start ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise Unsupported(f"clocks cannot be moved: `{shlex.join(argv)}` did not end within {timeout:g} s") from error


def _doubt(library: Path) -> str | None:
    """What is wrong with the library, seen in another Python that starts with it; None where all is well."""
    with tempfile.TemporaryDirectory(prefix="lockquake-clock-") as place:
        file = Path(place) / "clock"
        _write(file, _TRY_OFFSET * 10**9)
        argv = [sys.executable, "-I", "-S", "-c", "import time; print(time.time(), time.monotonic())"]
        done = _run(argv, _TRY_SECONDS, LD_PRELOAD=str(library), **{VARIABLE: str(file)})
        wall, steady = time.time(), time.monotonic()
    try:
        seen_wall, seen_steady = map(float, done.stdout.split())
    except ValueError:
        return f"a Python with it ends with code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
    if abs(seen_wall - wall - _TRY_OFFSET) > _NEAR:
        return f"a Python with it is {seen_wall - wall:.0f} s off instead of {_TRY_OFFSET}: {done.stderr.strip()}"
    return None if abs(seen_steady - steady) < _NEAR else "it moves the monotonic clock as well"


def _write(file: Path, nanoseconds: int) -> None:
    """Store the offset in place and in one piece: running servers have this very file mapped."""
    if not file.exists():
        file.write_bytes(bytes(8))  # written, not left a hole: on a full disk a store into a hole is a SIGBUS
    with (
        file.open("r+b") as opened,
        mmap.mmap(opened.fileno(), 8) as page,
        memoryview(page) as view,
        view.cast("q") as cell,
    ):
        cell[0] = nanoseconds


class Clock:
    """The wall clock of one node, at 0 to begin with; ``directory`` (which must exist) holds its file, ``clock``.

    Raises Unsupported where the clock of ``program`` (looked for on ``path``) cannot be moved."""

    def __init__(self, directory: Path, program: str, path: str | None = None) -> None:
        if (reason := why_not(program, path)) is not None:
            raise Unsupported(reason)
        self._file = directory.absolute() / "clock"
        self.set(0)

    def environment(self, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
        """What the node's environment needs on top of ``inherited``; what that preloads stays."""
        preloaded = " ".join(filter(None, [str(shim()), inherited.get("LD_PRELOAD", "")]))
        return {"LD_PRELOAD": preloaded, VARIABLE: str(self._file)}

    def set(self, seconds: float) -> None:
        """From now on the node's clock is ``seconds`` ahead of ours (negative: behind). Raises ValueError."""
        if not abs(seconds) <= LONGEST:
            raise ValueError(f"a clock is moved by at most {LONGEST:g} s, not by {seconds:g} s")
        _write(self._file, round(seconds * 10**9))

    @property
    def offset(self) -> float:
        """By how many seconds the node's clock is ahead of ours."""
        return float(struct.unpack("@q", self._file.read_bytes())[0]) / 10**9
