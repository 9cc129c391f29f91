"""One step of the search: an operation returns, so it must have taken effect; which configurations can be left?

A configuration is what may have happened so far: the state, which pending operations took effect, and which ghosts.
Of those that another one surely replaces only the other is kept:

- *Interchangeable operations* (equal actions) take effect in order of their returns, ghosts last. Whoever went first
  in an order that is legal, the one to return first could have gone in its place.
- *Ghosts*: with the same state and the same pending operations done, having used fewer and weaker ones is better.
  Ghosts are pending for ever, so those with one action are counted, not told apart (:mod:`checker.search.ghosts`).
- A ghost is not used for a state that allows nothing more than the state before (:meth:`Model.gains`), nor where a
  weaker one does the same (:meth:`Model.covers`).
- *Pure operations* (reads, refusals) take effect as soon as they are legal: nobody notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checker.search.budget import Meter
from checker.search.ghosts import NOT_COUNTED, Counter
from checker.search.timeline import Pending, Steps, Timeline

Link = tuple[int, "Link"] | None
"""The operations that took effect, the last one first."""


class Configuration(NamedTuple):
    """``price``: of the ghosts used. ``state``: its number. ``mask``: pending operations that took effect, by their
    bits. ``ghosts``: how many of each action were used, see :mod:`checker.search.ghosts`."""

    price: int
    state: int
    mask: int
    ghosts: int
    link: Link


class Move(NamedTuple):
    """A state that can be reached from another by one action: by ``own`` operations that are certain (bit, operation),
    then by ``ghosts`` if all ``weaker`` ones that lead there are used up."""

    after: int
    own: list[tuple[int, int]]
    counter: Counter
    ghosts: list[int]
    weaker: list[tuple[Counter, list[int]]]


class Minimal:
    """Configurations of which none is replaced by another. They must be added in order of ``price``."""

    def __init__(self, guards: int) -> None:
        self._guards = guards
        self._known: dict[tuple[int, int], list[int]] = {}
        self.states: set[int] = set()

    def add(self, state: int, mask: int, ghosts: int) -> bool:
        """Whether no earlier one replaces it."""
        known = self._known.get((state, mask))
        if known is None:
            self._known[state, mask] = [ghosts]
            self.states.add(state)
            return True
        guarded, guards = ghosts | self._guards, self._guards
        for fewer in known:
            if (guarded - fewer) & guards == guards:
                return False
        known.append(ghosts)
        return True


def minimal(configurations: Sequence[Configuration], guards: int, meter: Meter) -> list[Configuration]:
    """Those that no other replaces, in order of ``price``."""
    kept = Minimal(guards)
    found: list[Configuration] = []
    for number, one in enumerate(sorted(configurations, key=lambda one: one[0])):
        if number & 1023 == 0:
            meter.charge(0, len(configurations))
        if kept.add(one[1], one[2], one[3]):
            found.append(one)
    return found


class Closure:
    """The configurations that can be reached at one moment; ``bit`` is that of the operation that returns."""

    def __init__(self, line: Timeline, steps: Steps, pending: Pending, bit: int) -> None:
        self._line = line
        self._steps = steps
        self._pending = pending
        self._bit = bit
        self._moves: dict[int, list[Move]] = {}
        self._absorbed: dict[int, int] = {}
        self._pure = {line.slots[i]: i for group in pending.pure.values() for i in group}
        self.seen = Minimal(line.guards)
        self.reached: list[Configuration] = []

    def run(self, start: Sequence[Configuration], meter: Meter, most: int) -> bool:
        """Extend ``start`` (without the operation, in order of ``price``) until it took effect: see ``reached``.

        False where more than ``most`` configurations would have been made; then some may be missing.
        """
        levels: dict[int, list[Configuration]] = {}
        for one in start:
            levels.setdefault(one.price, []).append(one)
        made = 0
        while levels:
            level = min(levels)
            stack = [one for one in levels.pop(level) if self.seen.add(one[1], one[2], one[3])]
            while stack:
                fresh = self._extend(stack.pop(), stack, levels)
                made += fresh
                if made > most:
                    meter.charge(fresh, made)
                    return False
                if made & 1023 < fresh:
                    meter.charge(0, made)
                meter.configurations += fresh
        meter.charge(0, made)
        return True

    def _extend(self, one: Configuration, stack: list[Configuration], levels: dict[int, list[Configuration]]) -> int:
        """Make all configurations that are one operation further; how many were made."""
        price, state, mask, ghosts, _ = one
        moves = self._moves.get(state)
        made = 0
        for move in self.moves(state) if moves is None else moves:
            bit, i = next((own for own in move.own if not mask & own[0]), (0, -1))
            higher, more = price, ghosts
            if not bit:
                if not _usable(move, ghosts):
                    continue
                counter = move.counter
                i = move.ghosts[counter.used(ghosts)]
                higher, more = price + counter.price, ghosts + counter.unit
            after = self._next(one, move.after, bit, i, higher, more)
            made += 1
            if after.mask & self._bit:
                self.reached.append(after)
            elif higher > price:
                levels.setdefault(higher, []).append(after)
            elif self.seen.add(after.state, after.mask, more):
                stack.append(after)
        return made

    def _next(self, one: Configuration, state: int, bit: int, i: int, price: int, ghosts: int) -> Configuration:
        """The configuration after operation ``i``, with the pure operations that are legal then."""
        absorbed = self._absorbed.get(state, -1)
        if absorbed < 0:
            absorbed = self.absorbed(state)
        chain: Link = (i, one.link)
        if absorbed & ~one.mask:
            for slot in _bits(absorbed & ~one.mask):
                chain = (self._pure[slot], chain)
        return Configuration(price, state, one.mask | bit | absorbed, ghosts, chain)

    def absorbed(self, state: int) -> int:
        """The bits of the pending pure operations that are legal in the state."""
        legal = 0
        for action, group in self._pending.pure.items():
            if self._steps.after(state, action) >= 0:
                for i in group:
                    legal |= self._line.slots[i]
        self._absorbed[state] = legal
        return legal

    def moves(self, state: int) -> list[Move]:
        """What can be done in the state."""
        line, steps, pending = self._line, self._steps, self._pending
        after = steps.legal(state, pending)
        useful = {action for action in after if action in pending.ghosts and steps.gains(state, after[action])}
        found: list[Move] = []
        for action, then in after.items():
            own = [(line.slots[i], i) for i in pending.certain.get(action, ())]
            if action in useful:
                weaker = [
                    (line.counters[other], pending.ghosts[other])
                    for other in useful
                    if other != action and after[other] == then and steps.covers(action, other)
                ]
                found.append(Move(then, own, line.counters[action], pending.ghosts[action], weaker))
            elif own:
                found.append(Move(then, own, NOT_COUNTED, [], []))
        self._moves[state] = found
        return found


def _usable(move: Move, ghosts: int) -> bool:
    """Whether a ghost can make the move, and no weaker one can."""
    if _left(move.counter, move.ghosts, ghosts) <= 0:
        return False
    return not any(_left(weak, others, ghosts) > 0 for weak, others in move.weaker)


def _left(counter: Counter, called: list[int], ghosts: int) -> int:
    return len(called) - counter.used(ghosts)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low
        mask ^= low
