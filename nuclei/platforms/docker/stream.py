"""A command inside a container with its stdin, stdout and stderr in our hands.

The daemon multiplexes both outputs over one hijacked connection: frames with an eight byte header (stream number,
three zero bytes, length in network order), see "Attach to a container" in the Docker Engine API.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nuclei.platforms.base import ExecResult, HarnessError
from nuclei.platforms.docker.wording import explained

if TYPE_CHECKING:
    from docker import DockerClient

_HEADER = struct.Struct(">BxxxL")
_BEGIN_SECONDS = 2.0


class ExecStream:
    """One exec'ed command and its demultiplexed output. Reading belongs to one thread at a time, so does writing.

    Raises HarnessError when the daemon refuses (container paused or gone).
    """

    def __init__(self, client: DockerClient, container: str, node: str, argv: Sequence[str], stdin: bool) -> None:
        self.name = f"{argv[0]} in {node}"
        self._api = client.api
        with explained(f"run {self.name}"):
            made = self._api.exec_create(container, list(argv), stdin=stdin, stdout=True, stderr=True)
            self.id = str(made["Id"])
            holder: Any = self._api.exec_start(self.id, socket=True)
        self._holder = holder
        # Over a unix socket the SDK hands out the buffered reader's raw side, which wraps the socket itself.
        self._socket: Any = getattr(holder, "_sock", holder)
        self._closing = threading.Lock()
        self._closed = False
        self._raw = bytearray()

    def await_begin(self) -> None:
        """Wait until the daemon has a process for it (or its end), at most 2 s. Raises HarnessError, and is closed."""
        deadline = time.monotonic() + _BEGIN_SECONDS
        try:
            with explained(f"look at {self.name}"):
                while time.monotonic() < deadline:
                    seen = self._api.exec_inspect(self.id)
                    if seen.get("Pid") or seen["ExitCode"] is not None:
                        return
                    time.sleep(0.005)
        except HarnessError:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """To the command's stdin. Raises OSError when the connection is gone."""
        self._socket.sendall(data)

    def read(self, timeout: float) -> tuple[int, bytes] | None:
        """The next chunk as (1 stdout | 2 stderr, bytes), None after ``timeout`` seconds without one.

        Raises EOFError when the command has ended (or the stream was closed)."""
        deadline = time.monotonic() + timeout
        while True:
            frame = self._frame()
            if frame is not None:
                return frame
            try:
                self._socket.settimeout(max(0.0005, deadline - time.monotonic()))
                chunk = self._socket.recv(65536)
            except TimeoutError:
                return None
            except (OSError, ValueError) as error:
                raise EOFError(f"the stream of {self.name} broke: {error}") from None
            if not chunk:
                raise EOFError(f"{self.name} has ended")
            self._raw += chunk

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._raw) < _HEADER.size:
            return None
        stream, size = _HEADER.unpack_from(self._raw)
        if len(self._raw) < _HEADER.size + size:
            return None
        data = bytes(self._raw[_HEADER.size : _HEADER.size + size])
        del self._raw[: _HEADER.size + size]
        return stream, data

    def exit_code(self) -> int | None:
        """The command's exit code, None while it runs. Raises HarnessError."""
        with explained(f"look at {self.name}"):
            code = self._api.exec_inspect(self.id)["ExitCode"]
        return None if code is None else int(code)

    def close(self) -> None:
        """Drop the connection: the command reads the end of its stdin. Idempotent, wakes a reader."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        # The response keeps the connection alive after the socket object is closed.
        response = getattr(self._holder, "_response", None)
        for thing in (response, self._holder, self._socket):
            if thing is not None:
                # Closing one may have closed another, whose flush then fails with ValueError.
                with contextlib.suppress(OSError, ValueError):
                    thing.close()


def run(stream: ExecStream, deadline: float) -> ExecResult:
    """Read a command to its end. After ``deadline`` (time.monotonic) it is given up: exit code 124, as timeout(1) says
    it."""
    output = bytearray()
    try:
        while True:
            chunk = stream.read(max(0.0, deadline - time.monotonic()))
            if chunk is None:
                return ExecResult(124, output.decode(errors="replace"))
            output += chunk[1]
    except EOFError:
        # The stream can end a moment before the daemon has noted the exit code.
        while (code := stream.exit_code()) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return ExecResult(124 if code is None else code, output.decode(errors="replace"))
    finally:
        stream.close()
