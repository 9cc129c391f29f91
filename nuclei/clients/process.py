"""The runner's side of one client: its process, its messages, and what can be done to it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from histories.rows import AnyRow, Client
from histories.vocabulary import Point
from nuclei.clients.protocol import (
    ANSWER_DECODER,
    ENCODER,
    Answer,
    At,
    Configure,
    Done,
    Finish,
    Live,
    Quit,
    Ready,
    Request,
    Trouble,
)
from nuclei.platforms import signals
from nuclei.platforms.base import HarnessError
from nuclei.platforms.signals import Proof
from nuclei.platforms.spawner import environment, python_module, spawn

Kind = TypeVar("Kind", bound=Answer)

WORKER = "nuclei.clients.worker"
START_LIMIT = 15.0
QUIT_LIMIT = 2.0
NAP = 0.005
"""Seconds by which rows, and what comes with them, may be heard later than they were sent."""
CHUNK = 64 * 1024
_ROWS: msgspec.json.Decoder[AnyRow] = msgspec.json.Decoder(AnyRow)


class ClientGone(HarnessError):
    """The client process ended before it answered."""


@dataclass(frozen=True)
class Ending:
    """How a client came to its end: ``quit`` (by itself), ``killed`` (by us), ``died`` (before it was asked)."""

    how: str
    code: int | None
    figures: dict[str, float] = field(default_factory=dict)


class ClientProcess:
    """A client process from spawn to end. Methods may be called from several threads.

    ``name``: the id it was started with. ``client``: the identity it works under now (a retired client is followed by
    a fresh one in the same process); exact once the process has ended. ``paused``: stopped by :meth:`pause`.
    Rows arrive at the callbacks of :meth:`on_row` in the reader thread, in the order in which they were written.
    """

    def __init__(self, configure: Configure, directory: Path, command: Sequence[str] | None = None) -> None:
        """Spawn and configure; returns at once, see :meth:`ready`. ``directory`` gets NAME.stderr.

        Raises HarnessError when the process cannot be started.
        """
        self.name = self.client = configure.client
        self.paused = False
        self.killed: Proof | None = None
        self.stderr = directory / f"{configure.client}.stderr"
        self._callbacks: list[Callable[[AnyRow], None]] = []
        self._answers: list[Answer] = []
        self._changed = threading.Condition()
        self._ended = False
        self._writing = threading.Lock()
        self._broken: Exception | None = None
        argv = list(command) if command is not None else python_module(WORKER, "--runner", str(os.getpid()))
        try:
            with self.stderr.open("ab") as errors:
                self._process = spawn(
                    argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment()
                )
        except OSError as error:
            raise HarnessError(f"cannot start client {self.name} with {' '.join(argv)}: {error}") from error
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name=f"client-{self.name}", daemon=True)
        self._reader.start()
        # One that ended at once cannot be told anything: ready() then says so, with its last words.
        with contextlib.suppress(ClientGone):
            self.send(configure)

    # ---- messages

    def on_row(self, callback: Callable[[AnyRow], None]) -> None:
        """Call ``callback`` with every row the client sends from now on; it must be quick and not raise."""
        self._callbacks.append(callback)

    def ready(self, timeout: float = START_LIMIT) -> Ready:
        """Wait until it is configured and connected."""
        return self.expect(Ready, timeout)

    def send(self, request: Request) -> None:
        """Send a message. Raises ClientGone when the process has ended."""
        line = memoryview(ENCODER.encode(request) + b"\n")
        assert self._process.stdin is not None
        try:
            with self._writing:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._gone(f"sending it {type(request).__name__}") from error

    def expect(self, kind: type[Kind], timeout: float, where: Callable[[Kind], bool] = lambda answer: True) -> Kind:
        """Wait for an answer of this kind (others stay for later). Raises HarnessError after ``timeout`` seconds or
        when the client reports trouble of its own, ClientGone when it ended."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for answer in self._answers:
                    if isinstance(answer, kind) and where(answer):
                        self._answers.remove(answer)
                        return answer
                self._complain(kind.__name__)
                if not self._changed.wait(deadline - time.monotonic()):
                    raise HarnessError(
                        f"client {self.name} gave no {kind.__name__} within {timeout} s; "
                        f"its other answers: {self._answers or 'none'}{self._last_words()}"
                    )

    def wait_at(self, point: Point, timeout: float) -> At:
        """Wait until it stands at the barrier of ``point``."""
        return self.expect(At, timeout, lambda answer: answer.point == point)

    def stands_at(self, point: Point) -> At | None:
        """Its report that it stands at the barrier of ``point``, if it has sent one since it was last asked for."""
        with self._changed:
            for answer in self._answers:
                if isinstance(answer, At) and answer.point == point:
                    self._answers.remove(answer)
                    return answer
        return None

    @property
    def done(self) -> Done | None:
        """Its report that the work is done, once there is one."""
        with self._changed:
            return next((answer for answer in self._answers if isinstance(answer, Done)), None)

    @property
    def trouble(self) -> str | None:
        """What the client reported of itself (not of its lock), or None."""
        with self._changed:
            return next((answer.error for answer in self._answers if isinstance(answer, Trouble)), None)

    # ---- what can be done to it

    @property
    def alive(self) -> bool:
        """Whether the process has not ended (a paused one is alive)."""
        return self._process.poll() is None

    def pause(self) -> Proof:
        """Stop all its threads; returns when the kernel has reported them stopped."""
        proof = signals.stop(self._process)
        self.paused = True
        return proof

    def resume(self) -> Proof:
        """Let it run again; idempotent. Raises HarnessError when it has ended."""
        proof = signals.go_on(self._process)
        self.paused = False
        return proof

    def kill(self) -> Proof:
        """SIGKILL; returns when it has ended and its last answers are read."""
        proof = self.killed = signals.kill(self._process)
        self._reader.join(signals.LIMIT)
        self.paused = False
        return proof

    def end(self, timeout: float = 5.0) -> Ending:
        """Bring it to its end within about ``timeout`` seconds whatever state it is in: ask it to finish and quit; a
        paused or unwilling one is killed. Idempotent; never raises. Closes everything."""
        figures: dict[str, float] = {}
        how = "killed" if self.killed else "died"
        if self.alive and not self.paused:
            try:
                self.send(Finish())
                figures = self.expect(Done, timeout).figures
                self.send(Quit())
                self._process.wait(QUIT_LIMIT)
                how = "quit"
            except (HarnessError, subprocess.TimeoutExpired):
                pass
        if self.alive:
            how = "killed"
            try:
                self.kill()
            except HarnessError:
                how = "killed" if self.alive else "died"
        self._reader.join(signals.LIMIT)
        with self._writing:
            for pipe in (self._process.stdin, self._process.stdout):
                try:
                    if pipe is not None and not (pipe is self._process.stdout and self._reader.is_alive()):
                        pipe.close()
                except BrokenPipeError:
                    pass
        return Ending(how, self._process.poll(), figures)

    def __enter__(self) -> ClientProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.end()

    # ---- within

    def _read(self) -> None:
        """Hear the client to its end. After rows the reader naps: a client whose every row had to wake it would spend
        more on that than on all else of recording."""
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        rest = b""
        while chunk := os.read(out, CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if not any([self._heard(line) for line in lines]):
                time.sleep(NAP)
        if rest:
            self._heard(rest)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _heard(self, line: bytes) -> bool:
        """Take one line; whether somebody may be waiting for it (rows are only looked at)."""
        try:
            answer = ANSWER_DECODER.decode(line)
            if isinstance(answer, Live):
                self._row(_ROWS.decode(answer.line))
                return False
        except Exception as error:
            shown = line[:200].decode(errors="replace").strip()
            answer = Trouble(t=time.monotonic_ns(), error=f"its answer {shown!r} could not be taken: {error!r}")
        with self._changed:
            self._answers.append(answer)
            self._changed.notify_all()
        return True

    def _row(self, row: AnyRow) -> None:
        if isinstance(row, Client) and row.state == "started":
            self.client = row.client
        for callback in self._callbacks:
            callback(row)

    def _complain(self, kind: str) -> None:
        """Raise when the answer waited for cannot come any more."""
        for answer in self._answers:
            if isinstance(answer, Trouble):
                raise HarnessError(f"client {self.name} failed: {answer.error}{self._last_words()}")
        if self._ended:
            raise self._gone(f"it gave {kind}")

    def _gone(self, before: str) -> ClientGone:
        try:
            code = self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            return ClientGone(f"client {self.name} closed its wire before {before}{self._last_words()}")
        return ClientGone(f"client {self.name} ended with code {code} before {before}{self._last_words()}")

    def _last_words(self) -> str:
        text = self.stderr.read_text(errors="replace").strip()
        return f"; the end of {self.stderr.name}:\n" + "\n".join(text.splitlines()[-50:]) if text else ""
