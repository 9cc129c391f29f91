"""Renewing a lease on one Redis key: only the holder's own, for a whole lease from before it was asked."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis_key import PlayedKey, attempt, compare_and_delete, compare_and_extend
from redis_stage import Stage

from nuclei.locks.base import Indeterminate, Lock, Refused
from nuclei.locks.redis_fenced import TAKE_WITH_TOKEN
from nuclei.locks.redis_set_nx_px import COMPARE_AND_DELETE, EXTEND

NAMES = ("redis-set-nx-px", "redis-fenced", "redis-set-nx-px-wait")


@pytest.fixture
def key() -> PlayedKey:
    key = PlayedKey()
    key.scripts = {
        COMPARE_AND_DELETE: compare_and_delete(key),
        EXTEND: compare_and_extend(key),
        TAKE_WITH_TOKEN: lambda keys, arguments: int(key.set_if_absent(arguments[0])),
    }
    return key


@pytest.fixture
def held(
    key: PlayedKey, stage: Callable[..., Stage], connected: Callable[..., Lock], request: pytest.FixtureRequest
) -> Lock:
    lock = connected(stage(key.play), request.param, ttl=0.5)
    lock.acquire(attempt("a"), 1)
    return lock


@pytest.mark.parametrize("held", NAMES, indirect=True)
def test_a_renewal_is_a_whole_lease_from_before_it_was_asked(held: Lock, key: PlayedKey) -> None:
    key.expires = "7"
    before = time.monotonic_ns()
    grant = held.renew()
    assert key.expires == "500"
    assert grant.lease_until is not None
    assert before + 500_000_000 <= grant.lease_until <= time.monotonic_ns() + 500_000_000


@pytest.mark.parametrize("held", NAMES, indirect=True)
@pytest.mark.parametrize("value", [None, "b"])
def test_what_is_gone_or_anothers_is_not_renewed(held: Lock, key: PlayedKey, value: str | None) -> None:
    key.value, key.expires = value, "7"
    with pytest.raises(Refused, match="not held any more"):
        held.renew()
    assert (key.value, key.expires) == (value, "7")


@pytest.mark.parametrize("held", NAMES, indirect=True)
@pytest.mark.parametrize("mood", ["mute", "deaf"])
def test_a_renewal_without_a_reply_is_indeterminate(held: Lock, key: PlayedKey, mood: str) -> None:
    key.moods["EVAL"] = mood
    with pytest.raises(Indeterminate):
        held.renew()
    key.moods.clear()
    held.release()
    assert key.value is None


@pytest.mark.parametrize("held", NAMES, indirect=True)
def test_nothing_is_renewed_once_released(held: Lock) -> None:
    held.release()
    with pytest.raises(Refused, match="not held"):
        held.renew()


@pytest.mark.parametrize("held", ["redis-set-nx-px-wait"], indirect=True)
def test_a_renewal_that_no_replica_confirmed_is_indeterminate(held: Lock, key: PlayedKey) -> None:
    key.confirming, key.expires = 0, "7"
    with pytest.raises(Indeterminate, match="no replica confirmed"):
        held.renew()
    assert key.expires == "500"
