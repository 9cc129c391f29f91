"""Small hand-made histories with a name each, and what must come of them: the corpus in ``histories/corpus``.

Times are milliseconds, leases 2 s and sessions 4 s as in trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker import stories_of_harm as harm
from tests.unit.checker import stories_of_locks as locks

LEASE = Spec(lease_ns=2000 * MS, recovery_ns=4000 * MS)
SESSION = Spec(session_ns=4000 * MS, fenced=True, fencing_checked=True, recovery_ns=8000 * MS)
FOREVER = Spec(recovery_ns=2000 * MS)
EXACT = Spec(refusals="exact", recovery_ns=2000 * MS)


@dataclass(frozen=True)
class Expected:
    """Validity of properties by name; kind, sub-kind and cause of a violation of mutual exclusion."""

    verdicts: dict[str, str] = field(default_factory=dict)
    kind: str | None = None
    sub_kind: str | None = None
    cause: str | None = None


def quiet() -> Story:
    """Two clients take turns under a lease; nothing happens."""
    story = Story(LEASE).trial(0, 1000).role(0, "redis-1", "primary")
    for number in range(4):
        start = number * 200
        for shift, client in ((0, "c1"), (100, "c2")):
            owner = f"{client}-{number}"
            story.hold(client, start + shift, start + shift + 2, until=start + shift + 60, owner=owner)
            story.began(start + shift + 2, "redis-1", owner).ended(start + shift + 61, "redis-1", owner, "deleted")
    return story


def paused_beyond_lease() -> Story:
    """c1 is paused beyond its lease right after the grant; c2 is let in; c1 wakes and writes."""
    return (
        Story(LEASE)
        .trial(0, 8000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 10, 12, owner="one")
        .began(12, "redis-1", "one")
        .fault("pause-client", 13, 4013, "c1", proven=14)
        .paused("c1", 14, 4013)
        .acquire("c2", 20, 2055, owner="two")
        .ended(2013, "redis-1", "one", "expired")
        .began(2055, "redis-1", "two")
        .read("c1", 4015, 4016, 0)
        .write("c1", 4020, 4022, 1)
        .ledger(4021, "c1", 1)
        .release("c1", 4030, 4032, "fail")
        .release("c2", 4040, 4042, "fail")
        .ended(4055, "redis-1", "two", "expired")
        .hold("c1", 4100, 4102, until=4150, owner="three")
        .began(4102, "redis-1", "three")
        .ended(4151, "redis-1", "three", "deleted")
    )


def frozen() -> Story:
    """The same, but c1 writes nothing after it was resumed and leaves at once."""
    return (
        Story(LEASE)
        .trial(0, 8000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 10, 12, owner="one")
        .began(12, "redis-1", "one")
        .fault("pause-client", 13, 4013, "c1", proven=14)
        .paused("c1", 14, 4013)
        .acquire("c2", 20, 2055, owner="two")
        .ended(2013, "redis-1", "one", "expired")
        .began(2055, "redis-1", "two")
        .release("c1", 4030, 4032, "fail")
        .release("c2", 4040, 4042)
        .ended(4041, "redis-1", "two", "deleted")
        .hold("c1", 4100, 4102, until=4150, owner="three")
    )


def failover() -> Story:
    """c1's key never reached the replica that is promoted; c2 is let in there while c1's lease is alive."""
    return (
        Story(Spec(lease_ns=10_000 * MS, recovery_ns=12_000 * MS))
        .trial(0, 9000)
        .role(0, "redis-1", "primary")
        .role(0, "redis-2", "replica")
        .acquire("c1", 100, 102, owner="one")
        .began(102, "redis-1", "one")
        .fault("failover", 105, 6000, "redis-1", proven=2300, recipe="cut-then-kill")
        .blind(110, 6000, "redis-1")
        .role(115, "redis-1", "down")
        .role(2250, "redis-2", "primary")
        .acquire("c2", 120, 2410, owner="two")
        .began(2408, "redis-2", "two")
        .write("c1", 2500, 2502, 1)
        .release("c1", 2600, 2700, "fail")
        .release("c2", 2650, 2652)
        .ended(2651, "redis-2", "two", "deleted")
        .role(6000, "redis-1", "primary")
        .ended(6000, "redis-1", "one", "restart")
        .role(6400, "redis-1", "replica")
        .hold("c2", 6500, 6502, until=6550, owner="three")
    )


def restart() -> Story:
    """The only server is killed and comes back without the key, within c1's lease."""
    return (
        Story(LEASE)
        .trial(0, 4000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 100, 102, owner="one")
        .began(102, "redis-1", "one")
        .fault("kill-node", 105, 600, "redis-1", proven=110)
        .blind(104, 640, "redis-1")
        .role(112, "redis-1", "down")
        .role(640, "redis-1", "primary")
        .ended(640, "redis-1", "one", "restart")
        .acquire("c2", 120, 650, owner="two")
        .began(649, "redis-1", "two")
        .release("c2", 700, 702)
        .ended(701, "redis-1", "two", "deleted")
        .release("c1", 900, 903, "fail")
        .hold("c1", 1000, 1002, until=1100, owner="three")
    )


