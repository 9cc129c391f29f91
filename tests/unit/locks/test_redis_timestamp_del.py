"""``redis-timestamp-del``, command by command: how a past deadline is taken over, and by how many."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis_key import PlayedKey, attempt, past

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.loading import load

NAME = "redis-timestamp-del"
Make = Callable[..., Lock]


def test_the_value_is_the_deadline(make: Make, key: PlayedKey) -> None:
    wall, since = time.time(), time.monotonic_ns()
    grant = make(ttl=0.5).acquire(attempt("a"), 1)
    assert key.value == grant.owner
    assert wall + 0.5 <= float(str(key.value)) + 1e-6 <= time.time() + 0.5 + 1e-6
    assert grant.lease_until is not None
    assert since + 500_000_000 <= grant.lease_until <= time.monotonic_ns() + 500_000_000


def test_who_holds_within_the_deadline_is_left_alone(make: Make, key: PlayedKey) -> None:
    make().acquire(attempt("a"), 1)
    with pytest.raises(Refused, match=r"^busy$"):
        make("c2").try_acquire(attempt("b"))
    assert key.heard == ["SETNX", "SETNX", "GET"]


def test_a_past_deadline_is_deleted_and_set_anew(make: Make, key: PlayedKey) -> None:
    key.value = past()
    grant = make().try_acquire(attempt("a"))
    assert key.heard == ["SETNX", "GET", "DEL", "SETNX"]
    assert key.value == grant.owner


def test_the_second_rescuer_deletes_the_first_ones_fresh_lock(make: Make, key: PlayedKey) -> None:
    first, second = make(), make("c2")
    key.value = past()
    granted: list[str | None] = []

    def rescue_in_between(command: str) -> None:
        if command == "DEL" and not granted:
            granted.append("")
            granted[0] = second.try_acquire(attempt("b")).owner

    key.before = rescue_in_between
    granted.append(first.try_acquire(attempt("a")).owner)
    assert None not in granted
    assert granted[0] != granted[1] == key.value


def test_a_key_freed_while_looking_is_busy_this_time(make: Make, key: PlayedKey) -> None:
    lock = make()
    make("c2").acquire(attempt("b"), 1)
    key.before = lambda command: setattr(key, "value", None) if command == "GET" else None
    with pytest.raises(Refused, match=r"^busy$"):
        lock.try_acquire(attempt("a"))


@pytest.mark.parametrize("command", ["GET", "DEL"])
def test_a_rescue_that_ended_before_the_last_command_took_nothing(make: Make, key: PlayedKey, command: str) -> None:
    lock = make()
    key.value = past()
    key.moods[command] = "mute"
    with pytest.raises(Refused, match="who holds it is not known"):
        lock.try_acquire(attempt("a"))


def test_a_lost_reply_of_setnx_is_indeterminate_and_can_be_released(make: Make, key: PlayedKey) -> None:
    lock = make()
    key.moods["SETNX"] = "mute"
    with pytest.raises(Indeterminate):
        lock.try_acquire(attempt("a"))
    lock.release()
    assert key.value is None


def test_the_release_deletes_whoever_holds_it(make: Make, key: PlayedKey) -> None:
    lock = make()
    lock.acquire(attempt("a"), 1)
    key.value = "9999999999.000000"
    lock.release()
    assert key.value is None
    with pytest.raises(Refused):
        lock.release()


def test_the_spec_says_the_lease() -> None:
    spec = load(NAME).spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.recovery_ns) == (500_000_000, 2_500_000_000)
