"""The clock library in a real process: what it moves and what it leaves alone; how it is compiled and kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from nuclei.platforms.base import Unsupported
from nuclei.platforms.process import clock
from nuclei.platforms.process.clock import LONGEST, VARIABLE, Clock

needs_clocks = pytest.mark.usefixtures("clocks")
SECOND = 10**9
TICK = SECOND // 50
"""Coarse clocks lag by up to a tick of the kernel."""

READER = """
import ctypes, json, os, sys, time
libc = ctypes.CDLL(None)
class Pair(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("rest", ctypes.c_long)]
def asked(name, unit, *arguments):
    pair = Pair()
    getattr(libc, name)(*(ctypes.byref(pair) if argument is None else argument for argument in arguments))
    assert 0 <= pair.rest * unit < 10**9, (name, pair.rest)
    return pair.seconds * 10**9 + pair.rest * unit
libc.time.restype = ctypes.c_long
def read():
    return {
        "clock_gettime": asked("clock_gettime", 1, 0, None),
        "coarse": asked("clock_gettime", 1, 5, None),
        "gettimeofday": asked("gettimeofday", 1000, None, 0),
        "timespec_get": asked("timespec_get", 1, None, 1),
        "time": libc.time(None) * 10**9,
        "python": time.time_ns(),
        "monotonic": time.monotonic_ns(),
        "process": time.process_time_ns(),
    }
"""
ANSWER = "for line in sys.stdin: print(json.dumps(read()), flush=True)"
WALL = ("clock_gettime", "coarse", "gettimeofday", "timespec_get", "time", "python")


class Reader:
    """A Python that reads every clock whenever it is asked."""

    def __init__(self, environment: Mapping[str, str], script: str = ANSWER) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", READER + script],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> dict[str, int]:
        """All clocks, in ns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        read: dict[str, int] = json.loads(self._process.stdout.readline())
        return read

    def expect(self, seconds: float) -> None:
        """Every wall clock is ``seconds`` ahead of ours, to the ns that our own two readings leave; no other is."""
        wall, steady = time.time_ns(), time.monotonic_ns()
        read = self.read()
        passed = time.monotonic_ns() - steady
        offset = round(seconds * SECOND)
        for name in WALL:
            early = {"coarse": TICK, "gettimeofday": 1000, "time": SECOND + TICK}.get(name, 0)
            assert -early <= read[name] - offset - wall <= passed, (name, read[name] - wall, offset)
        assert 0 <= read["monotonic"] - steady <= passed
        assert read["process"] < 100 * SECOND

    def end(self) -> None:
        self._process.communicate(timeout=10)
        assert self._process.returncode == 0


@pytest.fixture
def clocks() -> None:
    """Skips, with the reason, where nothing can be compiled; a library that then does not work is a failure."""
    if (reason := clock.why_not()) is not None:
        (pytest.fail if shutil.which("cc") and sys.platform == "linux" else pytest.skip)(reason)


@pytest.fixture
def reader() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def make(environment: Mapping[str, str], script: str = ANSWER) -> Reader:
        readers.append(Reader(environment, script))
        return readers[-1]

    yield make
    for each in readers:
        each.end()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for the library, and nothing remembered; the place of the library."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    clock.shim.cache_clear()
    yield tmp_path / "lockquake"
    clock.shim.cache_clear()


@needs_clocks
def test_every_wall_clock_moves_while_the_process_runs_and_no_other(
    tmp_path: Path, reader: Callable[..., Reader]
) -> None:
    moved = Clock(tmp_path, sys.executable)
    child = reader(moved.environment())
    child.expect(0)
    for seconds in (60, -60, 0.25, -0.75, 1.999999999, -1.999999999, 86_400.5, LONGEST, -LONGEST, 0):
        moved.set(seconds)
        assert moved.offset == pytest.approx(seconds, abs=1e-6)
        child.expect(moved.offset)


@needs_clocks
def test_parts_of_seconds_carry(tmp_path: Path, reader: Callable[..., Reader]) -> None:
    """The reader asserts that every reading is below a whole second, wherever in a second it is taken."""
    moved = Clock(tmp_path, sys.executable)
    child = reader(moved.environment())
    for number in range(200):
        moved.set((number - 100) / 101)
        child.expect(moved.offset)


@needs_clocks
def test_the_offset_is_never_read_half_written(tmp_path: Path, reader: Callable[..., Reader]) -> None:
    """Between 0 and -1 ns every byte changes; a mixture would be at least 256 ns, most of them years, away."""
    moved = Clock(tmp_path, sys.executable)
    script = (
        "sys.stdin.readline(); print(json.dumps(sorted({time.time_ns() - time.time_ns() for _ in range(300_000)})))"
    )
    child = reader(moved.environment(), script)
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            moved.set(-1e-9)
            moved.set(0)

    flipping = threading.Thread(target=flip)
    flipping.start()
    try:
        seen = child.read()
    finally:
        stop.set()
        flipping.join()
    assert -4 * SECOND < min(map(int, seen)) <= max(map(int, seen)) <= 1


