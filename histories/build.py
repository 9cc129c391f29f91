"""Write a history by hand, readably: for tests and for examples. Times are milliseconds, numbers are counted along.

history = (
    Story(Spec(lease_ns=100 * MS))
    .hold("A", 0, 1, until=150, owner="a")
    .hold("B", 100, 101, until=120, owner="b")
    .history()
)
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Self

from histories.read import History, arrange, sort_key
from histories.rows import (
    FORMAT_VERSION,
    Call,
    Client,
    Effect,
    Event,
    Fault,
    Header,
    Job,
    Leave,
    Ledger,
    Return,
    Role,
    Server,
    Told,
    Trial,
    Wake,
)
from histories.spec import Spec
from histories.vocabulary import ClientState, EndReason, LeaveReason, Operation, Outcome
from histories.write import encode

MS = 1_000_000
"""Nanoseconds in a millisecond."""
LOCK = "lock"
ASKED = frozenset({"mode", "permits"})
"""What a call says of itself, and its return does not."""


def ns(ms: float) -> int:
    """Milliseconds as the nanoseconds of a row."""
    return round(ms * MS)


class Story:
    """Rows in the making. Every method adds rows and gives the story back; ``attempt`` defaults to the client's last.

    A ``ret`` of None is a call that never came back. Attempts are named ``CLIENT-NUMBER``.
    """

    def __init__(self, spec: Spec | None = None, lock: str = LOCK, plan: dict[str, Any] | None = None) -> None:
        self.lock = lock
        self.rows: list[Event] = []
        self._header = Header(t=0, version=FORMAT_VERSION, spec=spec or Spec(), plan=plan or {})
        self._calls: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()

    def acquire(
        self,
        client: str,
        inv: float,
        ret: float | None,
        outcome: Outcome = "ok",
        *,
        op: Operation = "acquire",
        **fields: Any,
    ) -> Self:
        """An attempt to acquire. ``mode`` and ``permits`` go to the call row; ``fields`` (owner, fence, error, depth,
        refusal) to the return row."""
        self._attempts[client] += 1
        return self._call(client, op, inv, ret, outcome, None, fields)

    def release(
        self,
        client: str,
        inv: float,
        ret: float | None,
        outcome: Outcome = "ok",
        *,
        attempt: str | None = None,
        **fields: Any,
    ) -> Self:
        """A release; ``fields`` as for :meth:`acquire`."""
        return self._call(client, "release", inv, ret, outcome, attempt, fields)

    def renew(self, client: str, inv: float, ret: float | None, outcome: Outcome = "ok") -> Self:
        """A renewal of the lease."""
        return self._call(client, "renew", inv, ret, outcome, None, {})

    def hold(
        self, client: str, inv: float, ret: float, *, until: float, released: float | None = None, **fields: Any
    ) -> Self:
        """A granted acquire [inv, ret] and its successful release [until, released] (one ms later if not said)."""
        self.acquire(client, inv, ret, **fields)
        asked = {key: value for key, value in fields.items() if key in ASKED}
        return self.release(client, until, until + 1 if released is None else released, **asked)

    def read(self, client: str, inv: float, ret: float, value: Any) -> Self:
        """A read of the ledger."""
        return self._call(client, "read", inv, ret, "ok", None, {"value": value})

    def write(
        self, client: str, inv: float, ret: float | None, value: Any, outcome: Outcome = "ok", fence: int | None = None
    ) -> Self:
        """A write to the ledger, as the client saw it (see :meth:`ledger` for the ledger's decision)."""
        return self._call(client, "write", inv, ret, outcome, None, {"value": value, "fence": fence})

    def told(self, client: str, t: float, how: str = "SUSPENDED") -> Self:
        """The library told the client that it lost the lock."""
        return self.add(Told(t=ns(t), client=client, lock=self.lock, attempt=self.attempt(client), how=how))

    def leave(self, client: str, t: float, why: LeaveReason = "told") -> Self:
        """The client left without releasing."""
        return self.add(Leave(t=ns(t), client=client, lock=self.lock, attempt=self.attempt(client), why=why))

    def client(self, client: str, t: float, state: ClientState, pid: int | None = None) -> Self:
        """The runner did something to a client process, or it retired."""
        return self.add(Client(t=ns(t), client=client, state=state, pid=pid))

    def paused(self, client: str, start: float, end: float) -> Self:
        """The client process stood still from ``start`` to ``end``."""
        return self.client(client, start, "paused").client(client, end, "resumed")

    def fault(
        self,
        name: str,
        asked: float,
        healed: float | None,
        *targets: str,
        proven: float | None = None,
        ident: str | None = None,
        **params: Any,
    ) -> Self:
        """A fault in force from ``asked`` (``proven`` at once unless said) to ``healed``; None: it is never healed."""
        key = ident or f"f{1 + len({row.fault for row in self.rows if isinstance(row, Fault)})}"
        steps = [("asked", asked), ("proven", asked if proven is None else proven)]
        steps += [] if healed is None else [("heal-asked", healed), ("healed", healed)]
        for state, t in steps:
            known = [] if state == "asked" else list(targets)
            row: dict[str, Any] = {"state": state, "targets": known, "params": params}
            self.add(Fault(t=ns(t), fault=key, name=name, **row))
        return self

    def role(self, t: float, node: str, role: str, evidence: str | None = None) -> Self:
        """An observer saw a node's role."""
        return self.add(Role(t=ns(t), node=node, role=role, evidence=evidence))

    def began(self, t: float, node: str, owner: str | None, **fields: Any) -> Self:
        """An observer saw the lock's key (or ephemeral node) begin on a node."""
        fields = {"key": self.lock, **fields}
        return self.add(Server(t=ns(t), node=node, event="began", owner=owner, **fields))

    def ended(self, t: float, node: str, owner: str | None, reason: EndReason, **fields: Any) -> Self:
        """An observer saw the lock's key (or ephemeral node, or with ``key=""`` a session) end on a node."""
        fields = {"key": self.lock, **fields}
        return self.add(Server(t=ns(t), node=node, event="ended", owner=owner, reason=reason, **fields))

    def blind(self, start: float, end: float | None, node: str) -> Self:
        """The observer of a node could not see from ``start`` to ``end`` (None: ever after)."""
        self.add(Server(t=ns(start), node=node, event="blind"))
        return self if end is None else self.add(Server(t=ns(end), node=node, event="seeing"))

    def ledger(
        self, t: float, client: str, value: Any, fence: int | None = None, *, accepted: bool = True, attempt: str = ""
    ) -> Self:
        """The ledger decided on a write; its sequence is the order of these calls."""
        number = 1 + sum(isinstance(row, Ledger) for row in self.rows)
        row = Ledger(
            t=ns(t), seq=number, accepted=accepted, client=client, lock=self.lock, fence=fence, value=value,
            attempt=attempt or self.attempt(client),
        )  # fmt: skip
        return self.add(row)

    def effect(
        self, t: float, client: str, amount: float = 1, resource: str = "stock", *, request: str | None = None
    ) -> Self:
        """A resource gave ``amount`` to a client (negative: took it back), in the order of these calls."""
        number = 1 + sum(isinstance(row, Effect) and row.resource == resource for row in self.rows)
        row = Effect(
            t=ns(t), seq=number, resource=resource, amount=amount, request=request, client=client, lock=self.lock,
            attempt=self.attempt(client),
        )  # fmt: skip
        return self.add(row)

    def run(self, client: str, began: float, ended: float | None, job: str = "job", run: str | None = None) -> Self:
        """A run of a job, named by its client and number unless said; ``ended`` None: nobody saw it end."""
        number = 1 + sum(isinstance(row, Job) and row.state == "began" for row in self.rows)
        names: dict[str, Any] = {"job": job, "run": run or f"{client}-run-{number}", "client": client,
                                 "lock": self.lock, "attempt": self.attempt(client)}  # fmt: skip
        self.add(Job(t=ns(began), state="began", **names))
        return self if ended is None else self.add(Job(t=ns(ended), state="ended", **names))

    def wake(self, t: float, *clients: str, how: str = "watch") -> Self:
        """Waiters were woken, each in its latest attempt."""
        for client in clients:
            self.add(Wake(t=ns(t), client=client, lock=self.lock, attempt=self.attempt(client), how=how))
        return self

    def trial(self, start: float, end: float, why: str | None = None) -> Self:
        """When the trial began and ended."""
        self.add(Trial(t=ns(start), state="started"))
        return self.add(Trial(t=ns(end), state="ended", why=why))

    def add(self, *rows: Event) -> Self:
        """Any rows."""
        self.rows.extend(rows)
        return self

    def attempt(self, client: str) -> str:
        """The id of the client's latest attempt."""
        return f"{client}-{self._attempts[client]}"

    def history(self) -> History:
        """The rows in order, as a reader gives them."""
        return arrange([self._header, *self.rows], None, [])

    def save(self, path: Path) -> Path:
        """Write it as a history file, rows in order."""
        path.write_bytes(b"".join(encode(row) for row in [self._header, *sorted(self.rows, key=sort_key)]))
        return path

    def _call(
        self,
        client: str,
        op: Operation,
        inv: float,
        ret: float | None,
        outcome: Outcome,
        attempt: str | None,
        fields: dict[str, Any],
    ) -> Self:
        self._calls[client] += 1
        names: dict[str, Any] = {
            "client": client,
            "call": self._calls[client],
            "op": op,
            "lock": self.lock,
            "attempt": attempt or self.attempt(client),
        }
        asked = {key: fields.pop(key) for key in ASKED & fields.keys()}
        known = {key: value for key, value in fields.items() if key in {"owner", "fence", "value"}}
        self.add(Call(t=ns(inv), **names, **asked, **(known if op in {"acquire", "try", "write"} else {})))
        if ret is not None:
            self.add(Return(t=ns(ret), outcome=outcome, **names, **fields))
        return self
