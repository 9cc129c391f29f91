"""The textbook Redis locks, command by command, against a server that plays one key (and forgets when told to)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random

import pytest
from redis_stage import HangUp, Silence, Stage

from nuclei.locks.base import Attempt, Indeterminate, Lock, LockContext, Refused, Surroundings
from nuclei.locks.loading import load
from nuclei.locks.redis_set_nx_px import COMPARE_AND_DELETE

NAMES = ("redis-setnx", "redis-set-nx-ex-del", "redis-set-nx-px")


class Key:
    """What a Redis server does for one key; ``mute`` executes without an answer, ``deaf`` neither."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.mood = "ok"

    def play(self, words: list[str]) -> object:
        if self.mood == "deaf":
            return Silence
        answer = self._execute(words)
        return HangUp if self.mood == "mute" else answer

    def _execute(self, words: list[str]) -> object:
        match words:
            case ["SETNX", "k", value]:
                taken, self.value = self.value is not None, self.value or value
                return 0 if taken else 1
            case ["SET", "k", value, "NX", "EX" | "PX", _]:
                taken, self.value = self.value is not None, self.value or value
                return None if taken else "OK"
            case ["DEL", "k"]:
                there, self.value = self.value is not None, None
                return int(there)
            case ["EVAL", script, "1", "k", owner]:
                assert script == COMPARE_AND_DELETE
                mine = self.value == owner
                self.value = None if mine else self.value
                return int(mine)
        return "-ERR unknown command"


@pytest.fixture
def key() -> Key:
    return Key()


@pytest.fixture
def make(key: Key, stage: Callable[..., Stage]) -> Iterator[Callable[..., Lock]]:
    server = stage(key.play)
    made: list[Lock] = []

    def one(name: str, client: str = "c1", **settings: float) -> Lock:
        surroundings = Surroundings(
            cluster="redis-single", endpoints={"redis-1": server.endpoint}, nodes={"redis": ["redis-1"]},
            settings={"op_timeout": 0.15, "retry": 0.01, **settings},
        )  # fmt: skip
        lock = load(name).make(LockContext(key="k", client=client, surroundings=surroundings, random=Random(1)))
        made.append(lock)
        lock.connect()
        return lock

    yield one
    for lock in made:
        lock.close()


def attempt(owner: str) -> Attempt:
    return Attempt(f"{owner}-1", owner)


@pytest.mark.parametrize("name", NAMES)
def test_one_at_a_time(make: Callable[..., Lock], name: str) -> None:
    first, second = make(name), make(name, "c2")
    first.acquire(attempt("a"), 1)
    with pytest.raises(Refused, match=r"^busy$"):
        second.try_acquire(attempt("b"))
    first.release()
    second.try_acquire(attempt("b"))
    second.release()


@pytest.mark.parametrize("name", NAMES)
def test_a_waiter_gives_up_at_its_limit(make: Callable[..., Lock], key: Key, name: str) -> None:
    key.value = "somebody"
    began = time.monotonic()
    with pytest.raises(Refused, match=r"not granted within 0\.1 s; the last try: busy"):
        make(name).acquire(attempt("a"), 0.1)
    assert 0.08 < time.monotonic() - began < 5


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_reply_is_indeterminate_and_the_same_attempt_can_be_released(
    make: Callable[..., Lock], key: Key, name: str
) -> None:
    lock = make(name)
    key.mood = "mute"
    with pytest.raises(Indeterminate):
        lock.acquire(attempt("a"), 1)
    assert key.value is not None
    key.mood = "ok"
    lock.release()
    assert key.value is None


@pytest.mark.parametrize("name", NAMES)
def test_a_release_without_a_reply_can_be_repeated(make: Callable[..., Lock], key: Key, name: str) -> None:
    lock = make(name)
    lock.acquire(attempt("a"), 1)
    key.mood = "deaf"
    with pytest.raises(Indeterminate):
        lock.release()
    key.mood = "ok"
    lock.release()
    with pytest.raises(Refused):
        lock.release()


@pytest.mark.parametrize(("name", "freed"), [(NAMES[0], True), (NAMES[1], True), (NAMES[2], False)])
def test_a_late_release_frees_the_next_holder_unless_the_owner_is_compared(
    make: Callable[..., Lock], key: Key, name: str, freed: bool
) -> None:
    lock = make(name)
    lock.acquire(attempt("a"), 1)
    key.value = "next"
    if freed:
        lock.release()
        assert key.value is None
    else:
        with pytest.raises(Refused):
            lock.release()
        assert key.value == "next"


@pytest.mark.parametrize(("name", "seconds"), [("redis-set-nx-px", 0.5), ("redis-set-nx-ex-del", 1.0)])
def test_the_lease_runs_from_before_the_request(make: Callable[..., Lock], name: str, seconds: float) -> None:
    before = time.monotonic_ns()
    grant = make(name, ttl=0.5).acquire(attempt("a"), 1)
    after = time.monotonic_ns()
    assert grant.lease_until is not None
    assert before + seconds * 1e9 <= grant.lease_until <= after + seconds * 1e9
    assert grant.owner == "a"


@pytest.mark.parametrize("name", NAMES)
def test_the_spec_says_the_lease_that_is_asked_for(name: str) -> None:
    spec = load(name).spec({"ttl": 0.5})
    lease = {"redis-setnx": None, "redis-set-nx-ex-del": 1_000_000_000, "redis-set-nx-px": 500_000_000}[name]
    assert spec.lease_ns == lease
    assert spec.lapses == (lease is not None)
    assert spec.recovery_ns == (lease or 0) + 2_000_000_000
    assert spec.owners == "owner"
    assert spec.refusals == "spurious"
