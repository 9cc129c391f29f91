"""Small lock histories for comparing algorithms with the referee: at random, drawn so that they shrink, and all there
are. Many of them are judged in one go, as histories of different locks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from checker.linear.operations import LETTERS, NEVER, Answer, Answers, Operations, from_rows
from tests.unit.checker.referee import Op, Step, linearizable, mutex, ops_of

HISTORIES = int(os.environ.get("LOCKQUAKE_REFEREE_HISTORIES", "10000"))
"""Random histories per comparison; a soak sets it to hundreds of thousands."""

RETIRED = ("", "A", "AD", "ADR", "ADN", "ADD", "C", "CN")
"""What a client does last, after whole holds and refusals: it retires after a result of unknown effect."""

LOST = ("CR", "CD", "CDR", "CDD")
"""It releases what it perhaps acquired."""

WENT_ON = (
    "CRAR",
    "CRA",
    "ADNAR",
    "ADDN",
    "ADDR",
    "CNN",
    "CA",
    "AC",
    "ACR",
    "CNR",
    "CDN",
    "ADAR",
    "CDA",
    "DA",
    "DR",
    "R",
    "ARR",
)
"""It goes on, or does what nobody expects."""


class Call(NamedTuple):
    """One operation; ``ret`` is NEVER where its effect is unknown."""

    client: int
    letter: str
    inv: int
    ret: int


History = list[Call]
"""Each client's own operations in the order it made them."""


def timed(client: int, letters: str, times: Sequence[int]) -> History:
    """One client's operations at ascending times: a call and a return each."""
    pairs = zip(letters, times[::2], times[1::2], strict=True)
    return [Call(client, letter, inv, NEVER if letter in "CD" else ret) for letter, inv, ret in pairs]


def together(histories: Iterable[History]) -> Operations:
    """One lock's history each: lock 0, 1, 2, …"""
    return from_rows(
        (call.inv, call.ret, number, LETTERS.index(call.letter), call.client, lock, 1, 0)
        for lock, history in enumerate(histories)
        for number, call in enumerate(history)
    )


def owner_history(
    random: Random, tails: Sequence[str], pieces: Sequence[str] = ("AR", "AR", "F", "N", "AFR", "ANR")
) -> History:
    """Up to 10 operations of up to 5 clients; times are few, so that many touch."""
    history: History = []
    for client in range(random.randint(1, 5)):
        letters = "".join(random.choices(pieces, k=random.randint(0, 2))) + random.choice(tails)
        if len(history) + len(letters) <= 10:
            history += timed(client, letters, sorted(random.sample(range(1, 27), 2 * len(letters))))
    return history


def anonymous_history(random: Random) -> History:
    """Any letters in any order, up to 9 operations of up to 4 clients."""
    history: History = []
    for client in range(random.randint(1, 4)):
        letters = "".join(random.choices("AAARRRFNCD", k=random.randint(0, min(4, 9 - len(history)))))
        history += timed(client, letters, sorted(random.sample(range(1, 21), 2 * len(letters))))
    return history


def coarse_history(random: Random) -> History:
    """By a clock so coarse that a client's operations touch and take no time."""
    history: History = []
    for client in range(random.randint(2, 4)):
        letters = "".join(random.choices(["AR", "AR", "F"], k=random.randint(0, 3))) + random.choice(
            ("", "A", "C", "CR")
        )
        if len(history) + len(letters) <= 9:
            steps = random.choices((0, 0, 0, 1, 2), k=2 * len(letters))
            history += timed(client, letters, list(accumulate(steps, initial=random.randint(1, 2)))[1:])
    return history


@st.composite
def owner_histories(draw: st.DrawFn, tails: tuple[str, ...]) -> History:
    """Like :func:`owner_history`, drawn so that a disagreement shrinks."""
    history: History = []
    for client in range(draw(st.integers(1, 4))):
        letters = "".join(draw(st.lists(st.sampled_from(["AR", "F", "N", "AFR"]), max_size=2)))
        letters += draw(st.sampled_from(tails))
        times = draw(st.lists(st.integers(1, 3), min_size=2 * len(letters), max_size=2 * len(letters)))
        history += timed(client, letters, list(accumulate(times)))
    return history[:9]


