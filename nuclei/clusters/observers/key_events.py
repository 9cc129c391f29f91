"""Notifications of one key of one Redis server, through a redis-cli beside it.

A value is read on another connection than notifications come on, so which of them it belongs to would be a guess. The
reading therefore publishes a mark in the same atomic step (a script), and the mark comes in order with the
notifications: the value is what the key held after exactly those that came before the mark.
"""

from __future__ import annotations

import secrets
import time

from nuclei.clusters.console import parse_csv
from nuclei.clusters.observers.holdings import Notice
from nuclei.platforms.base import NODE_SELF, HarnessError, Pipe, Platform

MARK = "mark "

# A subscribed redis-cli never reads its stdin, so nothing would end it when we go away: the shell around it does.
_GUARD = """
exec 3<&0
redis-cli -h "$1" -p "$2" --csv subscribe "$3" "$4" </dev/null 3<&- & cli=$!
{ cat <&3; kill "$cli"; } >/dev/null 2>&1 &
exec 3<&-
wait "$cli"
"""


class KeyEvents:
    """The stream of one key's notifications on one node. Belongs to one thread."""

    def __init__(self, platform: Platform, node: str, port: int, key: str) -> None:
        self._where = (platform, node, port)
        self._channel = f"__keyspace@0__:{key}"
        # Published messages are replicated, so every node needs a channel of its own.
        self.marks = f"lockquake:marks:{node}:{secrets.token_hex(4)}"
        self._pipe: Pipe | None = None

    def open(self, timeout: float) -> bool:
        """Subscribe unless that is done; whether notifications flow. Raises nothing."""
        if self._pipe is not None:
            return True
        platform, node, port = self._where
        try:
            self._pipe = platform.pipe(
                node, ["sh", "-c", _GUARD, "events", NODE_SELF, str(port), self._channel, self.marks]
            )
            if all(self._line(timeout) is not None for _ in range(2)):  # the confirmations of the subscription
                return True
        except (HarnessError, EOFError):
            pass
        self.close()
        return False

    def next(self, timeout: float) -> Notice | None:
        """The next notification, None after ``timeout`` seconds. Raises EOFError when the stream broke."""
        try:
            line = self._line(timeout)
        except EOFError:
            self.close()
            raise
        if line is None:
            return None
        _, channel, event = (str(word) for word in parse_csv(line)[:3])
        return Notice(time.monotonic_ns(), f"{MARK}{event}" if channel == self.marks else event)

    def drain(self, timeout: float) -> list[Notice]:
        """What is there already, waiting at most ``timeout`` seconds for the first. Raises EOFError."""
        notices = []
        while (notice := self.next(timeout)) is not None:
            notices.append(notice)
            timeout = 0.0
        return notices

    def until_mark(self, mark: str, timeout: float) -> list[Notice] | None:
        """The notifications that came before ``mark``; None when it did not come in time. Raises EOFError."""
        notices: list[Notice] = []
        deadline = time.monotonic() + timeout
        while (notice := self.next(max(0.0, deadline - time.monotonic()))) is not None:
            if notice.event == MARK + mark:
                return notices
            if not notice.event.startswith(MARK):
                notices.append(notice)
        return None

    def _line(self, timeout: float) -> str | None:
        if self._pipe is None:
            raise EOFError("not subscribed")
        return self._pipe.receive(timeout)

    def close(self) -> None:
        """End the subscription; :meth:`open` starts it again."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
