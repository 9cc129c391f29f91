"""Which of the keys that observers saw a lock's servers hold were whose."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np

from checker.grouped import grouped
from checker.observed import Life, Observed
from histories.columns import Call, Calls
from histories.labels import NO_NAME

NEAR_NS = 10_000_000
"""How close (ns) a key's beginning lies to the return of its acquire, where only its time ties the two together."""


@dataclass
class Keys:
    """The calls of one lock, and the lives of its keys on every node."""

    calls: Calls
    observed: Observed
    attempt_key: Callable[[str | None], int]
    """From an attempt's id to its key in the columns."""

    @cached_property
    def shared_owners(self) -> frozenset[str]:
        """Owner values that more than one attempt used, so that a key's value alone does not name its attempt."""
        asked = np.flatnonzero(self.calls.acquires & (self.calls.owner.keys != NO_NAME))
        owners, attempts = self.calls.owner.keys[asked], self.calls.attempt.keys[asked]
        order = np.lexsort((attempts, owners))
        owners, attempts = owners[order], attempts[order]
        again = (owners[1:] == owners[:-1]) & (attempts[1:] != attempts[:-1])
        keys = np.unique(owners[1:][again]).tolist()
        return frozenset(name for key in keys if (name := self.calls.owner.name(key)) is not None)

    def of(self, call: Call) -> list[Life]:
        """The lives, on any node, of the key that this acquire made the server hold.

        By owner value, by the attempt's id where that is the mark observers see (sequential nodes), or by fencing
        token; where none of them tells attempts apart, or the key was gone before an observer could read it, by a
        beginning close to the call's return, if just one fits.
        """
        own = self._by_owner.get(call.attempt) or []
        if call.owner is not None and call.owner not in self.shared_owners:
            own = own or self._by_owner.get(call.owner, [])
        if own:
            return _once_per_node(own)
        if call.fence is not None:
            own = self._by_fence.get(call.fence, [])
        return own or self._unnamed(call)

    def of_attempt(self, attempt: str) -> list[Life]:
        """The lives of an attempt that was never granted as far as its client knows."""
        mine = self.calls.attempt.keys == self.attempt_key(attempt)
        rows = np.flatnonzero(self.calls.acquires & mine).tolist()
        return [life for row in rows for life in self.of(self.calls.call(row))]

    @cached_property
    def _by_owner(self) -> dict[str | None, list[Life]]:
        return grouped((life.owner, life) for life in self.observed.lives)

    @cached_property
    def _by_fence(self) -> dict[int | None, list[Life]]:
        return grouped((life.fence, life) for life in self.observed.lives)

    @cached_property
    def _begun(self) -> list[Life]:
        begun = [life for life in self.observed.lives if life.began is not None]
        return sorted(begun, key=lambda life: life.began or 0)

    @cached_property
    def _claimed(self) -> frozenset[int]:
        """The keys of owner values by which attempts are known."""
        return frozenset(np.unique(self.calls.owner.keys[self.calls.acquires]).tolist()) - {NO_NAME}

    @cached_property
    def _owner_key(self) -> Callable[[str | None], int]:
        return self.calls.owner.finder()

    def _of_another(self, life: Life) -> bool:
        """Whether a key is known to be that of some attempt, by a value of its own."""
        return self._owner_key(life.owner) in self._claimed and life.owner not in self.shared_owners

    def _unnamed(self, call: Call) -> list[Life]:
        """Per node the life that began within 10 ms of the call's return, if no other one began within 20 ms; not one
        that another attempt is known by."""
        owners = {None, call.owner} if call.owner is None or call.owner in self.shared_owners else {None}
        near: dict[str, list[Life]] = defaultdict(list)
        first = bisect_left(self._begun, call.ret - 2 * NEAR_NS, key=lambda life: life.began or 0)
        for life in islice(self._begun, first, None):
            if (life.began or 0) > call.ret + 2 * NEAR_NS:
                break
            if life.owner in owners if call.owner is not None else not self._of_another(life):
                near[life.node].append(life)
        only = [found[0] for found in near.values() if len(found) == 1]
        return [life for life in only if abs((life.began or 0) - call.ret) <= NEAR_NS]


def _once_per_node(lives: list[Life]) -> list[Life]:
    """A value that one attempt alone uses lives once on a node. Where an observer saw it end and begin again, it had
    mixed up two values, so only the first beginning and the last end count."""
    if len(lives) < 2:
        return lives
    by_node = grouped((life.node, life) for life in lives)
    return [found[0] if len(found) == 1 else replace(found[-1], began=found[0].began) for found in by_node.values()]
