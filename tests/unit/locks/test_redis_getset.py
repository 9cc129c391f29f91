"""``redis-getset``, command by command: one rescuer gets in, and the other one's deadline stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis_key import PlayedKey, attempt, past

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.loading import load

NAME = "redis-getset"
Make = Callable[..., Lock]


def test_a_past_deadline_is_swapped(make: Make, key: PlayedKey) -> None:
    key.value = past()
    lock = make()
    grant = lock.try_acquire(attempt("a"))
    assert key.heard == ["SETNX", "GET", "GETSET"]
    assert key.value == grant.owner
    lock.release()
    assert key.value is None
    assert key.heard[3:] == ["GET", "DEL"]


def test_of_two_rescuers_one_gets_in_but_the_others_deadline_stays(make: Make, key: PlayedKey) -> None:
    loser, winner = make(), make("c2")
    key.value = past()
    granted: list[str | None] = []

    def rescue_in_between(command: str) -> None:
        if command == "GETSET" and not granted:
            granted.append("")
            granted[0] = winner.try_acquire(attempt("b")).owner

    key.before = rescue_in_between
    with pytest.raises(Refused, match=r"^busy$"):
        loser.try_acquire(attempt("a"))
    assert key.value is not None
    assert key.value != granted[0]
    with pytest.raises(Refused, match="not held"):
        winner.release()
    assert key.value is not None


def test_a_key_freed_before_the_swap_is_left_with_nobodys_deadline(make: Make, key: PlayedKey) -> None:
    lock = make()
    key.value = past()
    key.before = lambda command: setattr(key, "value", None) if command == "GETSET" else None
    with pytest.raises(Refused, match=r"^busy$"):
        lock.try_acquire(attempt("a"))
    assert key.value is not None


@pytest.mark.parametrize("command", ["SETNX", "GETSET"])
def test_a_lost_reply_is_indeterminate_and_the_same_attempt_can_be_released(
    make: Make, key: PlayedKey, command: str
) -> None:
    lock = make()
    key.value = past() if command == "GETSET" else None
    key.moods[command] = "mute"
    with pytest.raises(Indeterminate):
        lock.try_acquire(attempt("a"))
    lock.release()
    assert key.value is None


def test_a_late_release_leaves_the_next_holder_alone(make: Make, key: PlayedKey) -> None:
    lock = make()
    lock.acquire(attempt("a"), 1)
    key.value = "9999999999.000000"
    with pytest.raises(Refused, match="not held"):
        lock.release()
    assert key.value == "9999999999.000000"


def test_a_release_before_any_attempt_asks_nobody(make: Make, key: PlayedKey) -> None:
    with pytest.raises(Refused):
        make().release()
    assert key.heard == []


def test_the_spec_waits_for_a_losers_deadline_too() -> None:
    spec = load(NAME).spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.recovery_ns) == (500_000_000, 3_000_000_000)
