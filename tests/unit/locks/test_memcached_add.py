"""``memcached-add`` on a server of thirty lines: what it asks, and how its calls end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from memcached_stage import TinyMemcached, context

from nuclei.locks.base import Attempt, Indeterminate, Refused
from nuclei.locks.memcached_add import MemcachedAdd, spec, whole_seconds

FIRST, SECOND = Attempt("a1", "owner-1"), Attempt("a2", "owner-2")


@pytest.fixture
def server() -> Iterator[TinyMemcached]:
    with TinyMemcached() as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        made.shutdown()


def lock(server: TinyMemcached, **settings: float | int | str | bool) -> MemcachedAdd:
    return MemcachedAdd(context(server, **settings))


def test_the_second_is_refused_until_the_first_gives_back(server: TinyMemcached) -> None:
    with closing(lock(server)) as one, closing(lock(server)) as two:
        grant = one.try_acquire(FIRST)
        assert (grant.owner, server.items["k"][0], server.items["k"][2]) == ("owner-1", b"owner-1", 3)
        with pytest.raises(Refused, match="busy"):
            two.try_acquire(SECOND)
        one.release()
        two.acquire(SECOND, 1.0)
        assert server.items["k"][0] == b"owner-2"


def test_a_second_less_than_was_asked_for_is_certain(server: TinyMemcached) -> None:
    with closing(lock(server, ttl=2.2)) as one:
        before = time.monotonic_ns()
        grant = one.try_acquire(FIRST)
        assert server.items["k"][2] == 3
        assert grant.lease_until is not None
        assert 2.0 <= (grant.lease_until - before) / 1e9 < 2.3
    assert [whole_seconds({"ttl": ttl}) for ttl in (0.1, 1, 2, 2.1)] == [2, 2, 2, 3]
    assert spec({"ttl": 3}).lease_ns == 2_000_000_000


@pytest.mark.parametrize(("delete", "left"), [("compare", None), ("cas", b"owner-2")])
def test_what_expires_between_look_and_act(server: TinyMemcached, delete: str, left: bytes | None) -> None:
    """The next holder's key goes by a plain delete, and stays under cas."""
    with closing(lock(server, delete=delete, gap=0.4)) as one:
        one.try_acquire(FIRST)
        looked = len(server.said)
        releasing = threading.Thread(target=lambda: _released(one))
        releasing.start()
        while "gets" not in server.said[looked:]:
            time.sleep(0.005)
        with server.guard:
            server.now = 3.0
            server.store("k", b"owner-2", 3)
        releasing.join()
        item = server.live("k")
        assert (item and item[0]) == left


def _released(one: MemcachedAdd) -> None:
    try:
        one.release()
    except Refused:
        return


@pytest.mark.parametrize("delete", ["compare", "cas"])
def test_a_release_after_the_lease_is_refused(server: TinyMemcached, delete: str) -> None:
    with closing(lock(server, delete=delete)) as one:
        one.try_acquire(FIRST)
        server.now = 3.0
        with pytest.raises(Refused, match="not held"):
            one.release()


def test_freed_by_cas_it_can_be_had_at_once(server: TinyMemcached) -> None:
    with closing(lock(server, delete="cas")) as one, closing(lock(server)) as two:
        one.try_acquire(FIRST)
        one.release()
        assert two.try_acquire(SECOND).owner == "owner-2"


def test_silence_after_an_add_is_indeterminate_and_its_release_finds_it(server: TinyMemcached) -> None:
    with closing(lock(server)) as one:
        one.connect()
        server.mute = True
        with pytest.raises(Indeterminate, match="add was sent, but no reply came"):
            one.try_acquire(FIRST)
        server.mute = False
        one.release()
        assert server.live("k") is None


def test_nobody_there_is_a_refusal(server: TinyMemcached) -> None:
    with closing(lock(server)) as one:
        one.connect()
        server.mute = True
        one._memcached.close()
        with pytest.raises(Refused, match="does not answer"):
            one.try_acquire(FIRST)
