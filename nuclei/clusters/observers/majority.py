"""What most of several independent servers hold together: the lock, where no single server's key is the lock.

A key that ends on one of five masters has not ended the lock, and what one of them says of itself makes it no
authority. So the rows of each are kept as those of a ``member``, and what follows from them for the lock is written as
one more node, ``majority``: a key begins there when most members hold the same owner value, and ends, for the reason
that the last of them gave, when they no longer do.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import msgspec

from histories.rows import Role, Server
from histories.write import PartWriter

MAJORITY = "majority"
MEMBER = "member"
Rows = list[Role | Server]


class Majority:
    """Folds the rows of ``nodes`` as their observers write them (a pure fold)."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self.of = len(nodes)
        self.quorum = self.of // 2 + 1
        self.owner: str | None = None
        self._holds: dict[str, str] = {}
        self._blind: dict[str, int] = {}
        self._unseen: dict[str, tuple[int, int]] = {}
        self._t: int | None = None

    def take(self, row: Role | Server) -> Rows:
        """What is to be written for this row: the row of a member, and what it changes for the majority."""
        first = [self._in_charge(row.t)] if self._t is None else []
        self._t = max(row.t, self._t or 0)
        if isinstance(row, Role):
            return [*first, msgspec.structs.replace(row, role=_member(row.role), was=_member(row.was))]
        if row.event in {"blind", "seeing"}:
            return [*first, row, *self._sight(row)]
        return [*first, row, *self._change(row)]

    def _in_charge(self, t: int) -> Role:
        return Role(t=t, node=MAJORITY, role="primary", evidence=f"{self.quorum} of {self.of} masters")

    def _sight(self, row: Server) -> Rows:
        """Who does not see most of them sees no majority."""
        before = self.of - len(self._blind) >= self.quorum
        if row.event == "blind":
            self._blind.setdefault(row.node, row.t)
        else:
            self._unseen[row.node] = (self._blind.pop(row.node, row.t), row.t)
        now = self.of - len(self._blind) >= self.quorum
        if now == before:
            return []
        return [Server(t=row.t, node=MAJORITY, event="seeing" if now else "blind", key=row.key, evidence=row.node)]

    def _change(self, row: Server) -> Rows:
        if row.event == "began" and row.owner is not None:
            self._holds[row.node] = row.owner
        else:
            self._holds.pop(row.node, None)
        most = Counter(self._holds.values()).most_common(1)
        now = most[0][0] if most and most[0][1] >= self.quorum else None
        before, self.owner = self.owner, now
        if now == before:
            return []
        rows: Rows = []
        if before is not None:
            why = (
                f"fewer than {self.quorum} of {self.of} masters hold it; the last change was {row.reason} on {row.node}"
            )
            rows += [*self._since(row), self._row(row, "ended", before, why)]
        if now is not None:
            rows.append(self._row(row, "began", now, f"{self.quorum} of {self.of} masters hold it"))
        return rows

    def _since(self, row: Server) -> Rows:
        """What a member lost while it was not seen, the majority lost while it was not seen."""
        since, until = self._unseen.get(row.node, (row.t, row.t))
        if until != row.t or since == until:
            return []
        gap = Server(t=since, node=MAJORITY, event="blind", key=row.key, evidence=row.node)
        return [gap, msgspec.structs.replace(gap, t=self._t or row.t, event="seeing")]

    def _row(self, row: Server, event: str, owner: str, why: str) -> Server:
        """Not before the majority's earlier changes: members are watched by threads of their own."""
        reason = row.reason if event == "ended" else None
        return Server(
            t=self._t or row.t,
            node=MAJORITY,
            event=event,  # type: ignore[arg-type]
            key=row.key,
            owner=owner,
            reason=reason,
            evidence=why,
        )


def _member(role: str | None) -> str | None:
    return MEMBER if role == "primary" else role


class MajorityWriter:
    """Writes the rows of several nodes' observers, and the majority's. Threads share it."""

    def __init__(self, nodes: Sequence[str], writer: PartWriter) -> None:
        self._majority = Majority(nodes)
        self._writer = writer
        self._lock = threading.Lock()

    def write(self, row: Role | Server) -> None:
        """Take one row of a node's observer."""
        with self._lock:
            for each in self._majority.take(row):
                self._writer.write(each)