def restart_seen_late() -> Story:
    """The same, but the observer sees the server again only long after c2 was let in; the key was lost in between."""
    return (
        Story(LEASE)
        .trial(0, 4000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 100, 102, owner="one")
        .began(102, "redis-1", "one")
        .fault("kill-node", 105, 600, "redis-1", proven=110)
        .blind(104, 1400, "redis-1")
        .acquire("c2", 120, 650, owner="two")
        .ended(1400, "redis-1", "one", "restart")
        .began(1400, "redis-1", "two")
        .release("c1", 900, 903, "fail")
        .release("c2", 1500, 1502)
        .ended(1501, "redis-1", "two", "deleted")
        .hold("c1", 1600, 1602, until=1700, owner="three")
    )


def replica_flushed() -> Story:
    """What happens on a replica is not the lock: its flush explains nothing."""
    return (
        Story(LEASE)
        .trial(0, 3000)
        .role(0, "redis-1", "primary")
        .role(0, "redis-2", "replica")
        .acquire("c1", 100, 102, owner="one")
        .began(102, "redis-1", "one")
        .began(103, "redis-2", "one")
        .fault("flush", 200, 210, "redis-2")
        .ended(205, "redis-2", "one", "flushed")
        .acquire("c2", 120, 300, owner="two")
        .began(300, "redis-1", "two")
        .release("c2", 400, 402)
        .release("c1", 500, 502, "fail")
        .hold("c2", 600, 602, until=700, owner="three")
    )


def promotion_found_no_key() -> Story:
    """Split brain; the observer of the new primary was blind for a while, but found no key there at the promotion."""
    return (
        Story(Spec(lease_ns=10_000 * MS, recovery_ns=12_000 * MS))
        .trial(0, 9000)
        .role(0, "redis-1", "primary")
        .role(0, "redis-2", "replica")
        .fault("failover", 100, 6000, "redis-1", "c1", proven=2300, recipe="split-brain")
        .blind(500, 1500, "redis-2")
        .acquire("c1", 450, 455, owner="one")
        .began(454, "redis-1", "one")
        .role(2250, "redis-2", "primary", "key absent")
        .acquire("c2", 120, 2410, owner="two")
        .began(2408, "redis-2", "two")
        .release("c2", 2900, 2902)
        .release("c1", 3000, 3002)
        .hold("c2", 6500, 6502, until=6550, owner="three")
    )


def deleted_by_nobody_we_know() -> Story:
    """c1's key was deleted while it held; the only foreign release was called after that was seen."""
    return (
        Story(LEASE)
        .trial(0, 3000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 100, 102, owner="one")
        .began(102, "redis-1", "one")
        .ended(200, "redis-1", "one", "deleted")
        .acquire("c3", 110, 150, "info", owner="three")
        .release("c3", 201, 203)
        .acquire("c2", 120, 240, owner="two")
        .began(239, "redis-1", "two")
        .release("c2", 300, 302)
        .ended(301, "redis-1", "two", "deleted")
        .release("c1", 400, 402, "fail")
    )


def three_inside() -> Story:
    """One long hold and two that come and go beside it: three pairs."""
    return (
        Story(FOREVER)
        .trial(0, 200)
        .role(0, "redis-1", "primary")
        .hold("c1", 0, 1, until=100)
        .hold("c2", 5, 10, until=60)
        .hold("c3", 15, 20, until=50)
    )


