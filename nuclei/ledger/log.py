"""The runner's side of the ledger: make it pristine, and read every decision it took."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from histories.rows import Ledger
from nuclei.ledger.script import CHECKED, KEYS, LOG, VALUE


class Commands(Protocol):
    """The one thing asked of a connection: ``redis.Redis`` has it."""

    def execute_command(self, *words: Any) -> Any:
        """Send a command and return its reply."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One write the ledger accepted or rejected, in its own order ``seq``. ``at``: its server's wall time in µs."""

    seq: int
    accepted: bool
    client: str
    lock: str
    attempt: str
    at: int
    fence: int | None = None
    value: Any = None
    reason: str | None = None

    def row(self, offset_ns: int) -> Ledger:
        """As a row of the history; ``offset_ns`` is what turns wall time into CLOCK_MONOTONIC (add it)."""
        return Ledger(
            t=self.at * 1000 + offset_ns, seq=self.seq, accepted=self.accepted, client=self.client, lock=self.lock,
            attempt=self.attempt, fence=self.fence, value=self.value, reason=self.reason,
        )  # fmt: skip


def reset(redis: Commands, *, checked: bool, value: Any = 0) -> None:
    """Forget everything, write ``value``, and switch the checking of fencing tokens on or off."""
    redis.execute_command("DEL", *KEYS)
    redis.execute_command("MSET", VALUE, msgspec.json.encode(value), CHECKED, "1" if checked else "0")


def value_now(redis: Commands) -> Any:
    """The value the ledger holds."""
    text = redis.execute_command("GET", VALUE)
    return None if text is None else msgspec.json.decode(text)


def decisions(redis: Commands) -> list[Decision]:
    """Every decision since the last reset, in the ledger's order."""
    return [msgspec.json.decode(entry, type=Decision) for entry in redis.execute_command("LRANGE", LOG, 0, -1)]
