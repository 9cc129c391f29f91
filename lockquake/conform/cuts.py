"""Checks of what a call says when its link breaks in the middle: nobody can know then, so nothing certain may be said
that the servers contradict."""

from __future__ import annotations

from collections.abc import Callable

from lockquake.conform.bench import Bench
from lockquake.conform.endings import SEEN_WITHIN, must_be_seen
from lockquake.conform.outcome import Failed, NotApplicable, Undecided
from lockquake.conform.taker import LONGEST_CALL, Reply, Taker

LIMIT = 1.0
OWN_TIMEOUT = 2.0
"""Seconds that a lock has to give a call up by itself; then its connections are closed, so that it learns of it."""
LEARNING = 15.0
"""Seconds that it may then take to say so; one that waits for its links instead gets them back."""
SETTLING = 1.0
"""Seconds that servers have to execute what was delivered late, or to free what a lock takes back."""


def lost_reply_of_acquire(bench: Bench) -> str:
    """The server granted it, and the answer never came."""
    [client] = bench.takers(1)
    _warm(client)
    with bench.cut(client, "replies") as close:
        client.begin("acquire", LIMIT)
        executed = bench.truth.taken(SEEN_WITHIN)
        during = _end(client, close)
    reply = during or _once_whole(client)
    if reply.granted:
        return _granted(bench, during, "reply")
    if not executed:
        return f"acquire {reply.words}: what it asks first was not answered, so it never asked for the lock"
    left = not bench.truth.free(SETTLING)
    if reply.refused and left and not bench.truth.by_majority:
        raise Failed(f"acquire {reply.words}, but the servers hold its key: it is Indeterminate")
    if reply.refused:
        traces = "left behind until its lease ends" if left else "freed again"
        return f"acquire {reply.words}; what the servers had given it was {traces}"
    return f"acquire whose reply was lost {reply.words}"


def lost_request_of_acquire(bench: Bench) -> str:
    """The request is on its way when the client gives up, and arrives later."""
    [client] = bench.takers(1)
    _warm(client)
    with bench.cut(client, "requests", late=True) as close:
        client.begin("acquire", LIMIT)
        during = _end(client, close)
    reply = during or _once_whole(client)
    if reply.granted:
        return _granted(bench, during, "request")
    arrived = bench.truth.taken(SETTLING)
    if reply.refused and arrived and not bench.truth.by_majority:
        raise Failed(f"acquire {reply.words}, but its request was under way and was executed later")
    later = "was executed later" if arrived else "was never executed"
    return f"acquire whose request was held up {reply.words}; the request {later}"


def lost_reply_of_release(bench: Bench) -> str:
    """The server freed it, and the answer never came."""
    client = _holder(bench)
    with bench.cut(client, "replies") as close:
        client.begin("release")
        executed = bench.truth.free(SEEN_WITHIN)
        during = _end(client, close)
    reply = during or _once_whole(client)
    if reply.granted and not bench.truth.free(SEEN_WITHIN):
        raise Failed("release says that it worked, but the servers still hold the lock")
    if not executed:
        return f"release {reply.words}: what it asks first was not answered, so it freed nothing"
    if reply.refused:
        raise Failed(f"release {reply.words}, but it had freed the lock: it is Indeterminate")
    return f"release whose reply was lost {reply.words}"


def lost_request_of_release(bench: Bench) -> str:
    """No server ever heard of it."""
    reply = _release_unheard(bench, _holder(bench))
    if reply.granted and not bench.truth.free(SETTLING):
        raise Failed("release says that it worked, but no request reached a server, and the lock is still held")
    return f"release whose request was lost {reply.words}"


def indeterminate_release_can_be_repeated(bench: Bench) -> str:
    """Who does not know whether it gave the lock back asks once more, and then it is free."""
    client = _holder(bench)
    reply = _release_unheard(bench, client)
    if reply.row.outcome != "info":
        raise NotApplicable(f"release whose request was lost {reply.words}, so there is nothing to repeat")
    again = client.do("release")
    if not bench.truth.free(SEEN_WITHIN):
        raise Failed(f"a release that never arrived was indeterminate; repeated, it {again.words}: the lock stays held")
    return f"a release that never arrived was indeterminate; repeated, it {again.words}, and the lock is free"


def _holder(bench: Bench) -> Taker:
    """A client that holds the lock, as the servers say, too."""
    [client] = bench.takers(1)
    _warm(client)
    client.take()
    must_be_seen(bench)
    return client


def _release_unheard(bench: Bench, client: Taker) -> Reply:
    """What a release comes to whose request reaches no server."""
    with bench.cut(client, "requests") as close:
        client.begin("release")
        during = _end(client, close)
    return during or _once_whole(client)


def _warm(client: Taker) -> None:
    """What a first call sets up is there; a connection that cannot be opened later has asked nothing."""
    client.take()
    client.give_back()


def _end(client: Taker, close: Callable[[], None]) -> Reply | None:
    """The end of a call on a cut link, which learns of it after a while unless it gives up before; None where it goes
    on waiting."""
    reply = client.end(OWN_TIMEOUT)
    if reply is None:
        close()
        reply = client.end(LEARNING)
    return reply


def _once_whole(client: Taker) -> Reply:
    """The end of a call that waited for its links."""
    reply = client.end(LONGEST_CALL)
    if reply is None:
        raise Undecided(f"the call did not come back within {LONGEST_CALL:g} s after its links were whole again")
    return reply


def _granted(bench: Bench, during: Reply | None, lost: str) -> str:
    """Only who waited for its links can know of a grant; then the servers know of it, too."""
    if during is not None:
        raise Failed(f"acquire says granted while its {lost} could not pass")
    if not bench.truth.taken(SEEN_WITHIN):
        raise Failed("acquire says granted once its links were whole, but no server holds it")
    return "acquire waited until its links were whole and was granted, as the servers say, too"
