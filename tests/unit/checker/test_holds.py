"""Holds in columns are what a walk through each client's rows, one after another, says."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import pytest

from checker.case import cases
from histories.build import MS, Story, ns
from histories.read import History
from histories.rows import Leave
from histories.spec import Spec

SPEC = Spec(reentry_limit=3)
END = 1000


class Walked(NamedTuple):
    """A hold: who, from the acquire of which attempt, until when (ms), why, and which calls belong to it."""

    client: str
    attempt: str
    entered: int
    left: int
    why: str
    calls: frozenset[int]


@dataclass
class Open:
    """A hold in the making."""

    attempt: str
    entered: int
    depth: int = 1
    left: int = END
    why: str = "end"
    closed: bool = False
    calls: set[int] = field(default_factory=set)


def walk(history: History, killed: dict[str, int]) -> set[Walked]:
    """One client after another, one row after another."""
    found: set[Walked] = set()
    for client in set(history.calls.clients.list()):
        end, why = (killed[client], "killed") if client in killed else (END, "end")
        found |= {
            Walked(client, one.attempt, one.entered, *_ending(one, end, why), frozenset(one.calls))
            for one in _walk(history, client)
        }
    return found


def _ending(one: Open, end: int, why: str) -> tuple[int, str]:
    limit = max(end, one.entered)
    return (max(one.left, one.entered), one.why) if one.closed and one.left < limit else (limit, why)


def _walk(history: History, client: str) -> list[Open]:
    holds: list[Open] = []
    by_attempt: dict[str, Open] = {}
    for t, kind, attempt, number in _events(history, client):
        current = holds[-1] if holds and not holds[-1].closed else None
        own = by_attempt.get(attempt, current)
        if kind == "acquire":
            if current is None:
                holds.append(Open(attempt, t))
            else:
                current.depth += 1
            by_attempt[attempt] = holds[-1]
            holds[-1].calls.add(number)
        elif kind == "leave":
            if own is not None and not own.closed:
                own.left, own.why, own.closed = t, "told", True
        elif own is not None:
            own.calls.add(number)
            if kind == "release" and not own.closed:
                own.depth -= 1
                if own.depth == 0:
                    own.left, own.why, own.closed = t, "released", True
    return holds


def _events(history: History, client: str) -> list[tuple[int, str, str, int]]:
    events = []
    for row in range(len(history.calls)):
        call = history.calls.call(row)
        if call.client != client or (call.acquires and call.outcome != "ok"):
            continue
        kind = "acquire" if call.acquires else call.op
        events.append(((call.ret if call.acquires else call.inv) // MS, kind, call.attempt, call.number))
    events += [
        (row.t // MS, "leave", row.attempt, 0)
        for row in history.rows
        if isinstance(row, Leave) and row.client == client
    ]
    return sorted(events, key=lambda event: (event[0], event[1] == "leave"))


def tell(random: Random) -> tuple[History, dict[str, int]]:
    """Clients that acquire, acquire again, release twice, release what is over, leave, and are killed."""
    story = Story(SPEC).trial(0, END)
    killed: dict[str, int] = {}
    for client in "ABC"[: random.randint(1, 3)]:
        t, granted = 0, []
        for _ in range(random.randint(1, 9)):
            t += random.randint(1, 30)
            match random.choice(["acquire", "acquire", "release", "release", "renew", "leave", "old"]):
                case "acquire":
                    outcome = random.choice(["ok", "ok", "ok", "fail", "info"])
                    story.acquire(client, t, t + 2, outcome)  # type: ignore[arg-type]
                    granted += [story.attempt(client)] if outcome == "ok" else []
                case "release":
                    story.release(client, t, t + 2, attempt=granted[-1] if granted else None)
                case "old" if granted:
                    story.release(client, t, t + 2, "fail", attempt=random.choice(granted))
                case "renew":
                    story.renew(client, t, t + 2)
                case _ if granted:
                    story.add(Leave(t=ns(t), client=client, lock="lock", attempt=random.choice(granted), why="told"))
                case _:
                    pass
            t += 3
        if random.random() < 0.3:
            killed[client] = t + random.randint(0, 5)
            story.client(client, killed[client], "killed")
    return story.history(), killed


@pytest.mark.parametrize("block", range(20))
def test_columns_say_what_a_walk_says(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        history, killed = tell(Random(seed))
        if len(history.calls) == 0:
            continue
        (case,) = cases(history)
        found = {
            Walked(
                hold.client, hold.attempt, hold.entered // MS, hold.left // MS, hold.why_left,
                frozenset(call.number for call in
                          [hold.acquire, *hold.inner, *hold.releases, *hold.renewals, *hold.ledger]),
            )
            for hold in case.all_holds()
        }  # fmt: skip
        assert found == walk(history, killed), seed


def test_a_repeated_release_does_not_tear_a_re_entered_hold_apart() -> None:
    """A-1's repeated release inside A-2's hold moves nothing, so A-3 re-enters A-2's hold and both release it."""
    story = Story(SPEC).trial(0, END).hold("A", 0, 1, until=2).acquire("A", 4, 5)
    story.release("A", 6, 7, "fail", attempt="A-1").acquire("A", 8, 9, depth=2)
    story.release("A", 10, 11, attempt="A-2").release("A", 12, 13, attempt="A-3")
    (case,) = cases(story.history())
    assert [(hold.attempt, hold.entered // MS, hold.left // MS, hold.why_left) for hold in case.all_holds()] == [
        ("A-1", 1, 2, "released"),
        ("A-2", 5, 12, "released"),
    ]
