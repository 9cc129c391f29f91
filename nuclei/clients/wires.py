"""The worker's two wires to its runner: requests on stdin, answers on stdout, one JSON object a line."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

import msgspec

from nuclei.clients.protocol import ENCODER, REQUEST_DECODER, Report, Request, Trouble

RUNNER_GONE = 3
"""Exit code of a worker whose runner closed the wire without ``quit`` (it died)."""

MOST_WAITING = 16 * 1024
"""Bytes that are left for later at most."""


class Wires:
    """Private copies of stdin and stdout, so that nothing a lock's library prints can enter the protocol.

    From here on file descriptor 0 reads nothing and 1 goes where stderr goes.
    """

    def __init__(self) -> None:
        self._in = os.dup(0)
        self._out = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        self._writing = threading.Lock()
        self._waiting = bytearray()

    def say(self, report: Report) -> None:
        """Send an answer, and before it what was left for later. A runner that cannot be reached any more ends this
        process."""
        self.later(report)
        self.flush()

    def later(self, report: Report) -> None:
        """Send an answer with the next one, or at the next :meth:`flush`: what costs most is to wake the runner."""
        line = ENCODER.encode(report) + b"\n"
        with self._writing:
            self._waiting += line
            if len(self._waiting) > MOST_WAITING:
                self._send()

    def flush(self) -> None:
        """Send what was left for later."""
        with self._writing:
            self._send()

    def _send(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._out, self._waiting)]
        except BrokenPipeError:
            os._exit(RUNNER_GONE)

    def listen(self, hear: Callable[[Request], None]) -> None:
        """Pass every request on until the wire ends, which ends this process at once: its runner is gone."""
        with os.fdopen(self._in, "rb") as lines:
            for line in lines:
                try:
                    hear(REQUEST_DECODER.decode(line))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    shown = line[:200].decode(errors="replace").strip()
                    text = f"this client does not understand the message {shown!r}: {error}"
                    self.say(Trouble(t=time.monotonic_ns(), error=text))
        sys.stderr.write("the runner is gone: its wire ended without `quit`\n")
        sys.stderr.flush()
        os._exit(RUNNER_GONE)
