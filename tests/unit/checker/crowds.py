"""Random histories of a crowd at some locks, writer by writer, and the random orders in which their rows may come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from histories.history import History, arrange
from histories.rows import FORMAT_VERSION, Call, Client, Event, Header, Leave, Return, Trial
from histories.spec import Spec

SPECS = (Spec(), Spec(reentry_limit=3), Spec(permits=2), Spec(permits=3), Spec(read_write=True))
END = 120
RUNNER = ""


class Said(NamedTuple):
    """One thing that comes: a row, or (``row`` None) that all rows of ``client`` of before ``t`` have come; of the
    runner's, where ``client`` is RUNNER."""

    client: str
    row: Event | None = None
    t: int = 0


@dataclass
class Crowd:
    """``streams``: the rows of each writer in order; the runner's under RUNNER."""

    spec: Spec
    streams: dict[str, list[Event]]

    @property
    def history(self) -> History:
        """All rows, as a reader gives them."""
        rows = [row for stream in self.streams.values() for row in stream]
        return arrange([Header(t=0, version=FORMAT_VERSION, spec=self.spec), *rows], None, [])


class _Actor:
    """One identity and what it does, step by step; now and then two steps at the same instant."""

    def __init__(self, random: Random, spec: Spec, client: str, t: int, locks: int) -> None:
        self.random, self.spec, self.client, self.t = random, spec, client, t
        self.locks = [f"lock-{number}" for number in range(locks)]
        self.rows: list[Event] = []
        self.calls = 0
        self.attempts: dict[str, list[str]] = {lock: [] for lock in self.locks}

    def act(self) -> None:
        lock = self.random.choice(self.locks)
        told = self.attempts[lock]
        self._pass(0, 0, 1, 4, 9)
        match self.random.choices(["acquire", "release", "leave", "renew"], [4, 5, 1, 1])[0]:
            case "acquire":
                told.append(f"{self.client}/{self.calls}")
                self._call("acquire", lock, told[-1], self.random.choice(["ok", "ok", "ok", "fail", "info", None]))
            case "release" if told:
                old = self.random.random() < 0.15
                self._call("release", lock, self.random.choice(told) if old else told[-1], "ok")
            case "leave" if told:
                row = Leave(t=self.t, client=self.client, lock=lock, attempt=self.random.choice(told[-2:]), why="told")
                self.rows.append(row)
            case _:
                self._call("renew", lock, "", "ok")

    def _call(self, op: str, lock: str, attempt: str, outcome: str | None) -> None:
        self.calls += 1
        names = {"client": self.client, "call": self.calls, "op": op, "lock": lock, "attempt": attempt}
        kind = {"mode": self.random.choice(["exclusive", "shared", "shared"])} if self.spec.read_write else {}
        kind |= {"permits": self.random.randint(1, self.spec.permits)} if self.spec.permits > 1 else {}
        self.rows.append(Call(t=self.t, **names, **kind))  # type: ignore[arg-type]
        self._pass(0, 1, 1, 2)
        if outcome is not None:
            self.rows.append(Return(t=self.t, outcome=outcome, **names))  # type: ignore[arg-type]

    def _pass(self, *steps: int) -> None:
        self.t += self.random.choice(steps)


def gather(random: Random) -> Crowd:
    """A few clients; some processes have two identities, one after the other or side by side; some are killed."""
    spec = random.choice(SPECS)
    locks = random.randint(1, 2)
    streams: dict[str, list[Event]] = {}
    for pid, name in enumerate("ABC"[: random.randint(1, 3)], 1):
        first = _stream(random, spec, name, random.randint(0, END // 2), locks, pid)
        if random.random() < 0.3:
            t = first[-1].t + random.randint(0, 3)
            first.append(Client(t=t, client=name, state="retired", pid=pid))
            first += _stream(random, spec, f"{name}.2", t, locks, pid)
        streams[name] = first
        if random.random() < 0.2:
            streams[f"{name}-too"] = _stream(random, spec, f"{name}-too", 1, locks, pid)
    streams[RUNNER] = _runner(random, list(streams))
    return Crowd(spec, streams)


def _stream(random: Random, spec: Spec, client: str, t: int, locks: int, pid: int) -> list[Event]:
    actor = _Actor(random, spec, client, t, locks)
    actor.rows.append(Client(t=t, client=client, state="started", pid=pid))
    for _ in range(random.randint(1, 8)):
        actor.act()
    return actor.rows


def _runner(random: Random, names: list[str]) -> list[Event]:
    rows: list[Event] = [Trial(t=0, state="started")]
    for name in names:
        if random.random() < 0.2:
            rows.append(Client(t=random.randint(END // 2, END), client=name, state="killed"))
    if random.random() < 0.7:
        rows.append(Trial(t=random.randint(END // 2, 2 * END), state="ended"))
    return sorted(rows, key=lambda row: row.t)


def deliver(crowd: Crowd, random: Random, end: int) -> Iterator[Said]:
    """The rows in an order in which they may come. What ties identities to processes, and so every writer's first row,
    comes first. In between writers say how far they have come; a runner that writes no end, not beyond ``end``."""
    left = {writer: list(rows) for writer, rows in crowd.streams.items()}
    for writer, rows in left.items():
        yield Said(writer, rows.pop(0))
    haste = {writer: random.choice([1, 5, 50]) for writer in left}
    while any(left.values()):
        busy = [writer for writer in left if left[writer]]
        writer = random.choices(busy, [haste[name] for name in busy])[0]
        yield Said(writer, left[writer].pop(0))
        for other in random.sample(list(left), random.choice([0, 0, 1, len(left)])):
            yield _so_far(other, left[other], random, crowd, end)


def _so_far(writer: str, left: list[Event], random: Random, crowd: Crowd, end: int) -> Said:
    ends = any(isinstance(row, Trial) and row.state == "ended" for row in crowd.streams[RUNNER])
    bound = left[0].t if left else 2 * max(rows[-1].t for rows in crowd.streams.values())
    if writer == RUNNER:
        bound = bound if ends else min(bound, end)
        return Said(RUNNER, None, random.choice([bound, random.randint(0, bound)]))
    following = left[0] if left else crowd.streams[writer][-1]
    assert isinstance(following, Call | Return | Leave | Client)
    return Said(following.client, None, bound)
