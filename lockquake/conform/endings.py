"""Checks of how calls end while nothing is cut: granted, refused, in time."""

from __future__ import annotations

from lockquake.conform.bench import LAPSING, Bench
from lockquake.conform.outcome import Failed, NotApplicable, Undecided
from lockquake.conform.taker import Taker

WAIT, BRIEFLY = 2.0, 0.3
EARLY, LATE = 1.0, 3.0
"""Seconds around a limit: libraries round it and pause between two tries; machines are busy."""
SEEN_WITHIN = 3.0
"""Seconds within which what happened on a server is seen."""


def busy_is_refused(bench: Bench) -> str:
    """Who asks for a lock that another client holds is refused, in the words of the contract."""
    holder, other = bench.rivals()
    holder.take()
    reply = other.do("acquire", BRIEFLY)
    if reply.granted:
        raise Failed("a second client was granted the lock while the first one held it")
    if not reply.refused:
        raise Failed(f"acquire of a lock that another client holds {reply.words}; that is certain, so it is Refused")
    return f"acquire of a held lock {reply.words}"


def try_is_immediate(bench: Bench) -> str:
    """``try_acquire`` does not wait for the holder."""
    holder, other = bench.rivals()
    holder.take()
    reply = other.do("try")
    if not reply.refused:
        raise Failed(f"try_acquire of a lock that another client holds {reply.words}")
    if reply.seconds > LATE:
        raise Failed(f"try_acquire of a held lock came back after {reply.seconds:.1f} s; it is not to wait")
    return f"try_acquire of a held lock was refused after {reply.seconds:.2f} s"


def limit_is_kept(bench: Bench) -> str:
    """A waiter gives up at its limit, neither long before nor long after it."""
    holder, other = bench.rivals()
    holder.take()
    reply = other.do("acquire", WAIT)
    if reply.granted:
        raise Failed("a second client was granted the lock while the first one held it")
    if not WAIT - EARLY <= reply.seconds <= WAIT + LATE:
        raise Failed(f"acquire with a limit of {WAIT:g} s came back after {reply.seconds:.2f} s")
    return f"acquire with a limit of {WAIT:g} s gave up after {reply.seconds:.2f} s"


def waiter_is_served(bench: Bench) -> str:
    """A waiter is granted the lock once its holder has given it back."""
    holder, other = bench.rivals()
    holder.take()
    other.begin("acquire", 10.0)
    if other.end(BRIEFLY) is not None:
        raise Failed("acquire of a held lock with a limit of 10 s came back at once")
    holder.give_back()
    reply = other.end(LATE)
    if reply is None or not reply.granted:
        seen = "did not come back" if reply is None else reply.words
        raise Failed(f"a waiter's acquire {seen} although the holder had given the lock back within its limit")
    other.give_back()
    return f"a waiter was granted the lock after {reply.seconds:.2f} s, once it was given back"


def second_release_is_refused(bench: Bench) -> str:
    """What was given back cannot be given back again."""
    [holder] = bench.takers(1)
    holder.take()
    holder.give_back()
    if not bench.truth.free(SEEN_WITHIN):
        raise Failed(f"after a release that worked the servers still hold {', '.join(map(str, bench.truth.owners()))}")
    reply = holder.do("release")
    if not reply.refused:
        raise Failed(f"a second release {reply.words}; it frees nothing, so it is Refused")
    return f"a second release {reply.words}"


def late_release_is_refused(bench: Bench) -> str:
    """Who gives a lock back after its lease is told that it was not held any more, or was told of the loss before."""
    holder = _lapsed(bench)
    reply = holder.do("release")
    if reply.granted:
        raise Failed("a release after the end of the lease says that it worked, but there was nothing to free")
    return f"a release after the end of the lease {reply.words}"


def foreign_release_frees_nothing(bench: Bench) -> str:
    """A client that holds nothing frees nobody's lock."""
    if bench.spec().owners == "anonymous":
        raise NotApplicable("anybody may release an anonymous lock")
    holder, other = bench.rivals()
    holder.take()
    must_be_seen(bench)
    reply = other.do("release")
    if bench.truth.free(BRIEFLY) or other.do("try").granted:
        raise Failed(f"release by a client that never held the lock freed the holder's; it {reply.words}")
    if reply.granted:
        raise Failed("release by a client that never held the lock says that it worked")
    return f"release by a client that never held the lock {reply.words}, and the holder's stayed"


def lapsed_release_frees_nothing(bench: Bench) -> str:
    """Who comes back after its lease does not free the lock of the next holder."""
    if bench.spec().owners == "anonymous":
        raise NotApplicable("anybody may release an anonymous lock")
    late = _lapsed(bench)
    other, third = bench.rivals()
    other.take()
    reply = late.do("release")
    if third.do("try").granted:
        raise Failed(f"a release after the lease freed the next holder's lock; it {reply.words}")
    return f"a release after the lease {reply.words}, and the next holder kept the lock"


def _lapsed(bench: Bench) -> Taker:
    """A client whose lease has run out while it was silent."""
    if bench.spec().renewals == "library":
        raise NotApplicable("the library renews the lease of a client that lives")
    seconds = bench.lapse(of_session=False)
    [holder] = bench.takers(1, LAPSING)
    holder.take()
    must_be_seen(bench)
    if not bench.truth.free(seconds + SEEN_WITHIN):
        raise Undecided(f"the end of a lease of {seconds:g} s was not seen on the servers")
    return holder


def must_be_seen(bench: Bench) -> None:
    """Wait until the servers show that the lock, which was granted, is held. Raises Undecided."""
    if not bench.truth.taken(SEEN_WITHIN):
        raise Undecided("the lock that was granted was not seen on the servers")
