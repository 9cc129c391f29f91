"""Waiting for a message on a Redis channel: what locks wake their waiters with.

A message is only a hint. It is lost when the connection breaks, when a network swallows it, and where nobody is
subscribed yet, so whoever waits here must know for how long at most.

Source: Redis documentation, "Redis Pub/Sub" (at-most-once delivery).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nuclei.locks.base import Endpoint, LockError
from nuclei.locks.redis_connection import exchange, open_connection

if TYPE_CHECKING:
    from redis.connection import Connection


class RedisChannel:
    """A subscription on the server that ``find`` names. ``timeout``: seconds that connecting and subscribing may take.
    Not for use by several threads."""

    def __init__(self, find: Callable[[], Endpoint], name: str, timeout: float) -> None:
        self._find = find
        self._name = name
        self._timeout = timeout
        self._connection: Connection | None = None

    def forget(self) -> bool:
        """Forget the messages that came so far; whether this is subscribed."""
        while self._next(0.0) is not None:
            pass
        return self._connection is not None

    def subscribe(self) -> bool:
        """Be subscribed; False where that cannot be had now."""
        if self._connection is not None:
            return True
        try:
            connection = open_connection(self._find(), self._timeout)
        except LockError:
            return False
        try:
            exchange(connection, "SUBSCRIBE", self._name)
        except LockError:
            connection.disconnect()
            return False
        self._connection = connection
        return True

    def wait(self, seconds: float) -> bool:
        """Whether a message came within ``seconds``. False at once when the subscription breaks."""
        return self._next(seconds) is not None

    def close(self) -> None:
        """End the subscription."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _next(self, seconds: float) -> object | None:
        """The next message, None when none came in time or the connection broke (it is then given up)."""
        from redis.exceptions import RedisError

        if self._connection is None:
            return None
        try:
            if not self._connection.can_read(timeout=max(0.0, seconds)):
                return None
            message: object = self._connection.read_response()
        except (RedisError, OSError):
            self.close()
            return None
        return message
