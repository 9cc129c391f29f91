"""A client's side of the ledger, through its own proxied link: read, and write with a fencing token. No retries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nuclei.ledger.record import NO_RECORD, Record
from nuclei.ledger.script import COUNTERS, KEYS, RECORDS, VALUE, WRITE
from nuclei.locks.base import Endpoint, Refused
from nuclei.locks.redis_connection import RedisConnection, one_server


class LedgerClient:
    """One client's access. Calls end like a lock's: by returning, Refused (certainly not done, or rejected) or
    Indeterminate (``timeout`` seconds passed, or the connection was lost: the write may land now or later).

    The ledger holds one value without a name, and counters by name; values are anything JSON can say. Where a value
    is shown (what is read, the log), a counter's is ``{NAME: value}``."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._redis = RedisConnection(one_server(endpoint), timeout)

    def connect(self) -> None:
        """Connect now, so that no hold pays for it later. Raises Refused."""
        self._redis.ready()

    def read(self) -> Any:
        """The value last written (None in a ledger that was never reset)."""
        return _value(self._redis.command("GET", VALUE))

    def read_counter(self, counter: str) -> dict[str, Any]:
        """``{counter: value}``, with None for one that was never written."""
        return {counter: _value(self._redis.command("HGET", COUNTERS, counter))}

    def count(self, record: Record) -> dict[str, int]:
        """How many records of this request there are on its resource: ``{"RESOURCE/REQUEST": how many}``."""
        return {record.field: int(self._redis.command("HGET", RECORDS, record.field) or 0)}

    def write(self, value: Any, *stamp: Any) -> None:
        """Write ``value``. ``stamp``: fencing token (or None), attempt, client and lock under which this is done.

        This and what follows raises Refused with the ledger's reason when it rejects it."""
        self._decided(stamp, value, "", _json(value), NO_RECORD)

    def write_counter(self, counter: str, value: Any, record: Record, *stamp: Any) -> None:
        """Write a counter, and append ``record`` in the same step (unless it is NO_RECORD)."""
        self._decided(stamp, {counter: value}, counter, _json(value), record)

    def append(self, record: Record, *stamp: Any) -> None:
        """Append a record and change no value."""
        self._decided(stamp, record, "", "", record)

    def close(self) -> None:
        """Drop the connection."""
        self._redis.close()

    def _decided(self, stamp: Sequence[Any], shown: Any, counter: str, text: str, record: Record) -> None:
        fence, *names = stamp
        made = "" if record is NO_RECORD else _json(record)
        words = ["" if fence is None else str(fence), *names, _json(shown), counter, text, made, record.field]
        answer = self._redis.command("EVAL", WRITE, len(KEYS), *KEYS, *words)
        if answer != "OK":
            raise Refused(f"rejected by the ledger: {answer}")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