@st.composite
def anonymous_histories(draw: st.DrawFn) -> History:
    """Like :func:`anonymous_history`, drawn so that a disagreement shrinks."""
    history: History = []
    for client in range(draw(st.integers(1, 4))):
        letters = "".join(draw(st.lists(st.sampled_from("ARFNCD"), max_size=3)))
        times = draw(st.lists(st.integers(1, 3), min_size=2 * len(letters), max_size=2 * len(letters)))
        history += timed(client, letters, list(accumulate(times)))
    return history[:9]


def tiny(count: int, clients: int, letters: str) -> Iterator[History]:
    """All histories of ``count`` operations, up to the names of clients and to the order of neighbouring calls, and of
    neighbouring returns. Every moment is a time of its own."""
    return _more([], [-1] * clients, 0, "", count, letters)


def _more(calls: History, ends: list[int], now: int, last: str, count: int, letters: str) -> Iterator[History]:
    """``ends``: per client when its last operation returned: −1 none yet, NEVER not yet. ``last``: ``c2`` if the last
    that happened was a call of client 2, ``r2`` if a return."""
    pending = [i for i, call in enumerate(calls) if call.letter not in "CD" and call.ret == NEVER]
    if len(calls) == count and not pending:
        yield list(calls)
        return
    for i in pending:
        call = calls[i]
        if not (last[:1] == "r" and int(last[1:]) > call.client):
            returned = [*calls[:i], call._replace(ret=now), *calls[i + 1 :]]
            yield from _more(returned, _with(ends, call.client, now), now + 1, f"r{call.client}", count, letters)
    if len(calls) == count:
        return
    for client in range(len(ends)):
        if ends[client] == NEVER or (last[:1] == "c" and int(last[1:]) > client):
            continue
        for letter in letters:
            after = _with(ends, client, now if letter in "CD" else NEVER)
            yield from _more([*calls, Call(client, letter, now, NEVER)], after, now + 1, f"c{client}", count, letters)
        if ends[client] == -1:
            # Clients that did nothing yet are alike.
            break


def _with(ends: list[int], client: int, end: int) -> list[int]:
    return [*ends[:client], end, *ends[client + 1 :]]


def touching(history: History) -> History:
    """The same order of operations with as few moments as can be: only between a return and a call does time pass."""
    marks = sorted({*((call.inv, 0) for call in history), *((call.ret, 1) for call in history)})
    moments, now = {}, 1
    for before, (time, returns) in zip([(0, 0), *marks], marks, strict=False):
        now += before[1] > returns
        moments[time] = NEVER if time == NEVER else now
    return [call._replace(inv=moments[call.inv], ret=moments[call.ret]) for call in history]


def as_ops(history: Iterable[Call]) -> list[Op]:
    """As the referee sees it."""
    return [Op(call.letter, call.client, call.inv, call.ret) for call in history]


class Searched:
    """The referee in the place of the general search. ``sizes``: how many operations it was given each time;
    ``rejected``: how often it said no."""

    def __init__(self, step: Step = mutex) -> None:
        self.step = step
        self.sizes: list[int] = []
        self.rejected = 0

    def __call__(self, operations: Operations) -> Answer | None:
        ops = ops_of(operations, int(operations.lock[0]))
        assert len(ops) == len(operations), "one lock at a time"
        self.sizes.append(len(ops))
        if linearizable(ops, self.step):
            return None
        self.rejected += 1
        return Answer(False, "searched", "", tuple(range(len(ops))))


def needed(history: Sequence[Call], witness: Iterable[int]) -> History:
    """The operations of a witness, and of each release in it the hold that it ends: all that the client did from its
    last acquire before. In the order of ``history``."""
    chosen = set()
    for number in witness:
        chosen.add(number)
        if history[number].letter in "RDN":
            own = [i for i in range(number) if history[i].client == history[number].client and history[i].letter != "F"]
            begin = max((i for i in own if history[i].letter in "AC"), default=number)
            chosen |= {i for i in own if i >= begin}
    return [history[i] for i in sorted(chosen)]


def compare(histories: Sequence[History], judge: Callable[[Operations], Answers], step: Step = mutex) -> Counter[str]:
    """How often each kind of answer was given. Raises AssertionError where one is not the referee's."""
    answers = judge(together(histories))
    kinds: Counter[str] = Counter()
    for lock, history in enumerate(histories):
        answer = answers.get(lock)
        kinds["valid" if answer is None else answer.kind] += 1
        if answer is None or answer.valid is not None:
            assert (answer is None) is linearizable(as_ops(history), step), (history, answer)
    return kinds
