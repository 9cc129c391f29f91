"""Stories of what happens to those who rely on a lock: at the resource, to a job, and to clients that wait."""

from __future__ import annotations

from histories.build import MS, Story
from histories.spec import Spec

LEASE = Spec(lease_ns=2000 * MS, recovery_ns=4000 * MS)


def refused_its_own_lock() -> Story:
    """A re-entrant lock with a lease, which its holder may take three times. c1 is refused at the second."""
    return (
        Story(Spec(lease_ns=2000 * MS, reentry_limit=3, refusals="exact", recovery_ns=4000 * MS))
        .trial(0, 500)
        .acquire("c1", 10, 12, owner="one")
        .acquire("c1", 100, 102, "fail", op="try", refusal="busy")
        .release("c1", 200, 202, attempt="c1-1")
        .hold("c2", 300, 302, until=400, owner="two")
    )


def paid_beyond_the_budget() -> Story:
    """Red packets from a budget of 100. c1 looks how much is left, is paused beyond its lease, and pays when it goes
    on; c2 had the lock meanwhile and paid too."""
    return (
        Story(Spec(lease_ns=2000 * MS, recovery_ns=4000 * MS, budgets={"packets": 100}))
        .trial(0, 6000)
        .hold("c2", 10, 12, until=80, owner="zero")
        .effect(60, "c2", 40, "packets")
        .acquire("c1", 100, 102, owner="one")
        .fault("pause-client", 120, 4120, "c1", proven=121)
        .paused("c1", 121, 4120)
        .acquire("c2", 150, 2150, owner="two")
        .effect(3000, "c2", 40, "packets")
        .effect(4140, "c1", 40, "packets")
        .release("c1", 4160, 4162, "fail")
        .release("c2", 3100, 3102)
        .hold("c2", 4300, 4302, until=4400, owner="three")
    )


def late_write() -> Story:
    """A lock without fencing tokens. c1's way to the ledger stalls while it writes; it gives up after 500 ms and
    releases in time. c2 raises the counter twice; then the way is open again, and c1's old write lands."""
    return (
        Story(LEASE)
        .trial(0, 4000)
        .acquire("c1", 10, 12, owner="one")
        .read("c1", 14, 15, 7)
        .fault("partition", 16, 1800, "c1", proven=30, side="client")
        .write("c1", 40, 540, 8, "info")
        .release("c1", 545, 547)
        .acquire("c2", 20, 560, owner="two")
        .read("c2", 570, 571, 7)
        .write("c2", 600, 601, 8)
        .ledger(600, "c2", 8)
        .release("c2", 610, 612)
        .acquire("c2", 700, 702, owner="three")
        .read("c2", 710, 711, 8)
        .write("c2", 740, 741, 9)
        .ledger(740, "c2", 9)
        .release("c2", 750, 752)
        .ledger(1790, "c1", 8)
        .acquire("c1", 2000, 2002, owner="four")
        .read("c1", 2010, 2011, 8)
        .write("c1", 2040, 2041, 9)
        .ledger(2040, "c1", 9)
        .release("c1", 2050, 2052)
        .hold("c2", 2100, 2102, until=2200, owner="five")
    )


def paid_twice() -> Story:
    """c1 pays for a request and is killed before it can say so. Its lease runs out, c2 is granted the lock and pays for
    the same request. No two were inside at once: no lock prevents this, only a resource that knows its requests."""
    return (
        Story(LEASE)
        .trial(0, 4000)
        .acquire("c1", 100, 102, owner="one")
        .effect(180, "c1", 5, "packets", request="order-7")
        .fault("kill-client", 190, 195, "c1", proven=194)
        .client("c1", 194, "killed")
        .acquire("c2", 150, 2150, owner="two")
        .effect(2200, "c2", 5, "packets", request="order-7")
        .release("c2", 2300, 2302)
        .hold("c3", 2400, 2402, until=2500, owner="three")
    )


