"""The watchdog's rounds: what a renewal finds counts only for the hold it was begun for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from nuclei.locks.base import Indeterminate
from nuclei.locks.redis_watchdog import Watchdog


class Renewals:
    """Answers each renewal once it is let; ``begun`` counts them, ``lost`` the reports."""

    def __init__(self) -> None:
        self.answers: list[bool | Exception] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.lost = 0
        self.dog = Watchdog(self.renew, 0.005, self.told)

    def renew(self) -> bool:
        self.begun.release()
        assert self.go.acquire(timeout=3)
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    def told(self) -> None:
        self.lost += 1

    def one(self) -> None:
        """Let the next renewal happen."""
        assert self.begun.acquire(timeout=3)
        self.go.release()


@pytest.fixture
def renewals() -> Iterator[Renewals]:
    made = Renewals()
    yield made
    made.dog.stop()
    made.go.release(100)
    made.dog.close(3)


def test_it_renews_again_and_again(renewals: Renewals) -> None:
    renewals.dog.start()
    for _ in range(3):
        renewals.one()
    assert renewals.lost == 0


def test_nothing_to_renew_is_told_once_and_the_next_hold_is_renewed(renewals: Renewals) -> None:
    renewals.answers = [False]
    renewals.dog.start()
    renewals.one()
    assert not renewals.begun.acquire(timeout=0.1)
    assert renewals.lost == 1
    renewals.dog.start()
    renewals.one()
    renewals.one()
    assert renewals.lost == 1


def test_an_error_ends_nothing(renewals: Renewals) -> None:
    renewals.answers = [Indeterminate("no reply")]
    renewals.dog.start()
    renewals.one()
    renewals.one()
    assert renewals.lost == 0


@pytest.mark.parametrize("again", [False, True])
def test_what_a_renewal_finds_after_its_hold_is_nobodys_loss(renewals: Renewals, again: bool) -> None:
    renewals.answers = [False]
    renewals.dog.start()
    assert renewals.begun.acquire(timeout=3)
    renewals.dog.stop()
    if again:
        renewals.dog.start()
    renewals.go.release()
    assert renewals.begun.acquire(timeout=3 if again else 0.1) == again
    assert renewals.lost == 0


def test_closing_waits_for_the_thread(renewals: Renewals) -> None:
    renewals.dog.start()
    renewals.one()
    renewals.go.release(100)
    renewals.dog.close(3)
    assert "watchdog" not in [thread.name for thread in threading.enumerate()]


def test_one_that_never_began_is_closed_at_once(renewals: Renewals) -> None:
    began = time.monotonic()
    renewals.dog.close(30)
    assert time.monotonic() - began < 10
