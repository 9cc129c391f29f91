"""Checks of what a lock says of itself: owner values, re-entry, fencing tokens, its lease, losses it tells of."""

from __future__ import annotations

import time
from itertools import pairwise

from lockquake.conform.bench import LAPSING, Bench
from lockquake.conform.endings import SEEN_WITHIN, must_be_seen
from lockquake.conform.outcome import Failed, NotApplicable, Undecided

TELLING = 1.5
"""Seconds after the links are whole again within which a lock notices what it lost."""


def owner_is_on_the_server(bench: Bench) -> str:
    """The owner value that a grant names is what the servers hold."""
    [client] = bench.takers(1)
    reply = client.take()
    owner = reply.row.owner
    if owner is None:
        raise NotApplicable("its grants name no owner value")
    must_be_seen(bench)
    if not bench.truth.until(lambda: owner in bench.truth.owners(), 1.0):
        if bench.truth.names_only:
            raise NotApplicable("its observers see which nodes there are, not what was written in them")
        seen = ", ".join(sorted(map(str, set(bench.truth.owners()))))
        raise Failed(f"the grant names the owner value {owner}, but the servers hold {seen}")
    client.give_back()
    again = client.take().row.owner
    if again == owner and bench.spec().reentry_limit == 1:
        raise Failed(f"two grants of one client name the same owner value {owner}; each attempt needs its own")
    return "the servers hold the owner value that the grant names"


def re_entry_is_as_declared(bench: Bench) -> str:
    """A second acquire of the holder is granted where the spec says so, and refused otherwise; in either case the outer
    hold stays, and can be given back."""
    deep = bench.spec().reentry_limit > 1
    holder, other = bench.rivals()
    holder.take()
    reply = holder.do("try")
    if reply.granted != deep:
        raise Failed(f"a second acquire of the holder {reply.words}, but its spec says re-entry limit "
                     f"{bench.spec().reentry_limit}")  # fmt: skip
    if deep:
        if reply.row.depth != 2:
            raise Failed(f"the grant of a second acquire says depth {reply.row.depth}; it is 2")
        holder.give_back()
    if other.do("try").granted:
        raise Failed("after a second acquire of the holder another client was granted the lock beside it")
    holder.give_back()
    if not bench.truth.free(SEEN_WITHIN):
        raise Failed("after the outermost release worked, the servers still hold the lock")
    return f"a second acquire of the holder {reply.words}, and the outer hold stayed"


def fencing_tokens_grow(bench: Bench) -> str:
    """Every grant has a greater fencing token than those before it."""
    if not bench.spec().fenced:
        raise NotApplicable("its spec promises no fencing tokens")
    tokens: list[int | None] = []
    first, second = bench.takers()
    for client in (first, second, first, second):
        tokens.append(client.take().row.fence)
        client.give_back()
    if None in tokens:
        raise Failed(f"its spec promises fencing tokens, but its grants carried {tokens}")
    if any(late <= early for early, late in pairwise(tokens)):  # type: ignore[operator]
        raise Failed(f"the fencing tokens of four grants one after another were {tokens}; they must grow")
    return f"the fencing tokens of four grants were {', '.join(map(str, tokens))}"


def lease_ends_in_time(bench: Bench) -> str:
    """The lock does not believe that it is held for longer than the servers hold it."""
    if bench.spec().renewals == "library":
        raise NotApplicable("the library renews the lease of a client that lives")
    seconds = bench.lapse(of_session=False)
    [client] = bench.takers(1, LAPSING)
    asked = time.monotonic_ns()
    until = client.take().row.lease_until
    if until is None:
        raise NotApplicable("its grants do not say how long they last")
    if not bench.truth.until(lambda: bench.truth.first_end_since(asked) is not None, seconds + SEEN_WITHIN):
        raise Undecided(f"the end of a lease of {seconds:g} s was not seen on the servers")
    end = bench.truth.first_end_since(asked)
    assert end is not None
    ahead = (end.t - until) / 1e6
    if ahead < -bench.spec(LAPSING).margin_ns / 1e6:
        raise Failed(f"the grant says that it lasts {-ahead:.0f} ms longer than it was seen on {end.node}")
    return f"the grant's deadline came {ahead:.0f} ms before its end was seen on {end.node}"


def loss_is_told_once(bench: Bench) -> str:
    """A lost lock is told of once, if at all."""
    seconds = bench.lapse()
    client = bench.probe("told", LAPSING)
    client.take()
    must_be_seen(bench)
    with bench.cut(client):
        if not bench.truth.free(2 * seconds + SEEN_WITHIN):
            raise Undecided(f"the lock of a client that was cut off did not lapse within {2 * seconds:g} s")
    time.sleep(TELLING)
    told = int(client.do("renew").row.error or 0)
    if told > 1:
        raise Failed(f"one loss was told {told} times")
    if not told:
        raise NotApplicable("it told nobody of a loss: what was lost while its links were cut")
    return "a loss was told once"
