"""Stretches of time: free ones by the moment, owned ones by looking at each hold and attempt."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from checker.case import Case, cases
from checker.stretches import owned, tried_in_vain, without
from histories.build import MS, Story
from histories.columns import NEVER, Call
from histories.spec import Spec

SPECS = {
    "lease": Spec(lease_ns=100 * MS, drift=0.1, margin_ns=2 * MS),
    "session": Spec(session_ns=100 * MS),
    "nothing lapses": Spec(),
}


def test_what_is_free_by_the_moment() -> None:
    for seed in range(200):
        random = Random(seed)
        begins = [random.randint(0, 20) for _ in range(random.randint(0, 5))]
        taken = [(begin, begin + random.randint(0, 6)) for begin in begins]
        start, end = random.randint(0, 10), random.randint(5, 25)
        found = without(start, end, np.array(taken, np.int64).reshape(-1, 2)).tolist()
        halves = {t for t in range(2 * start, 2 * end) if not any(2 * a <= t < 2 * b for a, b in taken)}
        assert {t for a, b in found for t in range(2 * a, 2 * b)} == halves, (seed, taken)
        assert all(a < b for a, b in found)


def told(random: Random, spec: Spec) -> Story:
    """Attempts of every outcome, released or not, of clients that may be killed."""
    story = Story(spec).trial(0, 900)
    for client in ("A", "B", "C"):
        t = random.randint(0, 30)
        for _ in range(random.randint(1, 3)):
            outcome = random.choice(("ok", "info", "info", "fail"))
            story.acquire(client, t, random.choice((t + 1, t + 40, None)) if outcome == "info" else t + 1, outcome)  # type: ignore[arg-type]
            for _ in range(random.choice((0, 1, 1, 2))):
                t += random.randint(41, 60)
                released = random.choice(("ok", "fail", "info"))
                story.release(client, t, t + 3, released)  # type: ignore[arg-type]
            t += 70
        if random.random() < 0.3:
            story.client(client, t, "killed")
    return story


def defined(case: Case) -> list[tuple[int, int]]:
    """Holds, then attempts of unknown effect."""
    spec, lasts = case.spec, 0
    if spec.lease_ns is not None:
        lasts = int(spec.lease_ns * (1 + spec.drift)) + spec.margin_ns
    found = []
    for hold in case.all_holds():
        freed = int(case.leases.freed[hold.number])
        if spec.lease_ns is not None:
            until = min(freed, int(case.leases.possible[hold.number]))
        else:
            until = max(hold.left, min(freed, gone(case, hold.client)))
        found.append((hold.acquire.inv, until))
    for call in calls(case):
        if call.acquires and call.outcome in {"info", "open"}:
            answered = [c.ret for c in calls(case) if c.op == "release" and c.attempt == call.attempt
                        and c.outcome in {"ok", "fail"}]  # fmt: skip
            if spec.lease_ns is None:
                until = gone(case, call.client)
            else:
                until = NEVER if call.ret == NEVER else call.ret + lasts
            found.append((call.inv, min([until, *answered])))
    return found


def calls(case: Case) -> list[Call]:
    return [case.calls.call(row) for row in range(len(case.calls))]


def gone(case: Case, client: str) -> int:
    """When its client owns nothing any more: a session lapses some time after the end."""
    t = case.lives.gone(client)
    return t if t == NEVER or case.spec.session_ns is None else t + 2 * case.spec.session_ns


@pytest.mark.parametrize("name", SPECS)
def test_what_is_owned(name: str) -> None:
    rows = 0
    for seed in range(80):
        for case in cases(told(Random(seed), SPECS[name]).history()):
            mine = [tuple(row) for row in owned(case).tolist()]
            assert mine == defined(case), seed
            rows += len(mine)
    assert rows > 100


def test_who_tried_in_vain_for_longer_than_the_bound() -> None:
    story = Story().trial(0, 900).acquire("A", 10, 20, "fail").acquire("B", 10, 21, "fail").acquire("C", 10, 60)
    story.acquire("D", 40, 70).acquire("E", 50, 70, "fail").acquire("F", 30, None)
    (case,) = cases(story.history())
    # In [5, 50] with a bound of 15: A came back at the bound, C and D after the end, E was called at the end.
    found = tried_in_vain(case, 5 * MS, 50 * MS, 15 * MS)
    assert [call.client for call in found] == ["B", "C", "F", "D"]
    # Who was granted it at the end was granted it in time.
    assert "C" not in {call.client for call in tried_in_vain(case, 5 * MS, 60 * MS, 15 * MS)}
