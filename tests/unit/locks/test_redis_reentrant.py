"""``redis-reentrant``: re-entry, renewal, waking and the idempotent unlock, against a server that plays the scripts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis_hash import PlayedHash
from redis_key import attempt
from redis_stage import Stage

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.loading import load

NAME = "redis-reentrant"
Make = Callable[..., Lock]


@pytest.fixture
def key() -> PlayedHash:
    return PlayedHash()


@pytest.fixture
def server(key: PlayedHash, stage: Callable[..., Stage]) -> Stage:
    return stage(key.play)


@pytest.fixture
def make(server: Stage, connected: Make) -> Make:
    return lambda client="c1", **settings: connected(server, NAME, client, **settings)


def until(seen: Callable[[], object], what: str) -> None:
    """Wait until ``seen`` is true, for 3 s at most."""
    deadline = time.monotonic() + 3
    while not seen():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def me(client: str = "c1") -> str:
    return f"{client}:{threading.get_ident()}"


def test_the_holder_gets_in_again_and_the_last_release_frees(make: Make, key: PlayedHash) -> None:
    first, second = make(), make("c2")
    assert first.acquire(attempt("a"), 1).depth == 1
    grant = first.acquire(attempt("b"), 1)
    assert (grant.depth, grant.owner, key.counts) == (2, me(), {me(): 2})
    first.release()
    with pytest.raises(Refused, match=r"^busy$"):
        second.try_acquire(attempt("c"))
    first.release()
    assert key.counts == {}
    with pytest.raises(Refused, match="not held"):
        first.release()


def test_another_thread_is_somebody_else(make: Make, key: PlayedHash) -> None:
    lock = make()
    lock.acquire(attempt("a"), 1)
    with ThreadPoolExecutor(max_workers=1) as pool:
        with pytest.raises(Refused, match=r"^busy$"):
            pool.submit(lock.try_acquire, attempt("b")).result(2)
        with pytest.raises(Refused, match="not held"):
            pool.submit(lock.release).result(2)
    assert key.counts == {me(): 1}


def test_a_repeated_release_counts_down_once(make: Make, key: PlayedHash) -> None:
    lock = make()
    lock.acquire(attempt("a"), 1)
    lock.acquire(attempt("b"), 1)
    key.moods["EVAL"] = "mute"
    with pytest.raises(Indeterminate):
        lock.release()
    key.moods.clear()
    lock.release()
    assert key.counts == {me(): 1}
    lock.release()
    assert key.counts == {}
    assert len(key.latches) == 2


def test_a_release_that_was_not_executed_is_a_new_one_next_time(make: Make, key: PlayedHash) -> None:
    lock = make()
    lock.acquire(attempt("a"), 1)
    key.moods["EVAL"] = "-READONLY You can't write against a read only replica."
    with pytest.raises(Refused, match="READONLY"):
        lock.release()
    key.moods.clear()
    lock.release()
    assert key.counts == {}
    assert len(key.latches) == 1


def test_a_waiter_is_woken_by_the_release(make: Make, key: PlayedHash, server: Stage) -> None:
    holder, waiter = make(), make("c2")
    woken: list[str] = []
    waiter.context.on_wake = woken.append
    key.server = server
    holder.acquire(attempt("a"), 1)
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(waiter.acquire, attempt("b"), 5.0)
        until(lambda: server.subscribers and key.did.count("acquire") == 3, "it subscribes, and asks once more")
        began = time.monotonic()
        holder.release()
        waiting.result(3)
    assert time.monotonic() - began < 3
    assert woken == ["a release was published"]


def test_a_lost_message_costs_no_more_than_the_lease_had_left(make: Make, key: PlayedHash, server: Stage) -> None:
    holder, waiter = make(), make("c2")
    woken: list[str] = []
    waiter.context.on_wake = woken.append
    key.left_ms = 300
    holder.acquire(attempt("a"), 1)
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(waiter.acquire, attempt("b"), 5.0)
        until(lambda: server.subscribers and key.did.count("acquire") == 3, "it subscribes, and asks once more")
        began = time.monotonic()
        holder.release()
        waiting.result(3)
    assert 0.1 < time.monotonic() - began < 4
    assert woken == []


def test_a_broken_subscription_is_made_again(make: Make, key: PlayedHash, server: Stage) -> None:
    holder, waiter = make(), make("c2")
    holder.acquire(attempt("a"), 1)
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(waiter.acquire, attempt("b"), 5.0)
        until(lambda: key.did.count("acquire") == 3, "it subscribes, and asks once more")
        server.subscribers.clear()
        server.hang_up()
        until(lambda: server.subscribers, "it subscribes anew")
        key.server = server
        holder.release()
        waiting.result(3)


def test_a_waiter_gives_up_at_its_limit(make: Make, key: PlayedHash) -> None:
    key.counts["somebody"] = 1
    began = time.monotonic()
    with pytest.raises(Refused, match=r"not granted within 0\.2 s; the last try: busy"):
        make().acquire(attempt("a"), 0.2)
    assert 0.2 <= time.monotonic() - began < 5


def test_a_server_that_is_no_primary_any_more_is_not_asked_all_the_time(make: Make, server: Stage) -> None:
    lock = make()
    server.role = ["slave", "127.0.0.1", 1, "connected", 0]
    server.hang_up()
    with pytest.raises(Refused, match="is a slave"):
        lock.acquire(attempt("a"), 0.2)
    assert 5 < len(server.connections) < 60


def test_it_is_renewed_until_it_is_released(make: Make, key: PlayedHash) -> None:
    lock = make(ttl=0.06)
    lock.acquire(attempt("a"), 1)
    until(lambda: key.did.count("renew") >= 3, "renewals every 20 ms")
    lock.release()
    renewals = key.did.count("renew")
    time.sleep(0.1)
    assert key.did.count("renew") <= renewals + 1  # one may have been under way


def test_it_is_not_renewed_any_more_once_closed(make: Make, key: PlayedHash) -> None:
    lock = make(ttl=0.06)
    lock.acquire(attempt("a"), 1)
    lock.close()
    renewals = key.did.count("renew")
    time.sleep(0.1)
    assert key.did.count("renew") == renewals
    assert key.counts == {me(): 1}


@pytest.mark.parametrize(("tell", "told"), [(False, []), (True, ["the watchdog found nothing to renew"])])
def test_a_watchdog_that_finds_nothing_stops_and_tells_only_where_asked(
    make: Make, key: PlayedHash, tell: bool, told: list[str]
) -> None:
    lock = make(ttl=0.06, tell=tell)
    lost: list[str] = []
    lock.context.on_lost = lost.append
    lock.acquire(attempt("a"), 1)
    key.counts.clear()
    until(lambda: "renew" in key.did, "a renewal")
    time.sleep(0.1)
    assert key.did.count("renew") == 1
    assert lost == told
    with pytest.raises(Refused, match="not held"):
        lock.release()


def test_a_watchdog_without_an_answer_tries_again(make: Make, key: PlayedHash) -> None:
    lock = make(ttl=0.06)
    lock.acquire(attempt("a"), 1)
    key.moods["EVAL"] = "mute"
    heard = len(key.heard)
    until(lambda: len(key.heard) >= heard + 3, "renewals go on")
    key.moods.clear()
    lock.release()
    assert key.counts == {}


def test_the_spec_says_that_the_library_renews() -> None:
    spec = load(NAME).spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.renewals, spec.recovery_ns) == (500_000_000, "library", 2_500_000_000)
    assert spec.reentry_limit > 1_000_000
