"""Who held which lock when: the truth a history is made from, and the time a lock was held until an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Grants = Literal["fifo", "random"]

US = 1_000
# Shortest and longest of each part of a hold's life, ns. With two clients or more, the calls of one client stay in
# order because a whole hold lasts longer than a release's return, thinking and starting anew together.
HANDOVER = (1 * US, 50 * US)
REPLY = (20 * US, 200 * US)
WORK = (100 * US, 500 * US)
ASK = (20 * US, 200 * US)
BACK = (20 * US, 80 * US)
THINK = (1 * US, 10 * US)
ANEW = (2 * US, 10 * US)
LULL = (1_000 * US, 5_000 * US)
LATENCY = (1 * US, 150 * US)

BURST = 500
"""Holds between two lulls, in which nobody wants the lock: there it is certainly free."""
_ARRIVALS = 12 * US


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """H holds of all locks, one lock after the other on one time line, each column of length H; times in ns.

    ``slot``: whose turn it is, ``clients`` of them per lock; the client in a slot changes when it crashes. ``arrival``:
    when the slot begins to want the lock. ``grant``, ``release``: when they take effect. ``got``, ``leaves``, ``back``:
    when the acquire returns, the release is called and returns. ``begin``: time zero of its lock.
    """

    lock: NDArray[np.int32]
    slot: Ints
    arrival: Ints
    grant: Ints
    got: Ints
    leaves: Ints
    release: Ints
    back: Ints
    begin: Ints

    def __len__(self) -> int:
        return len(self.slot)


def draw(rng: np.random.Generator, span: tuple[int, int], count: int) -> Ints:
    """``count`` times (ns) between the two ends of ``span``."""
    return rng.integers(span[0], span[1], count, np.int32).astype(np.int64)


def chain_of(rng: np.random.Generator, holds: int, clients: int, grants: Grants, locks: int) -> Chain:
    """The truth: who held which lock when."""
    number = np.arange(holds)
    lock = (number * locks // holds).astype(np.int32)
    new_lock = np.diff(lock, prepend=-1) > 0
    first = number[new_lock][lock]
    fresh = (number - first) % BURST == 0
    pause = draw(rng, HANDOVER, holds)
    if clients == 1:
        pause += BACK[1] + THINK[1] + ANEW[1]
    gathering = clients * _ARRIVALS + WORK[0]
    pause[fresh] += BACK[1] + gathering + draw(rng, LULL, int(fresh.sum()))
    reply, work, ask = (draw(rng, span, holds) for span in (REPLY, WORK, ASK))
    release = np.cumsum(pause + reply + work + ask)
    leaves = release - ask
    got = leaves - work
    grant = got - reply
    back = release + draw(rng, BACK, holds)
    # Any slot but the one that held it last, each as likely as the others.
    steps = rng.integers(1, max(2, clients), holds) if grants == "random" else np.ones(holds, np.int64)
    slot = np.cumsum(steps) % clients + lock.astype(np.int64) * clients
    gathered = (grant - gathering)[fresh][np.cumsum(fresh) - 1]
    arrival = _arrivals(rng, slot, back, gathered, (number - first) % BURST % clients * _ARRIVALS)
    return Chain(lock, slot, arrival, grant, got, leaves, release, back, (grant - gathering)[first] - LULL[0])


def _arrivals(rng: np.random.Generator, slot: Ints, back: Ints, gathered: Ints, turn: Ints) -> Ints:
    """A slot wants the lock again soon after it had it, or after the lull."""
    order = np.argsort(slot, kind="stable")
    again = np.zeros(len(slot), np.int64)
    again[order[1:]] = np.where(slot[order[1:]] == slot[order[:-1]], back[order[:-1]], 0)
    wants: Ints = np.maximum(again + draw(rng, THINK, len(slot)), gathered + turn)
    return wants


class HeldTime:
    """Between wall time and the time a lock was held until then; both only go up."""

    def __init__(self, chain: Chain) -> None:
        lasts = chain.release - chain.grant
        self._grant, self._release = chain.grant, chain.release
        self._before = np.cumsum(lasts) - lasts

    def held(self, wall: Ints) -> Ints:
        """How long it was held until then."""
        hold = np.searchsorted(self._release[:-1], wall)
        until: Ints = self._before[hold] + np.maximum(0, wall - self._grant[hold])
        return until

    def wall(self, held: Ints) -> Ints:
        """An instant at which it is held, by how long it was held until then."""
        hold = np.searchsorted(self._before, held, side="right") - 1
        instant: Ints = self._grant[hold] + held - self._before[hold]
        return instant