def foreign_release() -> Story:
    """c1 was paused beyond its lease; when it goes on it deletes c2's key, and c3 is let in while c2 is inside."""
    return (
        Story(LEASE)
        .trial(0, 9000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 10, 12, owner="one")
        .began(12, "redis-1", "one")
        .fault("pause-client", 13, 4013, "c1", proven=14)
        .paused("c1", 14, 4013)
        .ended(2013, "redis-1", "one", "expired")
        .acquire("c2", 3900, 3902, owner="two")
        .began(3902, "redis-1", "two")
        .release("c1", 4020, 4022)
        .ended(4022, "redis-1", "two", "deleted")
        .acquire("c3", 4000, 4060, owner="three")
        .began(4060, "redis-1", "three")
        .release("c2", 4100, 4102)
        .ended(4102, "redis-1", "three", "deleted")
        .release("c3", 4200, 4202, "fail")
        .hold("c1", 5000, 5002, until=5050, owner="four")
    )


def session_overstay() -> Story:
    """zk-sequential: c1 is paused for twice its session; c2 enters; c1 wakes and its stale write is rejected."""
    story = Story(SESSION).trial(0, 16_000)
    for node, role in (("zk-1", "follower"), ("zk-2", "leader"), ("zk-3", "follower")):
        story.role(0, node, role)
        story.began(30, node, "c1-1", key="/lock/c1-1-0000000001", session="0x1")
        story.began(60, node, "c2-1", key="/lock/c2-1-0000000002", session="0x2")
        story.ended(4200, node, "c1-1", "session-end", key="/lock/c1-1-0000000001", session="0x1")
        story.ended(8300, node, "c2-1", "deleted", key="/lock/c2-1-0000000002", session="0x2")
    return (
        story.acquire("c1", 10, 14, owner="a1", fence=1001)
        .fault("pause-client", 15, 8015, "c1", proven=16)
        .paused("c1", 16, 8015)
        .acquire("c2", 20, 4100, owner="a2", fence=1002)
        .read("c2", 4110, 4112, 0)
        .write("c2", 8000, 8002, 1, fence=1002)
        .ledger(8001, "c2", 1, 1002)
        .told("c1", 8020)
        .write("c1", 8021, 8023, 1, "fail", fence=1001)
        .ledger(8022, "c1", 1, 1001, accepted=False)
        .leave("c1", 8030)
        .release("c2", 8200, 8204)
        .acquire("c1", 8500, 8510, owner="a3", fence=1003)
        .release("c1", 8600, 8604)
    )


def stale_write() -> Story:
    """The ledger does not check: a write delayed beyond the lease lands, with no overlap of holders at all."""
    return (
        Story(Spec(lease_ns=2000 * MS, fenced=True, recovery_ns=4000 * MS))
        .trial(0, 6000)
        .acquire("c1", 0, 2, owner="one", fence=7)
        .write("c1", 10, 510, 1, "info", fence=7)
        .release("c1", 520, 522)
        .acquire("c2", 530, 532, owner="two", fence=8)
        .write("c2", 540, 542, 1, fence=8)
        .ledger(541, "c2", 1, 8)
        .ledger(900, "c1", 1, 7)
        .release("c2", 600, 602)
    )


def reused_token() -> Story:
    """After a failover the counter was lost with the lock: two attempts have token 7 and both write."""
    return (
        Story(Spec(lease_ns=2000 * MS, fenced=True))
        .trial(0, 6000)
        .acquire("c1", 0, 2, owner="one", fence=7)
        .write("c1", 10, 12, 1, fence=7)
        .ledger(11, "c1", 1, 7)
        .acquire("c2", 20, 30, owner="two", fence=7)
        .write("c2", 40, 42, 2, fence=7)
        .ledger(41, "c2", 2, 7)
        .release("c1", 50, 52)
        .release("c2", 60, 62)
    )


def killed_holder_with_lease() -> Story:
    """A holder is killed under a lease: the lock comes back when the lease lapses. Nothing is wrong with that."""
    return (
        Story(LEASE)
        .trial(0, 6000)
        .role(0, "redis-1", "primary")
        .acquire("c1", 10, 12, owner="one")
        .began(12, "redis-1", "one")
        .fault("kill-client", 20, 25, "c1", proven=24)
        .client("c1", 24, "killed")
        .acquire("c2", 15, 2040, owner="two")
        .ended(2013, "redis-1", "one", "expired")
        .began(2040, "redis-1", "two")
        .release("c2", 2100, 2102)
        .ended(2101, "redis-1", "two", "deleted")
        .hold("c3", 2200, 2202, until=2250, owner="three")
    )


