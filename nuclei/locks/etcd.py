"""``etcd``: the lock of etcd's own Go client (clientv3/concurrency, Mutex), through the JSON gateway.

Every contender puts a key that lives in its lease, under the condition that it is new; the oldest holds the lock, each
of the others waits until the one before it is deleted. The revision that made the key is the fencing token. A lease
ends with its holder, or a TTL after it was heard of last; the holder is told by its own clock before that.

A paused holder is told nothing: after the TTL the next one is let in, and the paused one goes on when it wakes.

Sources: etcd, client/v3/concurrency/mutex.go, session.go; etcd, "etcd versus other key-value stores" (Jepsen, etcd
3.4.3, 2020: locks are no mutual exclusion without the revision as a fencing token).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockEntry, LockError, Refused
from nuclei.locks.claims import (
    CUT_BEYOND,
    HOLDER_KILLED,
    ISOLATED,
    NO_FAULT,
    PAUSE_BEYOND,
    PAUSE_WITHIN,
    SERVER_KILLED,
    kept,
    lost,
)
from nuclei.locks.etcd_gateway import EtcdGateway, after, in_base64
from nuclei.locks.etcd_lease import EtcdLease, lock_prefix, whole_seconds
from nuclei.locks.redis_lock import SECOND_NS

ELECTION_MARGIN_NS = 4 * SECOND_NS
"""Added to the promised recovery: electing a leader, who gives every lease its full time again."""
_LOOK_AGAIN = 1.0
"""Seconds after which a waiter looks itself, whatever its watch says."""


class EtcdMutex(Lock):
    """``_key``: the own contender. Holding and the lease's end change under one mutex, so that a loss either finds the
    lock held (and the client is told) or is found by the grant (which is then not given)."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        around = context.surroundings
        places = [around.endpoints[name] for name in around.nodes["etcd"]]
        context.random.shuffle(places)
        limit = around.number("op_timeout", 1.0)
        self._prefix = lock_prefix(context.key)
        self._etcd = EtcdGateway(places, limit)
        self._lease = EtcdLease(EtcdGateway(places, limit), whole_seconds(around.settings), self._lost)
        self._mutex = threading.Lock()
        self._holding = False
        self._key = ""

    def connect(self) -> None:
        """Have a lease."""
        self._lease.have()

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Enlist, and wait for one's turn; cleaning up after a vain wait takes a request more."""
        deadline = time.monotonic() + limit
        with self._mutex:
            if self._holding:  # its key is there already, and the oldest
                raise Refused("busy: held under this very lease")
        lease = self._lease.have()
        self._key = f"{self._prefix}{lease:x}"
        revision, first = self._enlist(attempt, lease)
        try:
            if not first:
                self._wait(revision, deadline)
            with self._mutex:
                if self._lease.current != lease:
                    raise Refused("the lease was lost while waiting")
                self._holding = True
        except LockError as error:
            self._withdraw(error)
        return Grant(owner=attempt.owner, fence=revision)

    def release(self) -> None:
        """Delete the own key."""
        with self._mutex:
            self._holding = False
        if not self._key:
            raise Refused("not held: there is no attempt to release")
        said = self._etcd.ask("/v3/kv/deleterange", {"key": in_base64(self._key)})
        self._key = ""
        if not int(said.get("deleted", 0)):
            raise Refused("not held: there is no key of this lease")

    def close(self) -> None:
        """Keep the lease no longer, and drop the connections."""
        with self._mutex:
            self._holding = False
        self._lease.close()
        self._etcd.close()

    # ---- the recipe

    def _enlist(self, attempt: Attempt, lease: int) -> tuple[int, bool]:
        """Put the own key unless it is there; the revision that made it, and whether it is the oldest."""
        key = in_base64(self._key)
        put = {"request_put": {"key": key, "value": in_base64(attempt.owner), "lease": str(lease)}}
        oldest = {"request_range": {**self._all(), "sort_target": "CREATE", "sort_order": "ASCEND", "limit": "1"}}
        said = self._etcd.ask(
            "/v3/kv/txn",
            {
                "compare": [{"target": "CREATE", "result": "EQUAL", "key": key, "create_revision": "0"}],
                "success": [put, oldest],
                "failure": [{"request_range": {"key": key}}, oldest],
            },
        )
        own, first = said["responses"]
        made = said["header"]["revision"] if said.get("succeeded") else _only(own)["create_revision"]
        return int(made), int(_only(first)["create_revision"]) == int(made)

    def _all(self) -> dict[str, str]:
        return {"key": in_base64(self._prefix), "range_end": in_base64(after(self._prefix))}

    def _wait(self, revision: int, deadline: float) -> None:
        """Until everybody before us has gone and our own key is still there. Raises Refused at the deadline."""
        while (found := self._before(revision, deadline)) is not None:
            key, since = found
            if time.monotonic() >= deadline:
                raise Refused("busy: not granted within the limit")
            self._wait_until_gone(key, since, min(deadline - time.monotonic(), _LOOK_AGAIN))
        if not self._etcd.ask("/v3/kv/range", {"key": in_base64(self._key)}).get("kvs"):
            raise Refused("the own key is gone: its lease has ended")

    def _before(self, revision: int, deadline: float) -> tuple[str, int] | None:
        """The key next before us (in base64) and the revision to watch it from; None where we are the oldest. Looking
        again is harmless, so a server that does not answer is passed over until the deadline."""
        newest = {"sort_target": "CREATE", "sort_order": "DESCEND", "limit": "1"}
        wanted = {**self._all(), **newest, "max_create_revision": str(revision - 1)}
        while True:
            try:
                said = self._etcd.ask("/v3/kv/range", wanted)
            except LockError:
                if time.monotonic() >= deadline:
                    raise
                continue
            kvs = said.get("kvs")
            return (kvs[0]["key"], int(said["header"]["revision"]) + 1) if kvs else None

    def _wait_until_gone(self, key: str, since: int, seconds: float) -> None:
        for event in self._etcd.events(key, since, seconds):
            if event.get("type") == "DELETE":
                self.context.on_wake("the one before us is gone")
                return

    def _withdraw(self, cause: LockError) -> None:
        """Delete the own key after a failed acquire: Refused when it is certainly gone, else Indeterminate."""
        try:
            self._etcd.ask("/v3/kv/deleterange", {"key": in_base64(self._key)})
        except LockError as error:
            raise Indeterminate(f"{cause}; the own key may still be there: {error}") from error
        self._key = ""
        raise Refused(str(cause)) from cause

    def _lost(self) -> None:
        """The keeper's thread: the lease has ended, or cannot be confirmed."""
        with self._mutex:
            held, self._holding = self._holding, False
        if held:
            self.context.on_lost("the lease has ended, or nobody confirms it")


