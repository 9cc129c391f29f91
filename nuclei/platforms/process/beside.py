"""Commands beside a node's process: redis-cli, a shell. They are in a process group of their own and end with us: the
end of their stdin ends them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuclei.platforms.base import ExecResult, HarnessError
from nuclei.platforms.line_pipe import STDERR, STDOUT

_CHUNK = 65536
_END_SECONDS = 0.5
_WRITE_SECONDS = 5.0
"""How long a command may take nothing of what is written to it."""
_GIVEN_UP = 124
"""As timeout(1) says it."""


def run(node: str, argv: Sequence[str], environment: Mapping[str, str], home: Path, timeout: float) -> ExecResult:
    """Run a command to its end; exit code 124 when it was given up after ``timeout`` seconds. Raises HarnessError."""
    with _started(node, argv, environment, home, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            output, _ = process.communicate()
            return ExecResult(_GIVEN_UP, output.decode(errors="replace"))
    return ExecResult(process.returncode, output.decode(errors="replace"))


def _started(
    node: str, argv: Sequence[str], environment: Mapping[str, str], home: Path, *, stdin: int, stderr: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            bufsize=0,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            cwd=home,
            process_group=0,
        )
    except OSError as error:
        raise HarnessError(f"cannot run {argv[0]} beside {node}: {error.strerror}") from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class ChildStream:
    """A command's three pipes, see :class:`nuclei.platforms.line_pipe.Stream`. Writing belongs to one thread at a time,
    so does reading; any may close. Raises HarnessError."""

    def __init__(self, node: str, argv: Sequence[str], environment: Mapping[str, str], home: Path) -> None:
        self.name = f"{argv[0]} beside {node}"
        self._process = _started(node, argv, environment, home, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stdin is not None
        self._stdin = self._process.stdin
        pipes = ((self._process.stdout, STDOUT), (self._process.stderr, STDERR))
        self._outputs = {pipe.fileno(): kind for pipe, kind in pipes if pipe is not None}
        self._input = self._stdin.fileno()
        for number in (self._input, *self._outputs):
            os.set_blocking(number, False)
        self._early: deque[tuple[int, bytes]] = deque()
        """What it said and nobody has read yet."""
        self._guard = threading.Lock()
        self._closed = False

    def write(self, data: bytes) -> None:
        """To its stdin. Raises OSError when it has ended, or takes nothing for some seconds."""
        rest = memoryview(data)
        deadline = time.monotonic() + _WRITE_SECONDS
        while rest:
            taken = self._write_some(rest)
            rest = rest[taken:]
            if taken:
                deadline = time.monotonic() + _WRITE_SECONDS
            elif time.monotonic() > deadline:
                raise TimeoutError(f"it took nothing for {_WRITE_SECONDS:g} s")
            else:
                self._wait({self._input: select.POLLOUT} | self._readable(), _WRITE_SECONDS)

    def _write_some(self, data: memoryview) -> int:
        """How much of ``data`` went. Where nothing does, what it says is taken: one that answers while it reads takes
        nothing more before somebody has taken its answers."""
        with self._guard:
            if self._closed:
                raise BrokenPipeError(f"{self.name} was closed")
            try:
                return os.write(self._input, data)
            except BlockingIOError:
                for number in list(self._outputs):
                    self._take(number)
                return 0

    def _take(self, number: int) -> None:
        """Read from one of its outputs what there is, or its end. The guard is held."""
        with contextlib.suppress(BlockingIOError):
            if data := os.read(number, _CHUNK):
                self._early.append((self._outputs[number], data))
            else:
                del self._outputs[number]

    def _readable(self) -> dict[int, int]:
        return dict.fromkeys(list(self._outputs), select.POLLIN)

    def _wait(self, events: Mapping[int, int], seconds: float) -> bool:
        """Whether one of the events (file descriptor → what of it) came within so many seconds."""
        poll = select.poll()
        for number, event in events.items():
            poll.register(number, event)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def read(self, timeout: float) -> tuple[int, bytes] | None:
        """The next bytes and where they came from; None after ``timeout`` seconds. Raises EOFError."""
        deadline = time.monotonic() + timeout
        while True:
            with self._guard:
                if self._closed or not (self._early or self._outputs):
                    raise EOFError(f"{self.name} has ended")
                if self._early:
                    return self._early.popleft()
                readable = self._readable()
            if not self._wait(readable, deadline - time.monotonic()):
                return None
            with self._guard:
                for number in () if self._closed else [n for n in readable if n in self._outputs]:
                    self._take(number)

    def end(self) -> None:
        """SIGKILL it, because its node dies: a reader sees the end."""
        if self._process.poll() is None:
            _kill(self._process)

    def close(self) -> None:
        """End it by ending its stdin, then by force; idempotent, wakes a reader."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            with contextlib.suppress(OSError):
                self._stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(self._process)
            self._process.wait()
        with self._guard:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
