"""``redis-setnx-expire``, command by command: what each of its two commands leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis_key import PlayedKey, attempt

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.loading import load

NAME = "redis-setnx-expire"
Make = Callable[..., Lock]


def test_two_commands_take_and_a_blind_one_frees(make: Make, key: PlayedKey) -> None:
    first, second = make(ttl=1.2), make("c2")
    first.acquire(attempt("a"), 1)
    assert (key.value, key.expires) == ("1", "2")
    with pytest.raises(Refused, match=r"^busy$"):
        second.try_acquire(attempt("b"))
    second.release()
    assert key.value is None
    assert key.heard == ["SETNX", "EXPIRE", "SETNX", "DEL"]


def test_the_lease_runs_from_the_second_command(make: Make) -> None:
    lock = make(ttl=1.0, gap=0.1)
    before = time.monotonic_ns()
    grant = lock.acquire(attempt("a"), 1)
    assert grant.lease_until is not None
    assert before + 1_100_000_000 <= grant.lease_until <= time.monotonic_ns() + 1_000_000_000
    assert grant.owner is None


def test_the_gap_lies_between_the_two(make: Make, key: PlayedKey) -> None:
    times: dict[str, float] = {}
    key.before = lambda command: times.setdefault(command, time.monotonic())  # type: ignore[assignment,return-value]
    make(gap=0.1).acquire(attempt("a"), 1)
    assert times["EXPIRE"] - times["SETNX"] >= 0.1


@pytest.mark.parametrize("mood", ["mute", "deaf", "-OOM command not allowed"])
def test_an_expire_that_failed_leaves_the_lock_taken_without_end(make: Make, key: PlayedKey, mood: str) -> None:
    lock = make()
    key.moods["EXPIRE"] = mood
    with pytest.raises(Indeterminate):
        lock.acquire(attempt("a"), 1)
    assert key.value == "1"
    lock.release()
    assert key.value is None


def test_a_setnx_that_was_not_executed_is_a_refusal(make: Make, key: PlayedKey) -> None:
    lock = make()
    key.moods["SETNX"] = "-READONLY You can't write against a read only replica."
    with pytest.raises(Refused, match="READONLY"):
        lock.try_acquire(attempt("a"))


def test_an_expire_that_found_no_key_is_not_noticed(make: Make, key: PlayedKey) -> None:
    lock = make()
    key.before = lambda command: setattr(key, "value", None) if command == "EXPIRE" else None
    lock.try_acquire(attempt("a"))
    assert key.value is None
    with pytest.raises(Refused, match="not held"):
        lock.release()


def test_the_spec_says_whole_seconds() -> None:
    spec = load(NAME).spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.recovery_ns) == (1_000_000_000, 3_000_000_000)
