"""What most of several independent servers hold together: the lock, where no single server's key is the lock.

A key that ends on one of five masters has not ended the lock, and what one of them says of itself makes it no
authority. So the rows of each are kept as those of a ``member``, and what follows from them for the lock is written as
one more node, ``majority``: a key begins there when most members hold the same owner value, and ends, for the reason
that the last of them gave, when they no longer do. A member may be a group, a master with replicas: the one that is in
charge of it speaks for it, and one that was promoted without the key has ended it there by ``failover``.
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
    """Folds the rows of the nodes of ``groups`` as their observers write them (a pure fold); the first of every group
    is in charge of it until another one was promoted."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self.of = len(groups)
        self.quorum = self.of // 2 + 1
        self.owner: str | None = None
        self._group = {node: number for number, members in enumerate(groups) for node in members}
        self._charge = [members[0] for members in groups]
        self._holds: dict[str, str] = {}
        self._blind: dict[str, int] = {}
        self._unseen: dict[str, tuple[int, int]] = {}
        self._key = ""
        self._t: int | None = None

    def take(self, row: Role | Server) -> Rows:
        """What is to be written for this row: the row of a member, and what it changes for the majority."""
        first = [self._in_charge(row.t)] if self._t is None else []
        self._t = max(row.t, self._t or 0)
        if isinstance(row, Role):
            said = msgspec.structs.replace(row, role=_member(row.role), was=_member(row.was))
            return [*first, said, *self._promotion(row)]
        self._key = row.key
        if row.event in {"blind", "seeing"}:
            return [*first, row, *self._sight(row)]
        return [*first, row, *self._change(row)]

    def _in_charge(self, t: int) -> Role:
        return Role(t=t, node=MAJORITY, role="primary", evidence=f"{self.quorum} of {self.of} masters")

    def _promotion(self, row: Role) -> Rows:
        """Who was promoted speaks for its group from now on."""
        if row.role != "primary" or row.was != "replica":
            return []
        saw = self._sees()
        self._charge[self._group[row.node]] = row.node
        moved = Server(t=row.t, node=row.node, event="ended", key=self._key, reason="failover")
        return [*self._sighted(saw, moved), *self._counted(moved)]

    def _sees(self) -> bool:
        return sum(node not in self._blind for node in self._charge) >= self.quorum

    def _sight(self, row: Server) -> Rows:
        """Who does not see most of them sees no majority."""
        saw = self._sees()
        if row.event == "blind":
            self._blind.setdefault(row.node, row.t)
        else:
            self._unseen[row.node] = (self._blind.pop(row.node, row.t), row.t)
        return self._sighted(saw, row)

    def _sighted(self, saw: bool, row: Server) -> Rows:
        now = self._sees()
        if now == saw:
            return []
        return [Server(t=row.t, node=MAJORITY, event="seeing" if now else "blind", key=row.key, evidence=row.node)]

    def _change(self, row: Server) -> Rows:
        if row.event == "began" and row.owner is not None:
            self._holds[row.node] = row.owner
        else:
            self._holds.pop(row.node, None)
        return self._counted(row)

    def _counted(self, row: Server) -> Rows:
        """What most of those in charge hold, after ``row``."""
        most = Counter(self._holds[node] for node in self._charge if node in self._holds).most_common(1)
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

    def __init__(self, groups: Sequence[Sequence[str]], writer: PartWriter) -> None:
        self._majority = Majority(groups)
        self._writer = writer
        self._lock = threading.Lock()

    def write(self, row: Role | Server) -> None:
        """Take one row of a node's observer."""
        with self._lock:
            for each in self._majority.take(row):
                self._writer.write(each)
