"""Hard histories of a register, made by running one: many processes, outcomes that are not known, few values.

Like those that Jepsen recorded of etcd, which A. Horn and D. Kroening published (2015) and Porcupine is tested with:
100–200 operations of 5–10 processes, of which a dozen or more timed out and may have taken effect, then or much later.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any

from histories.columns import NEVER, Call

MS = 1_000_000


@dataclass(frozen=True)
class Shape:
    """``ghosts``: how many operations nobody knows the outcome of; ``took``: the share of them that took effect.
    ``reads``, ``cas``: shares of the operations, the others write. ``values``: so many different ones."""

    calls: int = 170
    processes: int = 5
    ghosts: int = 12
    values: int = 5
    reads: float = 0.4
    cas: float = 0.3
    took: float = 0.5


class _Run:
    """A register, and processes that use it; times in ms."""

    def __init__(self, random: Random, shape: Shape) -> None:
        self.random = random
        self.shape = shape
        self.value: Any = None
        self.calls: list[Call] = []
        self.lost = set(random.sample(range(shape.calls), shape.ghosts))
        self.agenda: list[tuple[float, int, int | Call]] = []
        self.count = 0

    def plan(self, time: float, what: int | Call) -> None:
        """A process calls, or a call takes effect."""
        self.count += 1
        heappush(self.agenda, (time, self.count, what))

    def run(self) -> list[Call]:
        for process in range(self.shape.processes):
            self.plan(self.random.random(), process)
        heapify(self.agenda)
        while self.agenda:
            time, _, what = heappop(self.agenda)
            if isinstance(what, Call):
                self.take_effect(what)
            elif len(self.calls) < self.shape.calls:
                self.call(time, what)
        return sorted(self.calls, key=lambda call: call.inv)

    def call(self, time: float, process: int) -> None:
        random, number = self.random, len(self.calls)
        lasts, kind = random.expovariate(1), random.random()
        lost = number in self.lost
        one, two = random.randrange(self.shape.values), random.randrange(self.shape.values)
        op = (
            "read"
            if kind < self.shape.reads and not lost
            else "cas"
            if kind < self.shape.reads + self.shape.cas
            else "write"
        )
        value = {"read": None, "write": one, "cas": [one, two]}[op]
        client = f"p{process}-{number}" if lost else f"p{process}"
        inv, ret = int(time * MS), int((time + lasts) * MS)
        call = Call(client, number, op, "x", "", inv, ret, "info" if lost else "ok", value=value)  # type: ignore[arg-type]
        self.calls.append(call)
        if not lost:
            self.plan(time + lasts * random.random(), call)
            self.plan(time + lasts + random.expovariate(2), process)
            return
        if random.random() < self.shape.took:
            self.plan(time + random.expovariate(0.1), call)
        self.plan(time + 3, process)

    def take_effect(self, call: Call) -> None:
        if call.op == "read":
            call.value = self.value
        elif call.op == "write":
            self.value = call.value
        elif self.value == call.value[0]:
            self.value = call.value[1]
        elif call.outcome == "ok":
            call.outcome = "fail"


def recorded(seed: int, shape: Shape) -> list[Call]:
    """A linearizable history."""
    return _Run(Random(seed), shape).run()


def doomed(calls: list[Call]) -> list[Call]:
    """The same, and at the end a read of a value that nobody wrote: all that may have happened must be looked at."""
    end = max(call.ret for call in calls if call.ret < NEVER)
    return [*calls, Call("last", len(calls), "read", "x", "", end + 1, end + 2, "ok", value="nobody wrote this")]


def stale(calls: list[Call], seed: int, share: float = 0.2, lag: int = 8) -> list[Call]:
    """The same with some reads that return what an earlier one returned, as from a replica that lags behind."""
    random = Random(seed)
    values = [call.value for call in calls if call.op == "read"]
    number = 0
    for call in calls:
        if call.op == "read":
            if number >= lag and random.random() < share:
                call.value = values[number - random.randint(1, lag)]
            number += 1
    return calls


def unordered(writers: int) -> list[Call]:
    """Writes all at once, all of which somebody reads, and then a read that is impossible: every subset of the writes
    can have happened first."""
    calls = [Call(f"w{k}", 1, "write", "x", "", k, 1000 + k, "ok", value=k) for k in range(writers)]
    calls += [Call(f"r{k}", 1, "read", "x", "", 500 + k, 2000 + k, "ok", value=k) for k in range(writers)]
    return doomed(calls)