def killed_holder_for_ever() -> Story:
    """``SETNX``: the holder is killed and the lock never comes back."""
    return (
        Story(FOREVER)
        .trial(0, 9000)
        .role(0, "redis-1", "primary")
        .hold("c2", 0, 2, until=8)
        .acquire("c1", 10, 12)
        .began(12, "redis-1", "1")
        .fault("kill-client", 20, 25, "c1", proven=24)
        .client("c1", 24, "killed")
        .acquire("c2", 15, 2015, "fail", error="not granted within 2 s; the last try: busy")
        .acquire("c2", 2100, 4100, "fail", error="not granted within 2 s; the last try: busy")
        .acquire("c3", 2100, 4100, "fail", error="not granted within 2 s; the last try: busy")
        .acquire("c2", 4200, 6200, "fail", error="not granted within 2 s; the last try: busy")
        .acquire("c3", 4200, None)
    )


def local_mutex() -> Story:
    """A mutex in each client's own process excludes nobody else: c1 and c2 are both let in, read 0 and write 1, and one
    update is lost."""
    return (
        Story(EXACT)
        .trial(0, 300)
        .role(0, "redis-1", "primary")
        .acquire("c1", 10, 11)
        .acquire("c2", 12, 13)
        .read("c1", 14, 15, 0)
        .read("c2", 16, 17, 0)
        .write("c1", 40, 41, 1)
        .ledger(40, "c1", 1)
        .write("c2", 45, 46, 1)
        .ledger(45, "c2", 1)
        .release("c1", 50, 51)
        .release("c2", 60, 61)
    )


def never_contended() -> Story:
    """Only one client ever held: no overlap, and no chance of one."""
    return Story(LEASE).trial(0, 500).hold("c1", 10, 12, until=50, owner="one")


def nobody_at_the_fault() -> Story:
    """Two clients held, but nobody held or waited when the fault took effect."""
    return (
        Story(LEASE)
        .trial(0, 9000)
        .hold("c1", 10, 12, until=50, owner="one")
        .hold("c2", 60, 62, until=90, owner="two")
        .fault("kill-node", 200, 700, "redis-1")
        .hold("c1", 900, 902, until=950, owner="three")
    )


