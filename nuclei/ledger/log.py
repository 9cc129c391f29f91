"""The runner's side of the ledger: make it pristine, and read every decision it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

import msgspec

from histories.rows import Effect, Ledger
from nuclei.ledger.record import Record
from nuclei.ledger.script import CHECKED, COUNTERS, KEYS, LOG, VALUE

AT_ONCE = 10_000
"""So many decisions are read in one go."""


class Commands(Protocol):
    """The one thing asked of a connection: ``redis.Redis`` has it."""

    def execute_command(self, *words: Any) -> Any:
        """Send a command and return its reply."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One write the ledger accepted or rejected, in its own order ``seq``. ``at``: its server's wall time in µs.
    ``record``: what was appended by it."""

    seq: int
    accepted: bool
    client: str
    lock: str
    attempt: str
    at: int
    op: Literal["write", "append"] = "write"
    fence: int | None = None
    value: Any = None
    record: Record | None = None
    reason: str | None = None

    def row(self, offset_ns: int) -> Ledger:
        """As a row of the history; ``offset_ns`` is what turns wall time into CLOCK_MONOTONIC (add it)."""
        return Ledger(
            t=self.at * 1000 + offset_ns, seq=self.seq, op=self.op, accepted=self.accepted, client=self.client,
            lock=self.lock, attempt=self.attempt, fence=self.fence, value=self.value, reason=self.reason,
        )  # fmt: skip

    def effect(self, offset_ns: int) -> Effect | None:
        """What it did at a resource, as a row; None where it was rejected or had no record."""
        if self.record is None or not self.accepted:
            return None
        return Effect(
            t=self.at * 1000 + offset_ns, seq=self.seq, resource=self.record.resource, amount=self.record.amount,
            request=self.record.request, client=self.client, lock=self.lock, attempt=self.attempt,
        )  # fmt: skip


def reset(redis: Commands, *, checked: bool, value: Any = 0, counters: Mapping[str, Any] | None = None) -> None:
    """Forget everything, write ``value`` and the counters, and switch the checking of fencing tokens on or off."""
    redis.execute_command("DEL", *KEYS)
    redis.execute_command("MSET", VALUE, msgspec.json.encode(value), CHECKED, "1" if checked else "0")
    for name, content in (counters or {}).items():
        redis.execute_command("HSET", COUNTERS, name, msgspec.json.encode(content))


def value_now(redis: Commands) -> Any:
    """The value the ledger holds."""
    text = redis.execute_command("GET", VALUE)
    return None if text is None else msgspec.json.decode(text)


def decisions(redis: Commands) -> list[Decision]:
    """Every decision since the last reset, in the ledger's order."""
    return list(_read(redis))


def _read(redis: Commands) -> Iterator[Decision]:
    begin = 0
    while entries := redis.execute_command("LRANGE", LOG, begin, begin + AT_ONCE - 1):
        yield from (msgspec.json.decode(entry, type=Decision) for entry in entries)
        begin += AT_ONCE