def job_outlives_its_lock() -> Story:
    """A nightly job takes longer than the lease of its lock, and nobody renews it: c2 starts the job too."""
    return (
        Story(LEASE)
        .trial(0, 6000)
        .acquire("c1", 10, 12, owner="one")
        .run("c1", 20, 3500, "nightly")
        .acquire("c2", 100, 2100, owner="two")
        .run("c2", 2110, 2900, "nightly")
        .release("c2", 2950, 2952)
        .release("c1", 3510, 3512, "fail")
        .hold("c2", 4000, 4002, until=4100, owner="three")
    )


def told_and_stayed() -> Story:
    """c1's library tells it that the connection to the lock is suspended. It stays inside for 900 ms, and writes."""
    return (
        Story(Spec(session_ns=4000 * MS, recovery_ns=8000 * MS))
        .trial(0, 6000)
        .acquire("c1", 10, 12)
        .fault("cut-client", 500, 3000, "c1", proven=510)
        .told("c1", 1000)
        .write("c1", 1600, 1602, 1)
        .ledger(1601, "c1", 1)
        .release("c1", 1900, 1950)
        .acquire("c2", 100, 2000)
        .release("c2", 2100, 2102)
    )


def back_too_late() -> Story:
    """The server of a lock is cut off and comes back. The lock promises to be there again within 2 s of the heal; for
    5 s it refuses everybody."""
    story = (
        Story(Spec(lease_ns=1000 * MS, recovery_ns=2000 * MS))
        .trial(0, 9000)
        .hold("c1", 10, 12, until=100, owner="one")
        .acquire("c2", 200, 202, owner="two")
        .fault("cut-node", 300, 1500, "redis-1", proven=310)
        .release("c2", 400, 900, "info")
    )
    for number in range(5):
        start = 1500 + 1000 * number
        story.acquire("c1", start, start + 900, "fail", error="not granted within 900 ms", owner=f"c1-{number}")
    return story.hold("c1", 6500, 6550, until=6700, owner="last")


def shut_out_by_itself() -> Story:
    """SETNX, which never lapses. The reply to c1's acquire is lost: the server holds c1's key, and c1, which retires,
    never learns of it. Its successor in the same process is refused by that key for ever."""
    return (
        Story(Spec(recovery_ns=2000 * MS))
        .trial(0, 6000)
        .role(0, "redis-1", "primary")
        .hold("c2", 10, 12, until=50, owner="zero")
        .began(12, "redis-1", "zero")
        .ended(51, "redis-1", "zero", "deleted")
        .client("c1", 0, "started", pid=71)
        .fault("cut-client", 95, 700, "c1", proven=99)
        .acquire("c1", 100, 600, "info", owner="one", error="time-out")
        .began(101, "redis-1", "one")
        .client("c1", 700, "retired", pid=71)
        .client("c1.2", 701, "started", pid=71)
        .acquire("c1.2", 800, 2800, "fail", owner="two", error="not granted within 2 s; the last try: busy")
        .acquire("c1.2", 3000, 5000, "fail", owner="three", error="not granted within 2 s; the last try: busy")
    )


def out_of_turn() -> Story:
    """A lock that promises first come, first served. c1 waits while c3 is inside; c2 asks 200 ms later and is let in
    first."""
    story = Story(Spec(most_overtakes=0, recovery_ns=2000 * MS)).trial(0, 1000)
    for number, client in enumerate(("c1", "c2")):
        story.hold(client, 20 * number, 20 * number + 1, until=20 * number + 10)
    return (
        story.hold("c3", 100, 101, until=500)
        .acquire("c1", 150, 700)
        .acquire("c2", 350, 510)
        .release("c2", 600, 601)
        .release("c1", 800, 801)
    )


def everybody_is_woken() -> Story:
    """A queue that promises to wake one waiter per release. All four waiters watch the same node, so c1's release wakes
    them all."""
    story = Story(Spec(most_woken=1, recovery_ns=2000 * MS)).trial(0, 1000).hold("c1", 10, 11, until=300)
    for number in range(2, 6):
        story.acquire(f"c{number}", 20 * number, 280 + 120 * number - 200)
    story.wake(305, "c2", "c3", "c4", "c5")
    for number in range(2, 6):
        story.release(f"c{number}", 280 + 120 * number - 120, 280 + 120 * number - 119)
    return story
