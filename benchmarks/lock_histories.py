"""Histories of a lock made up for measuring and for testing the checkers: valid by construction, in columns.

``generate(100_000, 50, "random")`` simulates a mutex that never lapses and the clients that wait for it. The truth is
made first: one hold after the other, each from the instant its grant takes effect to the instant its release does.
Calls and returns are put around these instants, so an order that explains the history is known: the one it was made
from. Everything is computed on whole columns; 10⁷ calls take seconds.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.lock_calls import Columns, to_calls
from benchmarks.lock_truth import ANEW, LATENCY, US, Chain, Grants, HeldTime, Ints, chain_of, draw
from histories.columns import ENDING, NEVER, OP, Calls
from histories.spec import Spec
from histories.vocabulary import REFUSALS

SPEC = Spec(refusals="exact")
"""What the simulated lock promises: an owner mutex that never lapses and refuses only while it is held."""

Invalid = Literal["early", "late"]

_ROOM = 30 * US
_EARLY = 0.05


def generate(
    n: int,
    clients: int,
    grants: Grants = "random",
    *,
    refusals: float = 0.3,
    crashes: float = 0.01,
    locks: int = 1,
    invalid: Invalid | None = None,
    owners: bool = False,
    seed: int = 0,
) -> Calls:
    """``n`` calls of ``clients`` clients per lock, nearly all of them waiting for it at any time.

    ``grants``: in order of arrival, or to any waiter. ``refusals``: share of the calls that are tries refused as busy.
    ``crashes``: share that never came back or came back indeterminate, half of them acquires (which never took effect),
    half releases (which did); their client is not heard of again, and a new one takes its place. ``locks``: each has
    clients of its own, and all are used at the same time. ``invalid``: a rogue client is granted and releases the lock
    while another certainly holds it, after 5 % (``early``) or 95 % (``late``) of the holds. ``owners``: each
    attempt has an owner value, as locks write on servers; the algorithms do not look at them, files get larger.

    Raises ValueError where that many calls cannot be made so: too few per lock, or one client and refusals.
    """
    if n < 8 * locks or clients < 1 or (clients == 1 and refusals) or not 0 <= refusals + crashes <= 0.9:
        raise ValueError(f"cannot make {n} calls of {clients} clients on {locks} locks, refusals {refusals:.0%}")
    rng = np.random.default_rng(seed)
    honest = n if invalid is None else n - 2
    refused, crashed = round(refusals * honest), round(crashes * honest)
    ghosts = crashed // 2
    chain = chain_of(rng, (honest - refused - ghosts + 1) // 2, clients, grants, locks)
    released = (honest - refused - ghosts) // 2
    lost, ghost = _chosen(rng, chain, released, crashed - ghosts), _chosen(rng, chain, len(chain), ghosts)
    client, names = _identities(chain, lost, ghost)
    anew = chain.arrival + ghost * draw(rng, ANEW, len(chain))
    asked, tries = _tries(rng, chain, anew, grants, refused)
    columns = [
        _acquires(chain, client, asked),
        _releases(rng, chain, client, lost, released),
        _ghosts(rng, chain, client, ghost, anew),
        _refused(chain, client, *tries),
    ]
    if invalid is not None:
        columns.append(_rogue(chain, len(names), invalid))
        names.append("rogue")
    return to_calls(columns, names, locks, rng if owners else None)


def _chosen(rng: np.random.Generator, chain: Chain, among: int, count: int) -> NDArray[np.bool_]:
    """So many of the first ``among`` holds."""
    chosen = np.zeros(len(chain), np.bool_)
    chosen[rng.choice(among, count, replace=False, shuffle=False)] = True
    return chosen


def _identities(chain: Chain, lost: NDArray[np.bool_], ghost: NDArray[np.bool_]) -> tuple[NDArray[np.int32], list[str]]:
    """(the client of each hold, the names of all clients); that of the lost acquire before a hold is the one below.

    Numbers go up within a slot wherever the client before it crashed. Names follow the rule c1 → c1.2 → c1.3.
    """
    order = np.argsort(chain.slot, kind="stable")
    slots = chain.slot[order]
    steps = ghost[order].astype(np.int64)
    steps[1:] += lost[order[:-1]] | (np.diff(slots) > 0)
    ranked = np.cumsum(steps)
    client = np.empty(len(chain), np.int32)
    client[order] = ranked
    ends = np.flatnonzero(np.diff(slots, append=-1))
    names: list[str] = []
    for slot, last in zip((slots[ends] + 1).tolist(), ranked[ends].tolist(), strict=True):
        names.append(f"c{slot}")
        names += [f"c{slot}.{life}" for life in range(2, last - len(names) + 3)]
    return client, names


def _tries(
    rng: np.random.Generator, chain: Chain, anew: Ints, grants: Grants, count: int
) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
    """(when each hold's acquire is called, (hold, inv, ret) of each refused try before it).

    A client tries some times, is refused, and then waits in earnest. The time it spends so is cut into stretches of
    equal held time, one per try, so that each window has an instant in it at which another client holds the lock.
    """
    clock = HeldTime(chain)
    until = anew + (chain.grant - anew) // 2
    if grants == "fifo":
        # Not longer than until the next in line arrives, whatever lock that is for.
        until[:-1] = np.where(chain.lock[1:] == chain.lock[:-1], np.minimum(anew[1:], chain.grant[:-1]), until[:-1])
    start = clock.held(anew)
    room = clock.held(until) - start
    able = np.flatnonzero(room >= _ROOM)
    if count and not len(able):
        raise ValueError("too few calls for a refusal: nobody waits while another holds the lock")
    tries = np.bincount(rng.choice(able, count), minlength=len(chain)) if count else np.zeros(len(chain), np.int64)
    asked = anew.copy()
    some = np.flatnonzero(tries)
    asked[some] = clock.wall(start[some] + room[some] * tries[some] // (tries[some] + 1)) + 1
    hold = np.repeat(some, tries[some])
    turn = np.arange(count) - np.repeat(np.cumsum(tries[some]) - tries[some], tries[some])
    low, high = (start[hold] + room[hold] * (turn + more) // (tries[hold] + 1) for more in (0, 1))
    instant = clock.wall(rng.integers(low + 1, high))
    earliest = np.where(turn == 0, anew[hold], clock.wall(low)) + 1
    inv = np.maximum(instant - draw(rng, LATENCY, count), earliest)
    ret = np.minimum(instant + draw(rng, LATENCY, count), clock.wall(high) - 1)
    return asked, (hold, inv, ret)


def _acquires(chain: Chain, client: NDArray[np.int32], asked: Ints) -> Columns:
    return Columns(chain.lock, client, OP["acquire"], ENDING["ok"], asked - chain.begin, chain.got - chain.begin)


def _releases(
    rng: np.random.Generator, chain: Chain, client: NDArray[np.int32], lost: NDArray[np.bool_], released: int
) -> Columns:
    """Of the first ``released`` holds; that leaves out at most the very last, which goes on."""
    outcome = np.where(lost, _doubtful(rng, len(chain)), ENDING["ok"]).astype(np.uint8)
    ret = np.where(outcome == ENDING["open"], NEVER, chain.back - chain.begin)
    inv = chain.leaves - chain.begin
    some = slice(0, released)
    return Columns(chain.lock[some], client[some], OP["release"], outcome[some], inv[some], ret[some])


def _ghosts(
    rng: np.random.Generator, chain: Chain, client: NDArray[np.int32], ghost: NDArray[np.bool_], anew: Ints
) -> Columns:
    """Acquires whose client crashed before it was granted anything, by the client before the one that got the hold."""
    some = np.flatnonzero(ghost)
    outcome = _doubtful(rng, len(some))
    inv, ret = chain.arrival[some] - chain.begin[some], anew[some] - chain.begin[some] - 1
    ret[outcome == ENDING["open"]] = NEVER
    return Columns(chain.lock[some], client[some] - 1, OP["acquire"], outcome, inv, ret)


def _doubtful(rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    return np.where(rng.integers(0, 2, count, np.uint8), ENDING["info"], ENDING["open"]).astype(np.uint8)


def _refused(chain: Chain, client: NDArray[np.int32], hold: Ints, inv: Ints, ret: Ints) -> Columns:
    begin = chain.begin[hold]
    return Columns(
        chain.lock[hold], client[hold], OP["try"], ENDING["fail"], inv - begin, ret - begin, REFUSALS.index("busy")
    )


def _rogue(chain: Chain, client: int, when: Invalid) -> Columns:
    """A whole hold of one more client inside the core of another's, on the lock in the middle."""
    lock = int(chain.lock[-1]) // 2
    first, last = np.searchsorted(chain.lock, (lock, lock + 1))
    victim = first + int((last - first) * (_EARLY if when == "early" else 1 - _EARLY))
    start = int(chain.got[victim] - chain.begin[victim])
    fifth = int(chain.leaves[victim] - chain.got[victim]) // 5
    inv, ret = start + fifth * np.array([1, 3]), start + fifth * np.array([2, 4])
    op = np.array([OP["acquire"], OP["release"]], np.uint8)
    return Columns(np.full(2, lock, np.int32), np.full(2, client, np.int32), op, ENDING["ok"], inv, ret)