@needs_clocks
def test_children_share_the_clock(tmp_path: Path, reader: Callable[..., Reader]) -> None:
    """Forked ones through the memory that they inherit, others through their environment."""
    moved = Clock(tmp_path, sys.executable)
    moved.set(3600)
    forked = reader(moved.environment(), f"if os.fork(): os._exit(os.WEXITSTATUS(os.wait()[1]))\n{ANSWER}")
    forked.expect(3600)
    moved.set(-3600)
    forked.expect(-3600)
    done = subprocess.run(
        ["sh", "-c", "date +%s"], env={**os.environ, **moved.environment()}, capture_output=True, check=True
    )
    assert abs(int(done.stdout) - time.time() + 3600) < 5


@needs_clocks
@pytest.mark.parametrize("file", ["none", "missing", "short", "directory"])
def test_without_an_offset_nothing_changes(file: str, tmp_path: Path, reader: Callable[..., Reader]) -> None:
    (tmp_path / "short").write_bytes(b"\xff" * 7)
    (tmp_path / "directory").mkdir()
    environment = {"LD_PRELOAD": str(clock.shim())}
    if file != "none":
        environment[VARIABLE] = str(tmp_path / file)
    reader(environment).expect(0)


@needs_clocks
def test_what_is_preloaded_already_stays(tmp_path: Path) -> None:
    environment = Clock(tmp_path, sys.executable).environment({"LD_PRELOAD": "/lib/other.so"})
    assert environment["LD_PRELOAD"] == f"{clock.shim()} /lib/other.so"


@needs_clocks
def test_a_clock_begins_at_zero_in_the_file_that_a_running_server_has_mapped(
    tmp_path: Path, reader: Callable[..., Reader]
) -> None:
    first = Clock(tmp_path, sys.executable)
    first.set(60)
    child = reader(first.environment())
    child.expect(60)
    assert Clock(tmp_path, sys.executable).offset == 0
    child.expect(0)


@needs_clocks
@pytest.mark.parametrize("seconds", [LONGEST * 1.01, -LONGEST * 1.01, float("inf"), float("nan")])
def test_a_clock_that_is_too_far_off_is_refused(seconds: float, tmp_path: Path) -> None:
    moved = Clock(tmp_path, sys.executable)
    with pytest.raises(ValueError, match="at most"):
        moved.set(seconds)
    assert moved.offset == 0


@needs_clocks
def test_a_program_that_cannot_be_preloaded_has_no_clock(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no program that could be started"):
        Clock(tmp_path, "no-such-program")
    assert clock.why_not(sys.executable) is None
    assert list(tmp_path.iterdir()) == []


@needs_clocks
def test_the_library_is_compiled_once_and_replaced_when_it_is_broken(fresh: Path) -> None:
    library = clock.shim()
    made = library.stat().st_ino
    clock.shim.cache_clear()
    assert clock.shim() == library
    assert library.stat().st_ino == made
    library.write_bytes(b"\x7fELF, half of it")
    clock.shim.cache_clear()
    assert clock.shim() == library
    assert library.stat().st_size > 1000
    assert list(fresh.iterdir()) == [library]


@needs_clocks
def test_two_processes_compile_at_once(fresh: Path) -> None:
    script = "from nuclei.platforms.process import clock; print(clock.shim())"
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=60)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert [str(file) for file in fresh.iterdir()] == list(said)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere clocks are unsupported for another reason")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PATH", "", "no C compiler; as root: apt-get update && apt-get install .*gcc libc6-dev"),
        ("CC", "no-such-compiler", "no-such-compiler does not start"),
        ("CC", "sh -c 'echo error: no time.h >&2; exit 1'", r"cannot compile .*\(error: no time.h\).*libc6-dev"),
        ("CC", "sh -c 'true'", "cannot write .*set XDG_CACHE_HOME"),
        pytest.param(
            "XDG_CACHE_HOME",
            "/proc/nowhere",
            "no place to keep .*set XDG_CACHE_HOME",
            marks=pytest.mark.skipif(
                shutil.which("cc") is None and shutil.which("gcc") is None, reason="no C compiler: that is said first"
            ),
        ),
    ],
)
def test_the_reason_and_the_remedy_are_told(
    name: str, value: str, words: str, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name != "CC":
        monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(Unsupported, match=words):
        clock.shim()
    assert clock.why_not() is not None
    assert not fresh.exists() or list(fresh.iterdir()) == []


@needs_clocks
def test_a_place_that_cannot_be_preloaded_from_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.shim.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "my cache"))
    assert "has a space or a colon" in (clock.why_not() or "")