CORPUS: dict[str, tuple[Callable[[], Story], Expected]] = {
    "quiet": (
        quiet,
        Expected({"mutual-exclusion": "valid", "lease": "valid", "owner-safe-release": "valid", "orphan": "valid"}),
    ),
    "paused-beyond-lease": (
        paused_beyond_lease,
        Expected(
            {"mutual-exclusion": "invalid", "lease": "valid", "owner-safe-release": "valid", "recovery": "valid"},
            kind="overstay",
            cause="lease-ran-out",
        ),
    ),
    "frozen": (
        frozen,
        Expected({"mutual-exclusion": "invalid", "lease": "valid"}, "overstay", "frozen", "lease-ran-out"),
    ),
    "failover": (
        failover,
        Expected(
            {"mutual-exclusion": "invalid", "lease": "invalid", "recovery": "valid"},
            kind="double-grant",
            cause="failover",
        ),
    ),
    "restart": (
        restart,
        Expected({"mutual-exclusion": "invalid", "lease": "invalid"}, kind="double-grant", cause="restart"),
    ),
    "restart-seen-late": (
        restart_seen_late,
        Expected({"mutual-exclusion": "invalid"}, kind="double-grant", cause="restart"),
    ),
    "replica-flushed": (
        replica_flushed,
        Expected({"mutual-exclusion": "invalid"}, kind="double-grant", cause="unproven"),
    ),
    "promotion-found-no-key": (
        promotion_found_no_key,
        Expected({"mutual-exclusion": "invalid", "lease": "invalid"}, kind="double-grant", cause="failover"),
    ),
    "deleted-by-nobody-we-know": (
        deleted_by_nobody_we_know,
        Expected({"mutual-exclusion": "invalid", "owner-safe-release": "valid"}, kind="double-grant", cause="unproven"),
    ),
    "three-inside": (
        three_inside,
        Expected({"mutual-exclusion": "invalid", "linearizability": "invalid"}, kind="double-grant", cause="algorithm"),
    ),
    "foreign-release": (
        foreign_release,
        Expected(
            {"mutual-exclusion": "invalid", "owner-safe-release": "invalid", "lease": "invalid"},
            kind="double-grant",
            cause="foreign-release",
        ),
    ),
    "session-overstay": (
        session_overstay,
        Expected(
            {
                "mutual-exclusion": "invalid",
                "lease": "valid",
                "fencing-at-grant": "valid",
                "fencing-at-ledger": "valid",
                "stale-belief": "valid",
                "recovery": "valid",
            },
            kind="overstay",
            sub_kind=None,
            cause="session-end",
        ),
    ),
    "stale-write": (
        stale_write,
        Expected({"mutual-exclusion": "valid", "fencing-at-grant": "valid", "fencing-at-ledger": "invalid"}),
    ),
    "reused-token": (
        reused_token,
        Expected(
            {"fencing-at-grant": "invalid", "fencing-at-ledger": "invalid", "mutual-exclusion": "invalid"},
            kind="double-grant",
            cause="unproven",
        ),
    ),
    "killed-holder-with-lease": (
        killed_holder_with_lease,
        Expected({"mutual-exclusion": "valid", "lease": "valid", "recovery": "valid", "orphan": "valid"}),
    ),
    "killed-holder-for-ever": (
        killed_holder_for_ever,
        Expected({"mutual-exclusion": "valid", "linearizability": "valid", "recovery": "invalid", "orphan": "invalid"}),
    ),
    "local-mutex": (
        local_mutex,
        Expected({"mutual-exclusion": "invalid", "linearizability": "invalid"}, kind="double-grant", cause="algorithm"),
    ),
    "never-contended": (never_contended, Expected({"mutual-exclusion": "unknown", "lease": "unknown"})),
    "nobody-at-the-fault": (nobody_at_the_fault, Expected({"mutual-exclusion": "unknown", "recovery": "valid"})),
    "anybody-may-release": (
        locks.anybody_may_release,
        Expected({"mutual-exclusion": "invalid", "linearizability": "invalid"}, "double-grant", cause="unproven"),
    ),
    "one-permit-too-many": (
        locks.one_permit_too_many,
        Expected({"mutual-exclusion": "invalid", "linearizability": "invalid"}, "double-grant", cause="unproven"),
    ),
    "freed-by-the-inner-release": (
        locks.freed_by_the_inner_release,
        Expected(
            {"mutual-exclusion": "invalid", "linearizability": "invalid", "re-entry": "valid"},
            kind="double-grant",
            cause="unproven",
        ),
    ),
    "writer-beside-a-reader": (
        locks.writer_beside_a_reader,
        Expected({"mutual-exclusion": "invalid", "linearizability": "invalid"}, "double-grant", cause="unproven"),
    ),
    "stale-read": (locks.stale_read, Expected({"linearizability": "invalid"})),
    "refused-while-free": (
        locks.refused_while_free,
        Expected({"mutual-exclusion": "valid", "linearizability": "invalid", "refusal-justified": "invalid"}),
    ),
    "refused-its-own-lock": (
        harm.refused_its_own_lock,
        Expected({"mutual-exclusion": "valid", "lease": "valid", "re-entry": "invalid"}),
    ),
    "paid-beyond-the-budget": (
        harm.paid_beyond_the_budget,
        Expected({"mutual-exclusion": "invalid", "conservation": "invalid"}, "overstay", cause="unproven"),
    ),
    "late-write": (
        harm.late_write,
        Expected({"mutual-exclusion": "valid", "lease": "valid", "lost-update": "invalid"}),
    ),
    "paid-twice": (harm.paid_twice, Expected({"mutual-exclusion": "valid", "duplicates": "invalid"})),
    "job-outlives-its-lock": (
        harm.job_outlives_its_lock,
        Expected({"mutual-exclusion": "invalid", "single-runner": "invalid"}, "overstay", cause="unproven"),
    ),
    "told-and-stayed": (harm.told_and_stayed, Expected({"mutual-exclusion": "valid", "stale-belief": "invalid"})),
    "back-too-late": (
        harm.back_too_late,
        Expected({"mutual-exclusion": "valid", "recovery": "invalid", "orphan": "invalid"}),
    ),
    "shut-out-by-itself": (
        harm.shut_out_by_itself,
        Expected({"mutual-exclusion": "unknown", "self-block": "invalid", "orphan": "invalid"}),
    ),
    "out-of-turn": (harm.out_of_turn, Expected({"mutual-exclusion": "valid", "fairness": "invalid"})),
    "everybody-is-woken": (harm.everybody_is_woken, Expected({"mutual-exclusion": "valid", "herd": "invalid"})),
}
