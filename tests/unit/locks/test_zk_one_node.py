"""Locks on one node, on an in-memory tree: who may delete it, whom a release wakes, and what the one flag changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from zk_stage import Taker, Tree, once, raising

from nuclei.locks import zk_exclusive, zk_persistent
from nuclei.locks.base import Indeterminate, Refused
from nuclei.locks.zk_exclusive import ZkExclusive
from nuclei.locks.zk_one_node import ZkOneNode
from nuclei.locks.zk_persistent import ZkPersistent
from nuclei.locks.zk_session import ONE_NODE, SessionOver

Make = Callable[[str], Taker]


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture(params=[ZkExclusive, ZkPersistent])
def taker(request: pytest.FixtureRequest, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda client: Taker(tree, request.param, client, monkeypatch)


@pytest.fixture
def exclusive(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda client: Taker(tree, ZkExclusive, client, monkeypatch)


@pytest.fixture
def persistent(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda client: Taker(tree, ZkPersistent, client, monkeypatch)


def test_who_creates_the_node_holds_the_lock_and_others_are_refused(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    assert a.take().owner == "owner-a-1"
    assert tree.children == {ONE_NODE: b"owner-a-1"}
    with pytest.raises(Refused, match="busy"):
        b.take()
    with pytest.raises(Refused, match="no attempt"):
        b.lock.release()
    a.lock.release()
    assert b.take().owner == "owner-b-2"
    with pytest.raises(Refused, match="no attempt"):
        a.lock.release()


def test_a_release_wakes_every_waiter_and_one_wins(taker: Make, tree: Tree) -> None:
    a, waiters = taker("a"), [taker(name) for name in "bcd"]
    a.take()
    winners: list[Taker] = []
    refused: list[Taker] = []

    def wait(who: Taker) -> None:
        try:
            who.take(1.0)
            winners.append(who)
        except Refused:
            refused.append(who)

    threads = [threading.Thread(target=wait, args=(who,)) for who in waiters]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while len(tree.watches.get(ONE_NODE, [])) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    a.lock.release()
    for thread in threads:
        thread.join(5)
    assert (len(winners), len(refused)) == (1, 2)
    assert [who.woken for who in waiters] == [[f"{ONE_NODE} is gone"]] * 3


def test_at_the_limit_nothing_is_left_behind(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    with pytest.raises(Refused, match="not granted within the limit"):
        b.take(0.02)
    assert tree.children == {ONE_NODE: b"owner-a-1"}


def test_a_release_that_is_repeated_spares_the_next_holder(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    a.zk.after = once("delete", raising(Indeterminate("no reply")))
    with pytest.raises(Indeterminate):
        a.lock.release()
    b.take()
    with pytest.raises(Refused, match="no node of this attempt"):
        a.lock.release()
    assert tree.children == {ONE_NODE: b"owner-b-1"}


def test_a_create_without_a_reply_is_released_by_its_value(taker: Make, tree: Tree) -> None:
    a = taker("a")
    a.zk.after = once("create", raising(Indeterminate("no reply")))
    with pytest.raises(Indeterminate):
        a.take(1)
    assert tree.children == {ONE_NODE: b"owner-a-1"}
    a.lock.release()
    assert tree.children == {}


def test_a_waiter_survives_a_break_while_it_waits(taker: Make) -> None:
    a = taker("a")
    a.zk.break_off(back=False)
    threading.Timer(0.05, a.zk.up.set).start()
    assert a.take(5).owner == "owner-a-1"
    assert a.lost == []


def test_nothing_is_sent_while_cut_off(taker: Make, tree: Tree) -> None:
    a = taker("a")
    a.zk.break_off(back=False)
    with pytest.raises(Refused, match="create was not sent"):
        a.take(0.02)
    assert tree.sequence == 0
    with pytest.raises(Refused, match="no attempt"):
        a.lock.release()


def test_an_ephemeral_node_made_in_a_session_that_broke_is_given_back(exclusive: Make, tree: Tree) -> None:
    a = exclusive("a")
    a.zk.after = once("create", a.zk.break_off)
    with pytest.raises(Refused, match="the session broke"):
        a.take(1)
    assert (tree.children, a.lost) == ({}, [])


def test_a_persistent_node_is_held_through_every_break(persistent: Make, tree: Tree) -> None:
    a = persistent("a")
    a.zk.after = once("create", a.zk.break_off)
    a.take()
    a.zk.break_off(state="LOST")
    assert a.lost == []
    a.lock.release()
    assert tree.children == {}


def test_only_an_ephemeral_nodes_holder_is_told(exclusive: Make) -> None:
    a = exclusive("a")
    a.take()
    a.zk.break_off()
    assert a.lost == ["SUSPENDED"]


@pytest.mark.parametrize(("make", "ending"), [(ZkExclusive, Refused), (ZkPersistent, Indeterminate)])
def test_the_end_of_the_session_frees_an_ephemeral_node_only(
    make: type[ZkOneNode], ending: type[Exception], tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = Taker(tree, make, "a", monkeypatch)
    a.take()
    a.zk.before = once("read", raising(SessionOver("read: the session has expired")))
    with pytest.raises(ending):
        a.lock.release()


def test_what_each_promises() -> None:
    exclusive, persistent = zk_exclusive.spec({"session": 2.0}), zk_persistent.spec({"session": 2.0})
    assert (exclusive.session_ns, exclusive.recovery_ns, exclusive.fenced) == (2_000_000_000, 6_000_000_000, False)
    assert (exclusive.most_woken, exclusive.most_overtakes) == (None, None)
    assert not persistent.lapses
    assert persistent.recovery_ns == 4_000_000_000
