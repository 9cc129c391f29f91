"""A client's side of the ledger, through its own proxied link: read, and write with a fencing token. No retries."""

from __future__ import annotations

from typing import Any

import msgspec

from nuclei.ledger.script import KEYS, VALUE, WRITE
from nuclei.locks.base import Endpoint, Refused
from nuclei.locks.redis_connection import RedisConnection, one_server


class LedgerClient:
    """One client's access. Calls end like a lock's: by returning, Refused (certainly not done, or rejected) or
    Indeterminate (``timeout`` seconds passed, or the connection was lost: the write may land now or later)."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._redis = RedisConnection(one_server(endpoint), timeout)

    def connect(self) -> None:
        """Connect now, so that no hold pays for it later. Raises Refused."""
        self._redis.ready()

    def read(self) -> Any:
        """The value last written (None in a ledger that was never reset)."""
        text = self._redis.command("GET", VALUE)
        return None if text is None else msgspec.json.decode(text)

    def write(self, value: Any, fence: int | None, attempt: str, client: str, lock: str) -> None:
        """Write ``value`` (anything JSON can say). Raises Refused with the ledger's reason when it rejects it."""
        text = msgspec.json.encode(value).decode()
        digits = "" if fence is None else str(fence)
        answer = self._redis.command("EVAL", WRITE, len(KEYS), *KEYS, text, digits, attempt, client, lock)
        if answer != "OK":
            raise Refused(f"rejected by the ledger: {answer}")

    def close(self) -> None:
        """Drop the connection."""
        self._redis.close()
