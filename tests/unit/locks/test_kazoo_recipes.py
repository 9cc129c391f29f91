"""The adapters of kazoo's recipes on a kazoo whose answers a test dictates: what is asked of it, how its calls end, and
whom its listener tells."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from kazoo.exceptions import ConnectionLoss, LockTimeout, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError

from faults.grammar import BadArgument
from lockquake.plan import build
from nuclei.locks import kazoo_lock, kazoo_read_write, kazoo_semaphore
from nuclei.locks.base import Attempt, Endpoint, Indeterminate, LockContext, Refused, Surroundings
from nuclei.locks.kazoo_recipe import KazooRecipe
from nuclei.locks.loading import load

ENDPOINTS = {f"zk-{number}": Endpoint("127.0.0.1", 7000 + number) for number in (1, 2, 3)}


class Kazoo:
    """A KazooClient. ``answers``: what calls give or raise in turn, by name; ``made``: the recipes made, and how."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.handler = SimpleNamespace(timeout_exception=KazooTimeoutError)
        self.state = "CONNECTED"
        self.answers: dict[str, list[Any]] = {}
        self.made: list[tuple[Any, ...]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.listeners: list[Callable[[str], Any]] = []

    def add_listener(self, listener: Callable[[str], Any]) -> None:
        self.listeners.append(listener)

    def start(self) -> None:
        self.answer("start", None)

    def stop(self) -> None: ...

    def close(self) -> None: ...

    def say(self, state: str) -> None:
        self.state = state
        for listener in self.listeners:
            listener(state)

    def answer(self, call: str, usual: Any, **how: Any) -> Any:
        self.asked.append((call, how))
        given = self.answers[call].pop(0) if self.answers.get(call) else usual
        if isinstance(given, Exception):
            raise given
        return given(self) if callable(given) else given

    def exists(self, path: str) -> Any:
        return self.answer("exists", SimpleNamespace(czxid=77), path=path)

    def Lock(self, *made: Any) -> Any:  # noqa: N802 - kazoo's names
        return self._recipe("Lock", *made)

    def ReadLock(self, *made: Any) -> Any:  # noqa: N802
        return self._recipe("ReadLock", *made)

    def WriteLock(self, *made: Any) -> Any:  # noqa: N802
        return self._recipe("WriteLock", *made)

    def Semaphore(self, *made: Any, max_leases: int) -> Any:  # noqa: N802
        return self._recipe("Semaphore", *made, max_leases)

    def _recipe(self, *made: Any) -> Any:
        self.made.append(made)
        number = len(self.made)
        return SimpleNamespace(
            path=made[1], prefix=f"uuid-{number}__lock__", node=f"uuid-{number}__lock__0000000007",
            create_path=f"{made[1]}/lease-{number}",
            acquire=lambda **how: self.answer("acquire", True, **how),
            release=lambda: self.answer("release", True),
        )  # fmt: skip


class Taker:
    """A connected adapter, its kazoo and what it was told."""

    def __init__(self, make: type[KazooRecipe], **settings: float | bool) -> None:
        self.lost: list[str] = []
        surroundings = Surroundings(
            cluster="zookeeper", endpoints=ENDPOINTS, nodes={"zookeeper": list(ENDPOINTS)},
            settings={"session": 2.0, **settings},
        )  # fmt: skip
        self.lock = make(LockContext("a/b", "c1", surroundings, Random(1), on_lost=self.lost.append))
        self.lock.connect()
        self.kazoo: Kazoo = self.lock._client

    def take(self, mode: Any = "exclusive", limit: float | None = None) -> Any:
        attempt = Attempt("c1-1", "o", mode)
        return self.lock.try_acquire(attempt) if limit is None else self.lock.acquire(attempt, limit)


Make = Callable[..., Taker]
LOCKS = [kazoo_lock.KazooLock, kazoo_read_write.KazooReadWrite, kazoo_semaphore.KazooSemaphore]


@pytest.fixture
def taker(monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr("kazoo.client.KazooClient", Kazoo)
    return Taker


@pytest.mark.parametrize("make", LOCKS)
def test_nothing_but_addresses_and_the_session_is_set(taker: Make, make: type[KazooRecipe]) -> None:
    assert taker(make).kazoo.options == {
        "hosts": "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003", "timeout": 2.0,
    }  # fmt: skip


def test_each_attempt_has_a_recipe_of_its_own_kind(taker: Make) -> None:
    lock, both = taker(kazoo_lock.KazooLock), taker(kazoo_read_write.KazooReadWrite)
    semaphore = taker(kazoo_semaphore.KazooSemaphore, max_leases=3)
    lock.take(), lock.take(), both.take("shared"), both.take("exclusive"), semaphore.take()
    assert lock.kazoo.made == [("Lock", "/a-b", "c1-1")] * 2
    assert both.kazoo.made == [("ReadLock", "/a-b", "c1-1"), ("WriteLock", "/a-b", "c1-1")]
    assert semaphore.kazoo.made == [("Semaphore", "/a-b", "c1-1", 3)]


def test_a_try_does_not_block_and_an_acquire_has_the_limit(taker: Make) -> None:
    a = taker(kazoo_semaphore.KazooSemaphore)
    a.take(), a.take(limit=0.5)
    assert a.kazoo.asked[-2:] == [("acquire", {"blocking": False}), ("acquire", {"timeout": 0.5})]


@pytest.mark.parametrize("make", LOCKS[:2])
def test_a_grant_names_the_node_and_its_czxid(taker: Make, make: type[KazooRecipe]) -> None:
    a = taker(make)
    grant = a.take()
    assert (grant.owner, grant.fence) == ("uuid-1__lock__", 77)
    assert a.kazoo.asked[-1] == ("exists", {"path": "/a-b/uuid-1__lock__0000000007"})


def test_a_permit_names_its_node_and_has_no_token(taker: Make) -> None:
    grant = taker(kazoo_semaphore.KazooSemaphore).take()
    assert (grant.owner, grant.fence) == ("lease-1", None)


@pytest.mark.parametrize("make", LOCKS)
@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (False, Refused),
        (LockTimeout("after 1 seconds"), Refused),
        (ConnectionLoss(), Indeterminate),
        (SessionExpiredError(), Indeterminate),
        (KazooTimeoutError(), Indeterminate),
    ],
)
def test_how_an_acquire_ends(taker: Make, make: type[KazooRecipe], answer: Any, ending: type[Exception]) -> None:
    a = taker(make)
    a.kazoo.answers["acquire"] = [answer]
    with pytest.raises(ending):
        a.take(limit=1.0)
    a.kazoo.say("SUSPENDED")
    assert a.lost == []


