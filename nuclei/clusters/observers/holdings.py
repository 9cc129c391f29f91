"""What one Redis node held under the lock's key, from its notifications and from reading the key (a pure fold).

Redis' keyspace notifications say that something happened to the key, not which value it got; reading the key says
which value it has, not what happened between two readings. Together they give who held it, and why that ended.
See "Redis keyspace notifications" in the Redis documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from histories.vocabulary import EndReason

_ENDS: dict[str, EndReason] = {
    "del": "deleted",
    "expired": "expired",
    "evicted": "evicted",
    "rename_from": "deleted",
    "move_from": "deleted",
}
# What gives a key a value, for the types that locks use; expire, persist and the like leave the holder as it is.
_WRITES = {"set", "getset", "setrange", "append", "restore", "rename_to", "copy_to"}
# What gives an absent key its first content, but only adds to one that is there: its holder, re-entering, say.
_ADDS = {"hset", "hincrby", "hincrbyfloat", "sadd", "zadd", "lpush"}


@dataclass(frozen=True)
class Notice:
    """A notification: the event's name and when it reached us (CLOCK_MONOTONIC ns)."""

    t: int
    event: str


@dataclass(frozen=True)
class Change:
    """Something began or ended under the key. ``owner`` is None where the value was gone before it could be read."""

    t: int
    event: Literal["began", "ended"]
    owner: str | None
    reason: EndReason | None = None
    evidence: str | None = None


class Holdings:
    """The key on one node. ``owner`` is the value last known there, None when the key is absent."""

    def __init__(self) -> None:
        self.owner: str | None = None

    def fold(self, notices: Sequence[Notice], value: str | None, t: int, otherwise: EndReason) -> list[Change]:
        """The changes since the last reading, oldest first; ``value`` was read at ``t``, after exactly these notices.

        ``otherwise`` is the reason for an end that no notice explains.
        """
        changes: list[Change] = []
        present, owner = self.owner is not None, self.owner
        since: int | None = None  # when the present value began, as long as nobody has told of it
        for notice in notices:
            if notice.event in _ENDS and present:
                changes += _whole(owner, since, Change(notice.t, "ended", owner, _ENDS[notice.event]))
                present, owner, since = False, None, None
            elif notice.event in _WRITES | _ADDS and not present:
                present, owner, since = True, None, notice.t
            elif notice.event in _WRITES and (owner is None or value != owner):
                changes += _whole(owner, since, Change(notice.t, "ended", owner, "replaced"))
                owner, since = None, notice.t
        changes += self._settle(present, owner, since, value, t, otherwise)
        self.owner = value
        return changes

    def _settle(
        self, present: bool, owner: str | None, since: int | None, value: str | None, t: int, otherwise: EndReason
    ) -> list[Change]:
        """From what the notices say to what was read."""
        if since is not None and value is not None:
            return [Change(since, "began", value)]
        if present and owner == value:
            return []
        changes = []
        if present:
            reason: EndReason = "replaced" if value is not None and otherwise == "unknown" else otherwise
            changes += _whole(owner, since, Change(t, "ended", owner, reason))
        if value is not None:
            changes.append(Change(t, "began", value, evidence="seen by reading the key"))
        return changes


def _whole(owner: str | None, since: int | None, ended: Change) -> list[Change]:
    """An end, with its beginning when nobody has told of that yet."""
    if since is not None:
        return [Change(since, "began", None, evidence="gone before its value could be read"), ended]
    return [ended]
