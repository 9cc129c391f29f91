"""``redis-fenced``: the token comes with the grant, from the script that takes the key."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis_key import PlayedKey, attempt, compare_and_delete

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.loading import load
from nuclei.locks.redis_fenced import TAKE_WITH_TOKEN
from nuclei.locks.redis_set_nx_px import COMPARE_AND_DELETE

NAME = "redis-fenced"
Make = Callable[..., Lock]


class CountedKey(PlayedKey):
    """A key and a counter beside it."""

    def __init__(self) -> None:
        super().__init__({TAKE_WITH_TOKEN: self._take, COMPARE_AND_DELETE: compare_and_delete(self)})
        self.count = 0

    def _take(self, keys: list[str], arguments: list[str]) -> int:
        assert keys == ["k", "k:fence"]
        owner, self.expires = arguments
        if not self.set_if_absent(owner):
            return 0
        self.count += 1
        return self.count


@pytest.fixture
def key() -> CountedKey:
    return CountedKey()


def test_each_grant_has_the_next_token(make: Make, key: CountedKey) -> None:
    first, second = make(ttl=0.5), make("c2")
    before = time.monotonic_ns()
    grant = first.acquire(attempt("a"), 1)
    assert (grant.owner, grant.fence, key.value, key.expires) == ("a", 1, "a", "500")
    assert grant.lease_until is not None
    assert before + 500_000_000 <= grant.lease_until <= time.monotonic_ns() + 500_000_000
    with pytest.raises(Refused, match=r"^busy$"):
        second.try_acquire(attempt("b"))
    first.release()
    assert second.try_acquire(attempt("b")).fence == 2


def test_a_lost_reply_uses_a_token_up(make: Make, key: CountedKey) -> None:
    lock = make()
    key.moods["EVAL"] = "mute"
    with pytest.raises(Indeterminate):
        lock.try_acquire(attempt("a"))
    key.moods.clear()
    lock.release()
    assert lock.try_acquire(attempt("b")).fence == 2


def test_a_late_release_leaves_the_next_holder_alone(make: Make, key: CountedKey) -> None:
    lock = make()
    lock.acquire(attempt("a"), 1)
    key.value = "b"
    with pytest.raises(Refused):
        lock.release()
    assert key.value == "b"


def test_the_spec_promises_tokens() -> None:
    spec = load(NAME).spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.fenced, spec.recovery_ns) == (500_000_000, True, 2_500_000_000)
