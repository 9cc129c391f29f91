"""A shell loop beside a server that asks it over and over: no fork and no exec per question, nothing crosses a proxy.

The loop is sent ``NUMBER QUESTION`` and prints what it hears, then ``end NUMBER``. Before the first question it prints
``run``, a space and when the server's process began, so that an answer can be told from one of an earlier server.
Bash's /dev/tcp opens connections; bash is in all images.
"""

from __future__ import annotations

import itertools
import threading
import time

from nuclei.clusters.console import OPEN_SECONDS, NoAnswer
from nuclei.platforms.base import NODE_HOME, NODE_SELF, HarnessError, Pipe, Platform

RUN = r"""
host=$1 port=$2 home=$3
read -r pid <"$home/pid" && read -r stat <"/proc/$pid/stat" && set -- ${stat##*) } && echo "run ${20}"
"""
"""How every loop begins: it names ``host``, ``port`` and ``home``, and says which run of the server this is."""

EXCHANGE = rf"""{RUN}
while read -r number request; do
    if {{ exec 3<>"/dev/tcp/$host/$port"; }} 2>/dev/null; then
        printf %b "$request" >&3
        while IFS= read -r line <&3 || [ -n "$line" ]; do printf '%s\n' "$line"; done
        exec 3>&-
    fi
    echo "end $number"
done
"""
"""Sends each question as it is (with the escapes of printf's %b) on a connection of its own, and prints all until
the server closes it."""


def escaped(request: str) -> str:
    """A request in one line, as :data:`EXCHANGE` takes it."""
    return request.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


class LineLoop:
    """The loop inside one node, opened at the first question and again after the node froze or died. ``run``: when the
    server's process began, for the latest answer. Thread-safe."""

    def __init__(self, platform: Platform, node: str, port: int, script: str = EXCHANGE) -> None:
        self.node = node
        self.run = ""
        self._where = (platform, port, script)
        self._pipe: Pipe | None = None
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def ask(self, request: str, timeout: float = 1.0) -> list[str]:
        """The lines of the answer, none where nobody listens. Raises NoAnswer when the node is frozen or dead, or too
        slow."""
        with self._lock:
            deadline = time.monotonic() + timeout
            fresh = self._pipe is None
            try:
                return self._exchange(request, deadline)
            except (HarnessError, EOFError) as error:
                self._drop()
                if fresh:
                    raise NoAnswer(f"{self.node} did not answer {_named(request)}: {error}") from error
            except NoAnswer:
                self._drop()
                raise
            try:  # that loop died with an earlier run of the server
                return self._exchange(request, deadline)
            except (HarnessError, EOFError, NoAnswer) as error:
                self._drop()
                raise NoAnswer(f"{self.node} did not answer {_named(request)}: {error}") from error

    def _exchange(self, request: str, deadline: float) -> list[str]:
        if self._pipe is None:
            deadline = max(deadline, time.monotonic() + OPEN_SECONDS)
        pipe = self._open(deadline)
        number = next(self._numbers)
        pipe.send(f"{number} {request}")
        lines: list[str] = []
        while (line := self._line(pipe, deadline)) != f"end {number}":
            lines.append(line)
        return lines

    def _open(self, deadline: float) -> Pipe:
        if self._pipe is None:
            platform, port, script = self._where
            self._pipe = platform.pipe(self.node, ["bash", "-c", script, "ask", NODE_SELF, str(port), NODE_HOME])
            self.run = self._line(self._pipe, deadline).partition(" ")[2]
        return self._pipe

    def _line(self, pipe: Pipe, deadline: float) -> str:
        line = pipe.receive(max(0.001, deadline - time.monotonic()))
        if line is None:
            raise NoAnswer(f"{self.node} did not answer in time")
        return line

    def _drop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def close(self) -> None:
        """End the loop; the next question starts it again."""
        with self._lock:
            self._drop()


def _named(request: str) -> str:
    """The first words of a question, for messages."""
    return request.partition("\\r")[0][:40]
