"""How often each ghosts' action was used, in one whole number per configuration, so made that one subtraction compares.

Fewer used is better. And where one action can always do what another can (a write, and a compare-and-set to the same
value), having used the weaker one is better than having used the stronger. With w and w' uses of the stronger, and c(u)
and c'(u) of each weaker one u, the first is at least as good if what it has used more of weaker ones is made up for by
stronger ones it has left: the sum of max(0, c(u) − c'(u)) is at most w' − w. That is so just if for every set S of
weaker ones w + c(S) ≤ w' + c'(S). So these sums are kept, each in bits of its own: there are two to the number of
weaker ones, and all are compared at once.
"""

from __future__ import annotations

from collections import Counter as Occurrences
from collections.abc import Callable, Sequence
from typing import NamedTuple

MOST_WEAKER = 5
"""So many weaker actions are compared with a stronger one, in 32 sums; others are only compared with themselves."""


MOST_COMPARED = 500
"""With more different actions than that, none is compared with another."""


class Counter(NamedTuple):
    """``unit``: what one use adds to the number. How often it was used is the value of the ``most`` bits at ``shift``,
    less that of the bits at ``less`` (of a weaker action: what the stronger adds). ``price``: a configuration that
    another replaces costs more than that."""

    unit: int
    shift: int
    most: int
    less: int = 0
    most_less: int = 0
    price: int = 2

    def used(self, number: int) -> int:
        """How often the action was used."""
        return ((number >> self.shift) & self.most) - ((number >> self.less) & self.most_less)


NOT_COUNTED = Counter(0, 0, 0)


def count(actions: Sequence[int], covers: Callable[[int, int], bool]) -> tuple[dict[int, Counter], int]:
    """A counter for each of the ghosts' actions (given as often as there are ghosts), and the *guards*: the bit above
    each sum, by which :class:`~checker.search.closure.Minimal` compares them. ``covers(strong, weak)``: see
    :meth:`Model.covers`."""
    layout = _Layout(actions)
    for strong in layout.often if len(layout.often) <= MOST_COMPARED else ():
        weaker = [
            weak for weak in layout.often if weak != strong and covers(strong, weak) and weak not in layout.counters
        ]
        if weaker and strong not in layout.counters:
            layout.add(strong, weaker[:MOST_WEAKER])
    for action in layout.often:
        if action not in layout.counters:
            layout.add(action, [])
    return layout.counters, layout.guards


class _Layout:
    def __init__(self, actions: Sequence[int]) -> None:
        self.often = dict(sorted(Occurrences(actions).items()))
        self.counters: dict[int, Counter] = {}
        self.guards = 0
        self.width = 0

    def add(self, strong: int, weaker: list[int]) -> None:
        """Room for the sums of every set of ``weaker`` ones, each with ``strong``."""
        sums: list[tuple[int, int]] = []
        for chosen in range(1 << len(weaker)):
            most = self.often[strong] + sum(self.often[weak] for k, weak in enumerate(weaker) if chosen >> k & 1)
            sums.append((self.width, (1 << most.bit_length()) - 1))
            self.width += most.bit_length() + 1
            self.guards |= 1 << (self.width - 1)
        unit = sum(1 << shift for shift, _ in sums)
        self.counters[strong] = Counter(unit, *sums[0], price=3 if weaker else 2)
        for k, weak in enumerate(weaker):
            unit = sum(1 << shift for chosen, (shift, _) in enumerate(sums) if chosen >> k & 1)
            self.counters[weak] = Counter(unit, *sums[1 << k], *sums[0])
