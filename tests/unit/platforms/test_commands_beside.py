"""Commands beside a node: their output, their end, and pipes that never block whoever reads them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuclei.platforms.base import HarnessError
from nuclei.platforms.line_pipe import STDERR, STDOUT
from nuclei.platforms.process import beside
from nuclei.platforms.process.beside import ChildStream


class Streams(list[ChildStream]):
    def __init__(self, home: Path) -> None:
        self.home = home

    def open(self, *argv: str) -> ChildStream:
        self.append(ChildStream("redis-1", argv, dict(os.environ), self.home))
        return self[-1]


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[Streams]:
    made = Streams(tmp_path)
    yield made
    for stream in made:
        stream.close()
        assert stream._process.poll() is not None


def run(tmp_path: Path, *argv: str, timeout: float = 5.0) -> tuple[int, str]:
    done = beside.run("redis-1", argv, dict(os.environ), tmp_path, timeout)
    return done.code, done.output


def test_a_command_has_its_output_its_code_and_the_nodes_home(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "echo out; echo err >&2; exit 3") == (3, "out\nerr\n")
    assert run(tmp_path, "pwd") == (0, f"{tmp_path}\n")
    assert run(tmp_path, "cat") == (0, "")  # there is nothing to read


def test_one_that_takes_too_long_is_given_up_with_all_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    assert run(tmp_path, "sh", "-c", "echo begun; sleep 30 & echo $! >pid; wait", timeout=0.3) == (124, "begun\n")
    assert time.monotonic() - began < 20.0
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 2.0
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_missing_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot run no-such-command beside redis-1: No such file"):
        run(tmp_path, "no-such-command")


def said(stream: ChildStream, size: int, kind: int = STDOUT) -> bytes:
    """So many bytes of one of its outputs."""
    found = b""
    while len(found) < size:
        chunk = stream.read(5.0)
        assert chunk is not None
        assert chunk[0] == kind
        found += chunk[1]
    return found


def test_more_than_the_pipes_hold_is_written_without_a_reader(streams: Streams) -> None:
    stream = streams.open("cat")
    data = os.urandom(1 << 20)
    stream.write(data)
    assert said(stream, len(data)) == data


def test_a_reader_beside_a_writer_gets_everything_in_order(streams: Streams) -> None:
    stream = streams.open("cat")
    data = os.urandom(4 << 20)
    writer = threading.Thread(target=stream.write, args=(data,))
    writer.start()
    assert said(stream, len(data)) == data
    writer.join(5.0)
    assert not writer.is_alive()


def test_one_that_takes_nothing_is_given_up(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_WRITE_SECONDS", 0.2)
    stream = streams.open("sleep", "30")
    with pytest.raises(OSError, match=r"took nothing for 0\.2 s"):
        stream.write(bytes(1 << 20))


def test_both_outputs_are_told_apart_and_silence_is_none(streams: Streams) -> None:
    stream = streams.open("sh", "-c", "echo out; read line; echo $line >&2; read line")
    assert said(stream, 4) == b"out\n"
    assert stream.read(0.02) is None
    stream.write(b"err\n")
    assert said(stream, 4, STDERR) == b"err\n"


def test_the_end_comes_after_the_last_words(streams: Streams) -> None:
    stream = streams.open("sh", "-c", "echo last")
    assert said(stream, 5) == b"last\n"
    with pytest.raises(EOFError, match="sh beside redis-1 has ended"):
        stream.read(5.0)
    with pytest.raises(BrokenPipeError):
        stream.write(bytes(1 << 20))


@pytest.mark.parametrize("how", ["end", "close"])
def test_a_waiting_reader_is_woken(streams: Streams, how: str) -> None:
    stream = streams.open("sleep", "30")
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(EOFError):
            stream.read(20.0)
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    getattr(stream, how)()
    assert ended.wait(5.0)
    reader.join()


def test_a_closed_one_takes_nothing_and_closing_twice_is_harmless(streams: Streams) -> None:
    stream = streams.open("cat")
    stream.close()
    stream.close()
    with pytest.raises(BrokenPipeError, match="was closed"):
        stream.write(b"x")
    with pytest.raises(EOFError):
        stream.read(0.1)


def test_one_that_ignores_the_end_of_its_stdin_is_killed(streams: Streams) -> None:
    stream = streams.open("sleep", "30")
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 20.0
