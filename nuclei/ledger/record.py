"""A record: what a resource did and can never take back; it is appended, never changed."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``amount`` was taken from ``resource`` (paid, sold, inserted) for the request of that id, if it has one."""

    resource: str
    amount: int = 1
    request: str | None = None

    @property
    def field(self) -> str:
        """Under which name the ledger counts its likes; empty for a record without a request."""
        return "" if self.request is None else f"{self.resource}/{self.request}"


NO_RECORD = Record(resource="")
"""For a write that appends none."""
