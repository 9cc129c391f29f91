"""Which key was whose, where an attempt's own value is not known (its library told it only to those it let in)."""

from __future__ import annotations

import pytest

from checker.case import cases
from histories.build import MS, Story
from histories.spec import Spec


def beside(owner: str, *, granted: str) -> Story:
    """c1 does not know how its attempt ended at 100 ms; a key of ``owner`` begins then; c2 is let in as ``granted``."""
    story = Story(Spec(session_ns=2000 * MS)).trial(0, 900).acquire("c1", 90, 100, "info")
    return story.hold("c2", 80, 108, until=200, owner=granted).began(104, "zk-1", owner)


@pytest.mark.parametrize(("owner", "mine"), [("uuid-2", []), ("uuid-1", ["uuid-1"])])
def test_a_key_that_another_attempt_is_known_by_is_not_its_own(owner: str, mine: list[str]) -> None:
    keys = cases(beside(owner, granted="uuid-2").history())[0].keys
    assert [life.owner for life in keys.of_attempt("c1-1")] == mine
    assert [life.owner for life in keys.of_attempt("c2-1")] == ([] if mine else ["uuid-2"])


def test_a_value_that_all_use_names_nobody() -> None:
    story = beside("held", granted="held").hold("c3", 300, 302, until=400, owner="held")
    keys = cases(story.history())[0].keys
    assert [life.owner for life in keys.of_attempt("c1-1")] == ["held"]
