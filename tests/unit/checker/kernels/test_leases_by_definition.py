"""The columns of leases say what looking at each hold's calls says."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker.case import Case, cases
from checker.holds import Hold
from histories.build import MS, Story
from histories.columns import NEVER, Call
from histories.spec import Spec
from tests.unit.checker.judging import judged

TTL = 100
SPECS = {
    "lease": Spec(lease_ns=TTL * MS, drift=0.1, margin_ns=2 * MS),
    "no drift": Spec(lease_ns=TTL * MS),
    "renewed in a library": Spec(lease_ns=TTL * MS, renewals="library"),
    "session": Spec(session_ns=TTL * MS),
    "nothing lapses": Spec(),
}


def told(random: Random, spec: Spec) -> Story:
    """Clients that acquire, renew, release, some of it more than once, with any outcome."""
    story = Story(spec).trial(0, 900)
    for client in "AB":
        t = random.randint(0, 20)
        for _ in range(random.randint(1, 7)):
            took, outcome = random.choice((0, 1, 30)), random.choice(("ok", "ok", "fail", "info"))
            more: dict[str, Any] = {}
            match random.choice(("acquire", "renew", "renew", "release")):
                case "acquire":
                    if random.random() < 0.4:
                        more["lease_until"] = t + random.choice((TTL - 5, TTL, TTL + took, TTL + 50))
                    story.acquire(client, t, t + took, outcome, **more)  # type: ignore[arg-type]
                case "renew":
                    story.renew(client, t, t + took, outcome)  # type: ignore[arg-type]
                case _:
                    story.release(client, t, t + took, outcome)  # type: ignore[arg-type]
            t += took + random.choice((1, 20, 60))
    return story


def asked(call: Call, spec: Spec) -> int:
    if spec.lease_ns is None or call.lease_until is None:
        return call.inv
    return min(max(call.inv, call.lease_until - spec.lease_ns), call.ret)


def defined(case: Case, hold: Hold) -> tuple[int, ...]:
    """(asked, renewed, alive, certain, possible, letting go, freed) of one hold."""
    spec = case.spec
    letting_go = min((call.inv for call in hold.releases), default=NEVER)
    freed = min((call.ret for call in hold.releases if call.outcome == "ok"), default=NEVER)
    first = asked(hold.acquire, spec)
    renewed = max([first, *(asked(call, spec) for call in hold.renewals if call.outcome == "ok")])
    if spec.lease_ns is None:
        certain = hold.entered if spec.lapses else min(hold.left, letting_go)
        return first, renewed, hold.entered, certain, NEVER, letting_go, freed
    alive = renewed + int(spec.lease_ns * (1 - spec.drift)) - spec.margin_ns
    since = max([hold.entered, *(call.ret for call in hold.renewals if call.outcome != "fail")])
    possible = since + int(spec.lease_ns * (1 + spec.drift)) + spec.margin_ns
    bounded = since < NEVER and spec.renewals != "library"
    return (
        first,
        renewed,
        alive,
        min(letting_go - spec.margin_ns, alive),
        possible if bounded else NEVER,
        letting_go,
        freed,
    )


@pytest.mark.parametrize("name", SPECS)
def test_they_are_what_each_holds_calls_say(name: str) -> None:
    seen = 0
    for seed in range(60):
        for case in cases(told(Random(seed), SPECS[name]).history()):
            leases = case.leases
            columns = (leases.asked, leases.renewed, leases.alive, leases.certain, leases.possible, leases.letting_go,
                       leases.freed)  # fmt: skip
            for hold in case.all_holds():
                mine = tuple(int(column[hold.number]) for column in columns)
                assert mine == defined(case, hold), (seed, hold)
                seen += 1
    assert seen > 50


def test_the_first_of_a_clients_leases_may_outlive_its_second() -> None:
    """A left without a release, came back, and released: its first lease is alive when C is let in."""
    story = Story(Spec(lease_ns=2000 * MS)).acquire("A", 0, 2).leave("A", 50).hold("A", 60, 100, until=200)
    verdict = judged(story.hold("C", 250, 300, until=400), "lease")
    assert verdict is not None
    assert verdict.validity == "invalid"
    assert "was granted to C while the lease or session of A was alive" in verdict.sentence
