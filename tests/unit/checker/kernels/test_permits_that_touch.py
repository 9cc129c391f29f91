"""Permits given back at the moment they are taken: at equal times calls come before returns."""

from __future__ import annotations

from checker.linear.operations import Answer, written
from checker.linear.semaphore import semaphore


def answer(*texts: str, owners: bool = True) -> Answer | None:
    return semaphore(written(texts)[0], 2, owners=owners).get(0)


def test_a_release_called_when_a_grant_returns_comes_first() -> None:
    assert answer("p0 A 1 2", "p1 A 1 2", "p0 R 5 9", "p2 A 3 5") is None
    assert answer("p0 A 1 2", "p1 A 1 2", "p0 R 5 9", "p2 A 3 4") is not None
    assert answer("p0 A 1 2", "p1 A 1 2", "p0 R 5 9", "p2 A 3 5", owners=False) is None


def test_a_refusal_that_touches_a_full_moment_is_right() -> None:
    full = ("p0 A 1 5", "p1 A 1 5", "p0 R 8 9", "p1 R 8 9")
    assert answer(*full, "p2 F 2 5") is None
    assert answer(*full, "p2 F 8 9") is None
    assert answer("p0 A 6 7", "p1 A 6 7", "p2 F 2 5") is not None
