"""The adapters of Python's Redis libraries against real servers: what they map calls and endings to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from random import Random

import pytest
from redis import exceptions
from redis_key import attempt
from tiny_redis import TinyRedis

from lockquake.crew import KEY
from nuclei.locks.base import Indeterminate, Lock, LockContext, Refused, Surroundings
from nuclei.locks.loading import load
from nuclei.locks.redis_py_client import PATIENCE_NS, client_for, redis_py_outcomes

ON_ONE = ("redis-py", "redis-py-asyncio", "python-redis-lock")
ON_SEVERAL = ("pottery", "redlock-py")
ALL = (*ON_ONE, *ON_SEVERAL)
RENEWING = (*ON_ONE, "pottery")
NAMING_THEIR_OWNER = ON_ONE

Make = Callable[..., Lock]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[TinyRedis]]:
    """Three servers."""
    made: list[TinyRedis] = []
    try:
        made += [TinyRedis(), TinyRedis(), TinyRedis()]
        yield made
    finally:
        for server in made:
            server.stop()


@pytest.fixture
def make(servers: list[TinyRedis]) -> Iterator[Make]:
    """Make a connected lock on empty servers: (name, client="c1", **settings)."""
    for server in servers:
        server.client.flushall()
    made: list[Lock] = []

    def one(name: str, client: str = "c1", **settings: float | bool) -> Lock:
        used = servers if name in ON_SEVERAL else servers[:1]
        names = [f"redis-{number}" for number, _ in enumerate(used, 1)]
        entry = load(name)
        surroundings = Surroundings(
            cluster="redis-masters",
            endpoints=dict(zip(names, (server.endpoint for server in used), strict=True)),
            nodes={"redis": names},
            settings={**entry.defaults, **settings},
        )
        made.append(entry.make(LockContext(entry.key_prefix + KEY, client, surroundings, Random(1))))
        made[-1].connect()
        return made[-1]

    yield one
    for lock in made:
        lock.close()


def eventually(look: Callable[[], bool]) -> bool:
    """pottery goes on when most servers have answered; the others are a little later."""
    deadline = time.monotonic() + 10
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def holders(servers: list[TinyRedis], name: str) -> set[str | None]:
    used = servers if name in ON_SEVERAL else servers[:1]
    return {server.client.get(load(name).key_prefix + KEY) for server in used}


@pytest.mark.parametrize("name", ALL)
def test_one_at_a_time(make: Make, servers: list[TinyRedis], name: str) -> None:
    first, second = make(name), make(name, "c2")
    grant = first.acquire(attempt("a"), 1)
    assert eventually(lambda: holders(servers, name) == {grant.owner}), "its key is where the trial looks for it"
    with pytest.raises(Refused, match=r"^busy$"):
        second.try_acquire(attempt("b"))
    first.release()
    second.acquire(attempt("b"), 1)
    second.release()
    assert eventually(lambda: holders(servers, name) == {None})


@pytest.mark.parametrize("name", NAMING_THEIR_OWNER)
def test_the_owner_value_is_the_attempts(make: Make, name: str) -> None:
    lock = make(name)
    assert lock.writes_owner
    assert lock.acquire(attempt("a"), 1).owner == "a"


@pytest.mark.parametrize("name", ALL)
def test_a_release_of_nothing_is_refused(make: Make, name: str) -> None:
    lock = make(name)
    with pytest.raises(Refused, match="not held"):
        lock.release()
    lock.acquire(attempt("a"), 1)
    lock.release()
    with pytest.raises(Refused, match="not held"):
        lock.release()


@pytest.mark.parametrize("name", ALL)
def test_a_late_release_does_not_free_the_next_holder(make: Make, servers: list[TinyRedis], name: str) -> None:
    lock = make(name)
    grant = lock.acquire(attempt("a"), 1)
    assert eventually(lambda: holders(servers, name) == {grant.owner})
    for server in servers:
        server.client.set(load(name).key_prefix + KEY, "next")
    if name == "redlock-py":
        lock.release()  # it does not say what it found
    else:
        with pytest.raises(Refused, match="not held"):
            lock.release()
    assert holders(servers, name) == {"next"}


@pytest.mark.parametrize("name", RENEWING)
def test_a_renewal_begins_the_lease_anew(make: Make, servers: list[TinyRedis], name: str) -> None:
    lock, key = make(name, ttl=30.0), load(name).key_prefix + KEY
    grant = lock.acquire(attempt("a"), 1)
    assert eventually(lambda: holders(servers, name) == {grant.owner})
    for server in servers:
        server.client.pexpire(key, 5_000)
    assert lock.renew().owner == grant.owner
    assert eventually(lambda: servers[0].client.pttl(key) > 5_000)
    for server in servers:
        server.client.set(key, "next")
    with pytest.raises(Refused, match="not held"):
        lock.renew()


@pytest.mark.parametrize("name", ["python-redis-lock", "pottery"])
def test_a_renewal_of_nothing_is_refused(make: Make, name: str) -> None:
    with pytest.raises(Refused, match="not held"):
        make(name).renew()


def test_pottery_extends_three_times(make: Make) -> None:
    lock = make("pottery")
    lock.acquire(attempt("a"), 1)
    for _ in range(3):
        lock.renew()
    with pytest.raises(Refused, match="extended too often"):
        lock.renew()


@pytest.mark.parametrize("name", ALL)
def test_a_waiter_gives_up(make: Make, name: str) -> None:
    make(name, ttl=20.0).acquire(attempt("a"), 1)
    with pytest.raises(Refused, match=r"^busy$"):
        make(name, "c2", ttl=20.0).acquire(attempt("b"), 0.3)


def test_redlock_py_says_how_long_it_is_valid(make: Make) -> None:
    before = time.monotonic_ns()
    until = make("redlock-py", ttl=2.0).acquire(attempt("a"), 1).lease_until or 0
    assert before < until < time.monotonic_ns() + 2_000_000_000


def test_whole_seconds_and_renewals_of_python_redis_lock(make: Make, servers: list[TinyRedis]) -> None:
    """Renewed after two thirds of three seconds."""
    lock, key = make("python-redis-lock", ttl=3.9, auto_renewal=True), load("python-redis-lock").key_prefix + KEY
    lock.acquire(attempt("a"), 1)
    left = [servers[0].client.pttl(key)]
    assert 0 < left[0] <= 3000
    deadline = time.monotonic() + 10
    while left[-1] <= left[0] - 500 or len(left) == 1 or min(left) > 1500:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
        left.append(servers[0].client.pttl(key))
    lock.release()
    assert holders(servers, "python-redis-lock") == {None}


def test_the_spec_of_python_redis_lock() -> None:
    spec = load("python-redis-lock").spec({"ttl": 1.9, "auto_renewal": True})
    assert (spec.lease_ns, spec.renewals) == (10**9, "library")
    assert spec.recovery_ns == 10**9 + PATIENCE_NS


def test_a_waiting_asyncio_lock_can_be_closed_from_outside(make: Make) -> None:
    make("redis-py-asyncio", ttl=30.0).acquire(attempt("a"), 1)
    waiting = make("redis-py-asyncio", "c2")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            waiting.acquire(attempt("b"), 30)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    waiting.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(ended[0], Indeterminate)


@pytest.mark.parametrize(
    ("raised", "ending"),
    [
        (exceptions.LockNotOwnedError("gone"), Refused),
        (exceptions.ConnectionError("closed"), Indeterminate),
        (exceptions.TimeoutError("late"), Indeterminate),
        (exceptions.BusyLoadingError("loading"), Indeterminate),
        (exceptions.ReadOnlyError("a replica"), Indeterminate),
        (exceptions.ResponseError("WRONGTYPE an odd key"), exceptions.ResponseError),
        (ValueError("a bug"), ValueError),
    ],
)
def test_how_redis_py_ends(raised: Exception, ending: type[Exception]) -> None:
    with pytest.raises(ending), redis_py_outcomes():
        raise raised


def test_pottery_knows_nothing_where_masters_did_not_answer() -> None:
    module = import_module("nuclei.locks.pottery")
    library = import_module("pottery")
    for name in ("ReleaseUnlockedLock", "ExtendUnlockedLock"):
        unlocked = getattr(library, name)
        with pytest.raises(Refused), module.outcomes():
            raise unlocked("k", [])
        with pytest.raises(Indeterminate, match="1 masters did not answer"), module.outcomes():
            raise unlocked("k", [], redis_errors=[exceptions.ConnectionError("down")])
    with pytest.raises(Indeterminate), module.outcomes():
        raise library.QuorumIsImpossible("k", [])


def test_redlock_py_raises_although_it_was_granted() -> None:
    outcomes = import_module("nuclei.locks.redlock_py").outcomes
    library = import_module("redlock")
    with pytest.raises(Indeterminate, match="1 masters failed: down"), outcomes():
        raise library.MultipleRedlockException([exceptions.ConnectionError("down")])


def test_sentinels_are_followed_by_the_address_book(servers: list[TinyRedis], monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.sentinel import Sentinel

    monkeypatch.setattr(Sentinel, "discover_master", lambda self, name: ("redis-1", 6380))
    place = servers[0].endpoint
    surroundings = Surroundings(
        cluster="redis-sentinel",
        endpoints={"sentinel-1": place},
        nodes={"redis": ["redis-1", "redis-2"], "sentinel": ["sentinel-1"]},
        address_book={"redis-1:6380": place},
    )
    client = client_for(surroundings)
    assert client.ping()
    client.close()
