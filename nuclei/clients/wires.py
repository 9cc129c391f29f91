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

    def say(self, report: Report) -> None:
        """Send an answer. A runner that cannot be reached any more ends this process."""
        rest = memoryview(ENCODER.encode(report) + b"\n")
        try:
            with self._writing:
                while rest:
                    rest = rest[os.write(self._out, rest) :]
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
