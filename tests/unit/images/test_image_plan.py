"""Which image is used, and what is done about a missing one: every combination of present and allowed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from nuclei.platforms.image_plan import Fetch, Situation, Use, plan

OFFICIAL, BUILT, GIVEN = "redis:8", "lockquake/redis:debian-trixie-1", "mine/redis:7"


def situation(present: tuple[str, ...] = (), **changes: Any) -> Situation:
    fields = {"name": "redis", "given": "", "official": OFFICIAL, "built": BUILT, "present": frozenset(present)}
    return Situation(**(fields | changes))


def test_official_wins_over_built_when_both_are_present() -> None:
    assert plan(situation((OFFICIAL, BUILT))) == Use(OFFICIAL, "official", "official")
    assert plan(situation((BUILT,))) == Use(BUILT, "built", "debian")


def test_a_missing_image_is_pulled_else_built() -> None:
    assert plan(situation()) == Fetch((("pull", OFFICIAL), ("build", BUILT)), "")
    assert plan(situation(allow_pull=False)) == Fetch((("build", BUILT),), "pulling is forbidden")
    assert plan(situation(allow_build=False)) == Fetch((("pull", OFFICIAL),), "building is forbidden")


def test_nothing_allowed_says_why() -> None:
    decision = plan(situation(allow_pull=False, built="", no_build="no apt source"))
    assert decision == Fetch((), "pulling is forbidden and no apt source")


def test_one_whose_makers_image_will_not_do_is_built_or_given() -> None:
    assert plan(situation(official="", allow_build=False)).steps == ()  # type: ignore[union-attr]
    assert plan(situation(official="")) == Fetch(
        (("build", BUILT),), "its makers' image has no shell, which nodes need"
    )


def test_a_given_image_is_never_replaced() -> None:
    assert plan(situation((GIVEN, OFFICIAL), given=GIVEN)) == Use(GIVEN, "given", "official")
    assert plan(situation((OFFICIAL, BUILT), given=GIVEN)) == Fetch((("pull", GIVEN),))
    assert plan(situation((OFFICIAL,), given=GIVEN, allow_pull=False)) == Fetch((), "pulling is forbidden")


@pytest.mark.parametrize("given", ["", GIVEN])
def test_what_is_forbidden_is_never_planned_and_what_is_present_never_fetched(given: str) -> None:
    every = [(OFFICIAL, BUILT, GIVEN)[:n] for n in range(4)]
    for present, pull, build in itertools.product(every, (True, False), (True, False)):
        decision = plan(situation(present, given=given, allow_pull=pull, allow_build=build))
        if isinstance(decision, Use):
            assert decision.reference in present
        else:
            steps = {step for step, _ in decision.steps}
            assert steps <= ({"pull"} if pull else set()) | ({"build"} if build else set())
            assert decision.steps or decision.why_not_more
            assert (given or OFFICIAL) not in present