def test_what_is_no_ending_of_a_lock_is_not_hidden(taker: Make) -> None:
    a = taker(kazoo_semaphore.KazooSemaphore)
    a.kazoo.answers["acquire"] = [ValueError("Inconsistent max leases: 3, expected: 2")]
    with pytest.raises(ValueError, match="Inconsistent"):
        a.take()


def test_a_grant_whose_node_is_gone_again_is_given_back(taker: Make) -> None:
    a = taker(kazoo_lock.KazooLock)
    a.kazoo.answers["exists"] = [None]
    with pytest.raises(Refused, match="the session has ended"):
        a.take()
    assert [call for call, _ in a.kazoo.asked] == ["start", "acquire", "exists", "release"]


@pytest.mark.parametrize(
    ("answer", "ending"), [(False, Refused), (ConnectionLoss(), Indeterminate), (KazooTimeoutError(), Indeterminate)]
)
def test_how_a_release_ends_and_that_it_can_be_repeated(taker: Make, answer: Any, ending: type[Exception]) -> None:
    a = taker(kazoo_lock.KazooLock)
    a.take()
    a.kazoo.answers["release"] = [answer]
    with pytest.raises(ending):
        a.lock.release()
    a.lock.release()


def test_there_is_nothing_to_release_before_the_first_attempt(taker: Make) -> None:
    with pytest.raises(Refused, match="no attempt"):
        taker(kazoo_lock.KazooLock).lock.release()


def test_a_server_out_of_reach_is_refused_and_tried_anew(taker: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    a = taker(kazoo_lock.KazooLock)
    monkeypatch.setattr(Kazoo, "start", lambda self: self.answer("start", KazooTimeoutError("Connection time-out")))
    with pytest.raises(Refused, match="no ZooKeeper server"):
        a.lock.connect()


# ---- who listens


@pytest.mark.parametrize("state", ["SUSPENDED", "LOST"])
def test_a_holder_that_listens_is_told_once(taker: Make, state: str) -> None:
    a = taker(kazoo_lock.KazooLock)
    a.take()
    a.kazoo.say(state)
    a.kazoo.say("LOST")
    assert a.lost == [state]


def test_a_holder_that_does_not_listen_hears_nothing(taker: Make) -> None:
    a = taker(kazoo_lock.KazooLock, listen=False)
    a.take()
    a.kazoo.say("SUSPENDED")
    a.kazoo.say("LOST")
    assert a.lost == []


def test_a_waiter_is_not_told(taker: Make) -> None:
    """Kazoo goes on waiting by itself: nothing was held that could be lost."""

    def broken_and_back(kazoo: Kazoo) -> bool:
        kazoo.say("SUSPENDED")
        kazoo.say("CONNECTED")
        return True

    a = taker(kazoo_lock.KazooLock)
    a.kazoo.answers["acquire"] = [broken_and_back]
    a.take()
    assert a.lost == []


def test_a_break_between_the_answer_and_the_grant_is_told(taker: Make) -> None:
    def answered_then_broken(kazoo: Kazoo) -> bool:
        kazoo.say("SUSPENDED")
        return True

    a = taker(kazoo_semaphore.KazooSemaphore)
    a.kazoo.answers["acquire"] = [answered_then_broken]
    a.take()
    assert a.lost == ["SUSPENDED"]


def test_a_client_that_was_given_up_tells_nothing(taker: Make) -> None:
    a = taker(kazoo_lock.KazooLock)
    a.take()
    kazoo = a.kazoo
    a.lock.close()
    kazoo.say("LOST")
    assert a.lost == []


# ---- what they promise


def test_what_each_promises() -> None:
    lock, both = load("kazoo-lock"), load("kazoo-read-write")
    semaphore = load("kazoo-semaphore")
    session = {"session": 2.0}
    assert (lock.spec(session).session_ns, lock.spec(session).fenced) == (2_000_000_000, True)
    assert both.spec(session).read_write
    assert not lock.spec(session).read_write
    assert semaphore.spec({**session, "max_leases": 3}).permits == 3
    assert not semaphore.spec(session).fenced


@pytest.mark.parametrize(
    ("setting", "words"), [("lock.max_leases=0", "more than 0"), ("cluster.servers=4", "it is 3 or 5")]
)
def test_permits_and_servers_are_checked_beforehand(setting: str, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        build("kazoo-semaphore@zookeeper", settings=[setting])
