"""The general linearizability search: is there an order of effects, one per operation, that the model allows?

Operations take effect *just in time* (G. Lowe, Testing for linearizability, 2017): at the return of one that has not,
pending ones are tried in all orders until it has. The configurations that are left go through the history together,
so those that are alike are met once (the memo of J. Wing and C. Gong, 1993, and of Lowe). Where nothing is pending
they are the possible states.

The search goes through with the few configurations that used least of the ghosts first. Getting to the end shows an
order. Only where it got stuck having left some out does it go back to where it first did, and on with more of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from checker.search.budget import NO_EFFORT, Budget, Effort, Meter, Spent
from checker.search.closure import Closure, Configuration, Link, minimal
from checker.search.models import Model, State
from checker.search.timeline import Op, Pending, Steps, Timeline

NARROW = 256
"""Configurations kept at first, and how many times as many when that was not enough."""
WIDER = 8
_REACH = 16
"""How many configurations may be made at one return, per configuration kept."""
_SHOWN = 10
_CUTS = 512
"""How many of the last returns are remembered, to begin a witness there; those with few configurations only."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way things may have gone: the operations that took effect, in order, and the state they led to."""

    state: State
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment just after the return of operation ``after`` (at ``time``, ns), and the states possible then, where what
    was pending had taken effect only if it had to. ``used``: ghosts that certainly had."""

    time: int
    after: int
    states: tuple[State, ...]
    used: frozenset[int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found; operations are numbered as they were given.

    ``valid``: None is undecided (``spent`` says of what the budget ran out). ``order``: a whole linearization where
    valid, ghosts that took effect among it. Otherwise ``stuck`` is the operation that could not be placed (or at whose
    return the search ended; ``foreseen``: perhaps only because of what comes later), ``states`` those possible while it
    was pending, ``paths`` some longest orders up to then, ``pending`` what was pending, ``cuts`` moments ever longer
    before (where invalid).
    """

    valid: bool | None
    order: tuple[int, ...] = ()
    stuck: int | None = None
    states: tuple[State, ...] = ()
    paths: tuple[Path, ...] = ()
    pending: tuple[int, ...] = ()
    spent: str = ""
    foreseen: bool = False
    cuts: tuple[Cut, ...] = ()
    effort: Effort = NO_EFFORT


def search(
    model: Model, ops: Sequence[Op], budget: Budget | None = None, starts: Iterable[State] | None = None
) -> Outcome:
    """Whether the operations are linearizable, beginning in one of ``starts`` (default: the model's initial state).

    Undecided when the budget is used up; never raises for that. Raises ValueError where ``starts`` is empty.
    """
    return _Search(model, ops, Meter(budget or Budget()), starts).run()


class _Search:
    def __init__(self, model: Model, ops: Sequence[Op], meter: Meter, starts: Iterable[State] | None) -> None:
        begin = [model.initial] if starts is None else list(starts)
        if not begin:
            raise ValueError("there is no state to begin in")
        model = model.among(begin, [(op.action, op.ghost) for op in ops])
        if starts is None:
            begin = [model.initial]
        self.foresees = model.foresees
        self.line = Timeline(model, ops)
        self.steps = Steps(model, self.line.actions)
        self.meter = meter
        self.pending = Pending(self.line)
        self.event = 0
        self.left_out: tuple[int, list[Configuration]] | None = None
        self.cuts: deque[tuple[int, list[Configuration]]] = deque(maxlen=_CUTS)
        states = dict.fromkeys(self.steps.number(state) for state in begin)
        self.front = [Configuration(0, state, 0, 0, None) for state in states]
        self.reachable: set[int] = set(states)

    def run(self) -> Outcome:
        width = NARROW
        try:
            while not self._through(width):
                if self.left_out is None:
                    return self._outcome(False)
                width *= WIDER
                self._back()
        except Spent as spent:
            return self._outcome(None, str(spent))
        return self._outcome(True)

    def _through(self, width: int) -> bool:
        """Go on to the end; False where no configuration is left."""
        while self.event < len(self.line.events):
            i, returns = self.line.events[self.event]
            if returns:
                front = self._returned(i, width)
                if not front:
                    return False
                self.front = front
                self.pending.close(i)
                if self.left_out is None:
                    self.cuts.append((i, front if len(front) <= NARROW else []))
            else:
                self.pending.call(i)
                if self.line.pure[self.line.action[i]]:
                    self._absorb(i)
            self.event += 1
        return True

    def _absorb(self, i: int) -> None:
        """A pure operation takes effect at once where it is legal."""
        bit, action, after = self.line.slots[i], self.line.action[i], self.steps.after
        self.front = [
            Configuration(price, state, mask | bit, ghosts, (i, link)) if after(state, action) >= 0 else one
            for one in self.front
            for price, state, mask, ghosts, link in (one,)
        ]

    def _returned(self, i: int, width: int) -> list[Configuration]:
        """The configurations in which the operation took effect."""
        bit = self.line.slots[i]
        done = [one for one in self.front if one[2] & bit]
        self.reachable = {one[1] for one in self.front}
        if len(done) < len(self.front):
            closure = Closure(self.line, self.steps, self.pending, bit)
            whole = closure.run([one for one in self.front if not one[2] & bit], self.meter, width * _REACH)
            self.reachable |= closure.seen.states
            if not whole:
                self._leave_out()
            done += closure.reached
        front = minimal([one._replace(mask=one[2] & ~bit) for one in done], self.line.guards, self.meter)
        self.meter.charge(0, len(front))
        if len(front) > width:
            self._leave_out()
            front = front[:width]
        return front

    def _leave_out(self) -> None:
        """Some configurations are left out from this event on: remember how it was before."""
        if self.left_out is None:
            self.left_out = (self.event, self.front)

    def _back(self) -> None:
        """Back to where configurations were first left out."""
        assert self.left_out is not None
        self.event, self.front = self.left_out
        self.left_out = None
        self.pending = Pending(self.line)
        for i, returns in self.line.events[: self.event]:
            (self.pending.close if returns else self.pending.call)(i)

    def _outcome(self, valid: bool | None, spent: str = "") -> Outcome:
        named, effort = self.steps.states, self.meter.effort()
        if valid:
            return Outcome(True, _order(self.front[0].link), effort=effort)
        paths: dict[int, Path] = {}
        for one in self.front[:_SHOWN]:
            paths.setdefault(one.state, Path(named[one.state], _order(one.link)))
        return Outcome(
            valid,
            max((path.order for path in paths.values()), key=len, default=()),
            self.line.events[self.event][0],
            tuple(named[state] for state in sorted(self.reachable)),
            tuple(paths.values()),
            tuple(self.pending.all()),
            spent,
            self.foresees,
            tuple(self._cuts()) if valid is False else (),
            effort,
        )

    def _cuts(self) -> Iterator[Cut]:
        line = self.line
        ghosts: dict[int, list[int]] = {}
        for i, _ in line.events:
            if line.ghosts[i]:
                ghosts.setdefault(line.action[i], []).append(i)
        for back in (1 << power for power in range(len(self.cuts).bit_length())):
            i, front = self.cuts[-back]
            used: set[int] = set()
            for action, counter in line.counters.items():
                used.update(ghosts[action][: min((counter.used(one.ghosts) for one in front), default=0)])
            if front:
                states = sorted({one.state for one in front})
                yield Cut(line.ops[i].ret, i, tuple(self.steps.states[state] for state in states), frozenset(used))


def _order(link: Link) -> tuple[int, ...]:
    order = []
    while link is not None:
        order.append(link[0])
        link = link[1]
    return tuple(reversed(order))
