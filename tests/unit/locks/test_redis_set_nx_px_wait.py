"""``redis-set-nx-px-wait``: granted once a replica confirmed, otherwise freed again before it is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis_key import PlayedKey, attempt, compare_and_delete

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.loading import load
from nuclei.locks.redis_lock import RedisLock
from nuclei.locks.redis_set_nx_px import COMPARE_AND_DELETE

NAME = "redis-set-nx-px-wait"
Make = Callable[..., Lock]


@pytest.fixture
def key() -> PlayedKey:
    key = PlayedKey()
    key.scripts[COMPARE_AND_DELETE] = compare_and_delete(key)
    return key


def test_a_confirmed_lock_is_granted(make: Make, key: PlayedKey) -> None:
    lock = make(ttl=0.5)
    grant = lock.acquire(attempt("a"), 1)
    assert (grant.owner, key.value, key.expires) == ("a", "a", "500")
    lock.release()
    assert key.heard == ["SET", "WAIT", "EVAL"]


def test_a_taken_lock_waits_for_no_replica(make: Make, key: PlayedKey) -> None:
    key.value = "b"
    with pytest.raises(Refused, match=r"^busy$"):
        make().try_acquire(attempt("a"))
    assert key.heard == ["SET"]


def test_an_unconfirmed_lock_is_freed_and_refused(make: Make, key: PlayedKey) -> None:
    key.confirming = 0
    with pytest.raises(Refused, match=r"^busy$"):
        make().try_acquire(attempt("a"))
    assert key.value is None
    assert key.heard == ["SET", "WAIT", "EVAL"]


@pytest.mark.parametrize("mood", ["mute", "deaf", "-MASTERDOWN Link with MASTER is down"])
def test_a_wait_without_an_answer_is_indeterminate_for_the_key_is_there(make: Make, key: PlayedKey, mood: str) -> None:
    lock = make()
    key.moods["WAIT"] = mood
    with pytest.raises(Indeterminate):
        lock.try_acquire(attempt("a"))
    assert key.value == "a"
    lock.release()
    assert key.value is None


@pytest.mark.parametrize("mood", ["deaf", "-READONLY You can't write against a read only replica."])
def test_an_unconfirmed_lock_that_could_not_be_freed_is_indeterminate(make: Make, key: PlayedKey, mood: str) -> None:
    lock = make()
    key.confirming = 0
    key.moods["EVAL"] = mood
    with pytest.raises(Indeterminate):
        lock.try_acquire(attempt("a"))
    assert key.value == "a"


def test_what_another_connection_confirms_is_not_this_lock(make: Make, key: PlayedKey) -> None:
    lock = make()
    assert isinstance(lock, RedisLock)
    ask = lock.redis.command

    def broken_after_set(*words: str | int) -> object:
        answer = ask(*words)
        if words[0] == "SET":
            lock.redis.close()
        return answer

    lock.redis.command = broken_after_set  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"^busy$"):
        lock.try_acquire(attempt("a"))
    assert key.value is None
    assert key.heard == ["SET", "WAIT", "EVAL"]


def test_it_needs_replicas() -> None:
    entry = load(NAME)
    assert entry.clusters == ("redis-sentinel",)
    spec = entry.spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.recovery_ns) == (500_000_000, 22_500_000_000)
