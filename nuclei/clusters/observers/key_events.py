"""Notifications of one key of one Redis server, through a redis-cli beside it."""

from __future__ import annotations

import time

from nuclei.clusters.console import parse_csv
from nuclei.clusters.observers.holdings import Notice
from nuclei.platforms.base import HarnessError, Pipe, Platform

# A subscribed redis-cli never reads its stdin, so nothing would end it when we go away: the shell around it does.
_GUARD = """
exec 3<&0
redis-cli -p "$1" --csv subscribe "$2" </dev/null 3<&- & cli=$!
{ cat <&3; kill "$cli"; } >/dev/null 2>&1 &
exec 3<&-
wait "$cli"
"""


class KeyEvents:
    """The stream of one key's notifications on one node. Belongs to one thread."""

    def __init__(self, platform: Platform, node: str, port: int, key: str) -> None:
        self._where = (platform, node, port)
        self._channel = f"__keyspace@0__:{key}"
        self._pipe: Pipe | None = None

    def open(self, timeout: float) -> bool:
        """Subscribe unless that is done; whether notifications flow. Raises nothing."""
        if self._pipe is not None:
            return True
        platform, node, port = self._where
        try:
            self._pipe = platform.pipe(node, ["sh", "-c", _GUARD, "events", str(port), self._channel])
            if self._line(timeout) is not None:  # the confirmation of the subscription
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
        return Notice(time.monotonic_ns(), str(parse_csv(line)[-1]))

    def drain(self, timeout: float) -> list[Notice]:
        """What is there already, waiting at most ``timeout`` seconds for the first. Raises EOFError."""
        notices = []
        while (notice := self.next(timeout)) is not None:
            notices.append(notice)
            timeout = 0.0
        return notices

    def _line(self, timeout: float) -> str | None:
        if self._pipe is None:
            raise EOFError("not subscribed")
        return self._pipe.receive(timeout)

    def close(self) -> None:
        """End the subscription; :meth:`open` starts it again."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
