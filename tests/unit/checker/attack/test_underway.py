"""What was under way at a time, by definition and by index; observers' answers, by definition and by bisection."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest

from checker.observed import SLACK_NS, Observed, RoleSeen, read_observed
from checker.underway import Underway
from histories.columns import NEVER
from histories.rows import Event, Role, Server

STEP = SLACK_NS // 3


@pytest.mark.parametrize("seed", range(60))
def test_meeting_is_what_the_definition_says(seed: int) -> None:
    random = Random(seed)
    count = random.choice([0, 1, 2, 7, 40])
    begin = np.array(sorted(random.randrange(60) for _ in range(count)), np.int64)
    lengths = [random.choice([0, 1, 2, 3, 30, NEVER]) for _ in range(count)]
    end = np.array([min(NEVER, b + length) for b, length in zip(begin.tolist(), lengths, strict=True)], np.int64)
    underway = Underway(begin, end)
    for _ in range(30):
        start, until = random.randrange(-5, 70), random.choice([random.randrange(-5, 70), NEVER])
        expected = np.flatnonzero((begin <= until) & (end >= start))
        assert underway.meeting(start, until).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(60))
def test_observers_answers_are_what_the_definitions_say(seed: int) -> None:
    random = Random(seed)
    rows: list[Event] = []
    for t in sorted(random.randrange(40) * STEP for _ in range(random.randrange(12))):
        node = random.choice("ab")
        if random.random() < 0.6:
            evidence = random.choice(["", "restarted"])
            rows.append(Role(t=t, node=node, role=random.choice(["primary", "replica", "down"]), evidence=evidence))
        else:
            rows.append(Server(t=t, node=node, event=random.choice(["blind", "seeing"])))
    seen = read_observed(rows)
    for _ in range(20):
        t, later, node = random.randrange(40) * STEP, random.randrange(40) * STEP, random.choice("ab")
        assert seen.in_charge(node, t) == _in_charge(seen, node, t)
        blind = any(a <= later and b >= t for a, b in seen.blind.get(node, []))
        assert seen.saw(node, t, later) == (node in seen.nodes and (not blind or later < t)) or later < t
        assert [role for _, role in seen.promotions(t, later)] == [
            now for name in seen.roles for before, now in _pairs(seen, name)
            if t <= now.t <= later and now.in_charge and not before.in_charge and before.role != "down"
        ]  # fmt: skip
        assert seen.moved(t, later) == any(t <= now.t <= later for name in seen.roles for _, now in _pairs(seen, name))


def _pairs(seen: Observed, node: str) -> list[tuple[RoleSeen, RoleSeen]]:
    timeline = seen.roles[node]
    return list(itertools.pairwise(timeline))


def _in_charge(seen: Observed, node: str, t: int) -> bool:
    if not any(role.in_charge for timeline in seen.roles.values() for role in timeline):
        return True
    timeline = seen.roles.get(node, [])
    now = [role.in_charge for role in timeline if role.t <= t][-1:]
    return any(now) or any(role.in_charge for role in timeline if t < role.t <= t + SLACK_NS)


def test_who_is_blind_and_says_so_again_sees_when_it_says_it_does() -> None:
    events = ((1, "blind"), (5, "blind"), (8, "seeing"))
    seen = read_observed([Server(t=t, node="a", event=event) for t, event in events])  # type: ignore[arg-type]
    assert seen.blind == {"a": [(1, 8)]}