def _only(response: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = response["response_range"]["kvs"][0]
    return found


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session (the lease), fenced. A younger contender refuses rightly: spurious refusals."""
    session = whole_seconds(settings) * SECOND_NS
    return Spec(session_ns=session, fenced=True, recovery_ns=2 * session + ELECTION_MARGIN_NS)


RECIPE = "https://pkg.go.dev/go.etcd.io/etcd/client/v3/concurrency#Mutex"
JEPSEN = "https://jepsen.io/analyses/etcd-3.4.3 (Locks)"

LOCK = LockEntry(
    name="etcd",
    summary="lease and oldest key, as clientv3/concurrency has it; fencing token = create revision",
    clusters=("etcd",),
    make=EtcdMutex,
    spec=spec,
    defaults={"ttl": 2.0, "op_timeout": 1.0},
    claims=(
        *kept("mutual-exclusion", RECIPE, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, SERVER_KILLED, ISOLATED, CUT_BEYOND),
        *kept("recovery", RECIPE, HOLDER_KILLED),
        *lost("mutual-exclusion", JEPSEN, PAUSE_BEYOND, kind="overstay", cause="session-end"),
        *kept("lease", RECIPE, PAUSE_BEYOND),
        *kept("fencing-at-ledger", JEPSEN, PAUSE_BEYOND),
    ),
)
