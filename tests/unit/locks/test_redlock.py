"""``redlock`` against scripted masters: what makes a majority, what is freed again, what a release and a renewal
say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random

import pytest
from redis_key import FAST, PlayedKey, attempt, compare_and_delete, compare_and_extend
from redis_stage import Stage

from faults.grammar import BadArgument
from lockquake.plan import build
from nuclei.locks.base import Indeterminate, LockContext, Refused, Surroundings
from nuclei.locks.loading import load
from nuclei.locks.redis_set_nx_px import COMPARE_AND_DELETE, EXTEND
from nuclei.locks.redlock import Redlock


def played() -> PlayedKey:
    key = PlayedKey()
    key.scripts[COMPARE_AND_DELETE] = compare_and_delete(key)
    key.scripts[EXTEND] = compare_and_extend(key)
    return key


class Masters:
    """Scripted masters ``keys`` (the first is redis-1), and locks on them."""

    def __init__(self, stage: Callable[..., Stage], number: int) -> None:
        self.keys = [played() for _ in range(number)]
        self.stages = [stage(key.play) for key in self.keys]
        self.locks: list[Redlock] = []

    def lock(self, client: str = "c1", **settings: float) -> Redlock:
        names = [f"redis-{number}" for number in range(1, len(self.stages) + 1)]
        surroundings = Surroundings(
            cluster="redis-masters",
            endpoints=dict(zip(names, (stage.endpoint for stage in self.stages), strict=True)),
            nodes={"redis": names},
            settings={**FAST, "ttl": 2.0, **settings},
        )
        self.locks.append(Redlock(LockContext(key="k", client=client, surroundings=surroundings, random=Random(1))))
        self.locks[-1].connect()
        return self.locks[-1]

    def values(self) -> list[str | None]:
        return [key.value for key in self.keys]

    def given_to(self, *values: str | None) -> None:
        for key, value in zip(self.keys, values, strict=True):
            key.value = value

    def mood(self, command: str, mood: str, *numbers: int) -> None:
        """How the masters with these numbers (1 is redis-1) take a command."""
        for number in numbers:
            self.keys[number - 1].moods[command] = mood


@pytest.fixture
def cast(stage: Callable[..., Stage]) -> Iterator[Callable[[int], Masters]]:
    made: list[Masters] = []

    def make(number: int = 5) -> Masters:
        made.append(Masters(stage, number))
        return made[-1]

    yield make
    for masters in made:
        for lock in masters.locks:
            lock.close()


def test_all_masters_hold_it_until_it_is_released(cast: Callable[..., Masters]) -> None:
    masters = cast()
    lock = masters.lock()
    before = time.monotonic_ns()
    grant = lock.try_acquire(attempt("a"))
    assert masters.values() == ["a"] * 5
    assert {key.expires for key in masters.keys} == {"2000"}
    assert grant.owner == "a"
    assert grant.lease_until is not None
    drift = 22_000_000
    assert before + 2_000_000_000 - drift <= grant.lease_until <= time.monotonic_ns() + 2_000_000_000 - drift
    lock.release()
    assert masters.values() == [None] * 5


@pytest.mark.parametrize("mood", ["deaf", "mute", "-LOADING Redis is loading the dataset in memory"])
def test_a_majority_is_enough(cast: Callable[..., Masters], mood: str) -> None:
    masters = cast()
    masters.mood("SET", mood, 1, 5)
    lock = masters.lock()
    lock.try_acquire(attempt("a"))
    assert masters.values()[1:4] == ["a"] * 3
    lock.release()
    assert masters.values() == [None] * 5, "what a silent master took is freed as well"


@pytest.mark.parametrize(("number", "others"), [(5, 3), (3, 2)])
def test_less_is_freed_everywhere_and_refused(cast: Callable[..., Masters], number: int, others: int) -> None:
    masters = cast(number)
    taken = ["b"] * others + [None] * (number - others)
    masters.given_to(*taken)
    with pytest.raises(Refused, match=r"^busy$"):
        masters.lock().try_acquire(attempt("a"))
    assert masters.values() == taken
    assert {tuple(key.heard) for key in masters.keys} == {("SET", "EVAL")}


def test_servers_that_are_no_masters_are_not_asked(cast: Callable[..., Masters]) -> None:
    masters = cast()
    lock = masters.lock()
    for stage in masters.stages[:3]:
        stage.role = ["slave", "redis-9", 6399, "connected", 0]
    with pytest.raises(Refused, match=r"^busy$"):
        lock.try_acquire(attempt("a"))
    assert [key.heard for key in masters.keys] == [[]] * 3 + [["SET", "EVAL"]] * 2
    assert masters.values() == [None] * 5


def test_a_majority_that_comes_too_late_is_no_lock(cast: Callable[..., Masters]) -> None:
    """Two masters are waited for, 0.15 s each, in vain: that is longer than the lease."""
    masters = cast()
    masters.mood("SET", "deaf", 1, 2)
    with pytest.raises(Refused, match=r"^busy$"):
        masters.lock(ttl=0.25).try_acquire(attempt("a"))
    assert [key.heard for key in masters.keys[2:]] == [["SET", "EVAL"]] * 3
    assert masters.values() == [None] * 5


def test_it_is_tried_again_until_the_limit(cast: Callable[..., Masters]) -> None:
    masters = cast(3)
    masters.given_to("b", "b", "b")
    tries: list[str] = []

    def free_at_third(command: str) -> None:
        tries.append(command)
        if tries.count("SET") == 3:
            masters.given_to(None, None, None)

    masters.keys[0].before = free_at_third
    assert masters.lock().acquire(attempt("a"), 2.0).owner == "a"
    assert tries.count("SET") == 3
    with pytest.raises(Refused, match=r"not granted within 0\.05 s"):
        masters.lock("c2").acquire(attempt("b"), 0.05)


def test_simultaneous_clients_that_split_the_vote_are_both_refused(cast: Callable[..., Masters]) -> None:
    masters = cast()
    masters.given_to("a", "a", "b", "b", None)
    masters.mood("SET", "deaf", 5)
    with pytest.raises(Refused):
        masters.lock().try_acquire(attempt("c"))
    assert masters.values() == ["a", "a", "b", "b", None]


@pytest.mark.parametrize(
    ("left", "unreachable", "outcome"),
    [
        (["a", "a", "a", None, None], [], None),
        (["a", "a", "a", "a", "a"], [1, 2], None),
        (["a", "a", None, None, None], [], Refused),
        (["a", "a", "b", "b", "b"], [], Refused),
        (["a", "a", "a", None, None], [1, 2, 3], Indeterminate),
        ([None, None, None, "a", "a"], [4, 5], Refused),
    ],
)  # fmt: skip
def test_a_release(
    cast: Callable[..., Masters], left: list[str | None], unreachable: list[int], outcome: type[Exception] | None
) -> None:
    """It succeeds where it may have been held, is refused where most had nothing of it, and knows nothing unless most
    answered."""
    masters = cast()
    lock = masters.lock()
    lock.try_acquire(attempt("a"))
    masters.given_to(*left)
    masters.mood("EVAL", "deaf", *unreachable)
    if outcome is None:
        lock.release()
    else:
        with pytest.raises(outcome):
            lock.release()
    kept = ["b" if value == "b" else value if n in unreachable else None for n, value in enumerate(left, 1)]
    assert masters.values() == kept


def test_an_indeterminate_release_can_be_repeated(cast: Callable[..., Masters]) -> None:
    masters = cast()
    lock = masters.lock()
    lock.try_acquire(attempt("a"))
    masters.mood("EVAL", "deaf", 1, 2, 3)
    with pytest.raises(Indeterminate, match="only 2 of 5 masters answered"):
        lock.release()
    masters.mood("EVAL", "ok", 1, 2, 3)
    lock.release()
    assert masters.values() == [None] * 5


def test_a_renewal_needs_a_majority_as_well(cast: Callable[..., Masters]) -> None:
    masters = cast()
    lock = masters.lock()
    with pytest.raises(Refused, match="not held"):
        lock.renew()
    first = lock.try_acquire(attempt("a"))
    for key in masters.keys:
        key.expires = None
    masters.given_to("a", "a", "a", "b", None)
    again = lock.renew()
    assert [key.expires for key in masters.keys] == ["2000", "2000", "2000", None, None]
    assert (again.lease_until or 0) > (first.lease_until or 0)
    masters.mood("EVAL", "deaf", 1)
    with pytest.raises(Indeterminate, match="2 of 5"):
        lock.renew()
    masters.given_to("a", "a", "b", "b", "b")
    with pytest.raises(Refused, match="3 of 5 masters do not have it"):
        lock.renew()


def test_its_spec_has_the_drift_of_the_algorithm() -> None:
    spec = load("redlock").spec({"ttl": 0.5})
    assert (spec.lease_ns, spec.recovery_ns, spec.refusals) == (500_000_000, 2_500_000_000, "spurious")
    assert (spec.drift, spec.margin_ns) == (0.01, 2_000_000)


def test_there_are_three_masters_or_five() -> None:
    assert build("redlock@redis-masters", settings=["cluster.masters=3"]).cluster_settings["masters"] == 3
    with pytest.raises(BadArgument, match=r"cluster\.masters=4: it is 3 or 5"):
        build("redlock@redis-masters", settings=["cluster.masters=4"])
