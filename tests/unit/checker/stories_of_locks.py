"""Stories of locks that never lapse, one per kind, each of which no order of effects explains; and a register's."""

from __future__ import annotations

from histories.build import MS, Story
from histories.spec import Spec

RECOVERY = 2000 * MS


def anybody_may_release() -> Story:
    """A lock without owners. c1 hands its work over to c2, which releases: that is fine, and c3 is granted the lock.
    But so is c4, before anybody released again."""
    return (
        Story(Spec(owners="anonymous", recovery_ns=RECOVERY))
        .trial(0, 200)
        .acquire("c1", 10, 12)
        .leave("c1", 40, "abandoned")
        .release("c2", 50, 52)
        .acquire("c3", 20, 60)
        .acquire("c4", 70, 90)
        .release("c3", 120, 122)
        .release("c4", 150, 152)
    )


def one_permit_too_many() -> Story:
    """A semaphore of three permits. c1 takes two and c2 one; c3 is granted one more before any was given back."""
    return (
        Story(Spec(permits=3, recovery_ns=RECOVERY))
        .trial(0, 200)
        .hold("c1", 10, 12, until=100, permits=2)
        .hold("c2", 20, 22, until=120)
        .hold("c3", 30, 60, until=150)
    )


def freed_by_the_inner_release() -> Story:
    """A re-entrant mutex. c1 acquires twice and releases once, which must leave it one hold; but c2 is granted the
    lock before c1's second release."""
    return (
        Story(Spec(reentry_limit=3, recovery_ns=RECOVERY))
        .trial(0, 200)
        .acquire("c1", 10, 12)
        .acquire("c1", 20, 22, depth=2)
        .release("c1", 50, 52, attempt="c1-2")
        .acquire("c2", 30, 60)
        .release("c1", 120, 122, attempt="c1-1")
        .release("c2", 150, 152)
    )


def writer_beside_a_reader() -> Story:
    """A read-write lock. Two readers share it, as they may; a writer is let in after the first of them has left."""
    return (
        Story(Spec(read_write=True, recovery_ns=RECOVERY))
        .trial(0, 200)
        .hold("c1", 10, 12, until=50, mode="shared")
        .hold("c2", 20, 22, until=120, mode="shared")
        .hold("c3", 30, 60, until=150)
    )


def stale_read() -> Story:
    """A register that begins as 0. c1 writes 1 and c2 reads it; after that c3 still reads 0."""
    return (
        Story(Spec(model="register", initial=0), lock="x")
        .trial(0, 100)
        .write("c1", 10, 30, 1)
        .read("c2", 20, 40, 1)
        .read("c3", 50, 70, 0)
    )


def refused_while_free() -> Story:
    """Tries of a lock whose refusals are exact: one atomic command decides. c2 is refused while c1 holds the lock,
    which is right, and once more after c1's release had come back and before anybody else asked."""
    return (
        Story(Spec(refusals="exact", recovery_ns=RECOVERY))
        .trial(0, 200)
        .hold("c1", 10, 12, until=60, op="try")
        .acquire("c2", 30, 32, "fail", op="try", refusal="busy")
        .acquire("c2", 90, 92, "fail", op="try", refusal="busy")
        .hold("c2", 120, 122, until=150, op="try")
    )
