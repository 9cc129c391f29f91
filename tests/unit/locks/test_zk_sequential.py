"""The recipe on an in-memory tree: order, watches, breaks of the session at the worst moments, and cleaning up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from nuclei.locks import zk_sequential
from nuclei.locks.base import Attempt, Grant, Indeterminate, LockContext, Refused, Surroundings
from nuclei.locks.zk_sequential import ZkSequential
from nuclei.locks.zk_session import SessionOver, lock_path


class Tree:
    """What the servers hold: children of one parent with a sequence number, and watches on them."""

    def __init__(self) -> None:
        self.sequence = 0
        self.children: dict[str, bytes] = {}
        self.watches: dict[str, list[Callable[[Any], None]]] = {}

    def remove(self, name: str) -> bool:
        there = self.children.pop(name, None) is not None
        for woken in self.watches.pop(name, []) if there else []:
            woken(SimpleNamespace(type="DELETED"))
        return there


class Zk:
    """A session on the tree; ``before`` is called with each request's name and may break things or raise."""

    def __init__(self, tree: Tree, on_break: Callable[[str], None]) -> None:
        self.tree = tree
        self.on_break = on_break
        self.breaks = 0
        self.timeout = 0.05
        self.before: Callable[[str], None] = lambda what: None
        self.after: Callable[[str], None] = lambda what: None
        self.up = threading.Event()
        self.up.set()

    def break_off(self, back: bool = True) -> None:
        self.up.clear()
        self.breaks += 1
        self.on_break("SUSPENDED")
        if back:
            self.up.set()

    @property
    def connected(self) -> bool:
        return self.up.is_set()

    def wait_connected(self, seconds: float) -> bool:
        return self.up.wait(max(0.0, seconds))

    def _ask(self, what: str, act: Callable[[], Any]) -> Any:
        if not self.up.is_set():
            raise Refused(f"{what} was not sent")
        self.before(what)
        answer = act()
        self.after(what)
        return answer

    def open(self) -> None: ...

    def ensure(self, path: str) -> None: ...

    def create(self, path: str, value: bytes) -> tuple[str, int]:
        def act() -> tuple[str, int]:
            self.tree.sequence += 1
            name = f"{path.rpartition('/')[2]}{self.tree.sequence:010d}"
            self.tree.children[name] = value
            return f"{path.rpartition('/')[0]}/{name}", 1000 + self.tree.sequence

        return self._ask("create", act)

    def children(self, path: str) -> list[str]:
        return self._ask("children", lambda: sorted(self.tree.children, reverse=True))

    def watch(self, path: str, woken: Callable[[Any], None]) -> bool:
        name = path.rpartition("/")[2]

        def act() -> bool:
            if name in self.tree.children:
                self.tree.watches.setdefault(name, []).append(woken)
            return name in self.tree.children

        return self._ask("watch", act)

    def delete(self, path: str) -> bool:
        return self._ask("delete", lambda: self.tree.remove(path.rpartition("/")[2]))

    def close(self) -> None: ...


class Taker:
    """A lock on the tree and what it reported."""

    def __init__(self, tree: Tree, client: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lost: list[str] = []
        self.woken: list[str] = []
        self.tries = 0
        self.client = client
        monkeypatch.setattr(zk_sequential, "ZkSession", lambda surroundings, random, broke: Zk(tree, broke))
        context = LockContext(
            key="k", client=client, surroundings=Surroundings(cluster="zookeeper", endpoints={}, nodes={}),
            random=Random(1), on_lost=self.lost.append, on_wake=self.woken.append,
        )  # fmt: skip
        self.lock = ZkSequential(context)
        self.zk: Zk = self.lock.zk  # type: ignore[assignment]

    def attempt(self) -> Attempt:
        self.tries += 1
        return Attempt(f"{self.client}-{self.tries}", f"owner-{self.client}-{self.tries}")

    def take(self, limit: float | None = None) -> Grant:
        attempt = self.attempt()
        return self.lock.try_acquire(attempt) if limit is None else self.lock.acquire(attempt, limit)


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def taker(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Taker]:
    return lambda client: Taker(tree, client, monkeypatch)


def once(what: str, act: Callable[[], None]) -> Callable[[str], None]:
    left = [act]

    def before(asked: str) -> None:
        if asked == what and left:
            left.pop()()

    return before


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_tokens_rise_and_the_owner_value_is_in_the_node(taker: Callable[[str], Taker], tree: Tree) -> None:
    a = taker("a")
    first = a.take()
    assert list(tree.children.values()) == [b"owner-a-1"]
    a.lock.release()
    second = a.take(1)
    assert first.fence is not None
    assert second.fence is not None
    assert second.fence > first.fence
    assert (second.owner, second.lease_until) == ("owner-a-2", None)


def test_a_refused_try_leaves_nothing_behind(taker: Callable[[str], Taker], tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    with pytest.raises(Refused, match="busy: behind a-1-0000000001"):
        b.take()
    assert list(tree.children) == ["a-1-0000000001"]


def test_a_waiter_watches_its_predecessor_only_and_is_woken_by_it(taker: Callable[[str], Taker], tree: Tree) -> None:
    a, b, c = taker("a"), taker("b"), taker("c")
    a.take()
    granted: list[str] = []

    def wait(who: Taker) -> None:
        who.take(5)
        granted.append(who.client)

    threads = []
    for number, who in enumerate((b, c), 1):
        threads.append(threading.Thread(target=wait, args=(who,)))
        threads[-1].start()
        deadline = time.monotonic() + 5
        while len(tree.watches) < number:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    assert {name: len(watchers) for name, watchers in tree.watches.items()} == {
        "a-1-0000000001": 1,
        "b-1-0000000002": 1,
    }
    a.lock.release()
    threads[0].join(5)
    b.lock.release()
    threads[1].join(5)
    assert granted == ["b", "c"]
    assert (b.woken, c.woken) == (["predecessor a-1-0000000001 is gone"], ["predecessor b-1-0000000002 is gone"])


def test_at_the_limit_the_own_node_is_taken_away(taker: Callable[[str], Taker], tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    with pytest.raises(Refused, match="not granted within the limit"):
        b.take(0.03)
    assert list(tree.children) == ["a-1-0000000001"]
    a.lock.release()
    assert b.woken == []


def test_when_the_own_node_cannot_be_taken_away_nobody_knows(taker: Callable[[str], Taker], tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    b.zk.before = once("delete", raising(Indeterminate("no reply")))
    with pytest.raises(Indeterminate, match="may still wait in line: no reply"):
        b.take(0.03)
    b.lock.release()
    assert list(tree.children) == ["a-1-0000000001"]


def test_a_create_without_a_reply_is_found_by_its_attempt(taker: Callable[[str], Taker], tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.zk.after = once("create", raising(Indeterminate("no reply")))
    with pytest.raises(Indeterminate):
        a.take(1)
    assert len(tree.children) == 1
    with pytest.raises(Refused):
        b.take()
    a.lock.release()
    assert tree.children == {}
    with pytest.raises(Refused, match="no attempt"):
        a.lock.release()


def test_a_create_that_never_arrived_has_nothing_to_release(taker: Callable[[str], Taker]) -> None:
    a = taker("a")
    a.zk.before = once("create", raising(Indeterminate("no reply")))
    with pytest.raises(Indeterminate):
        a.take(1)
    with pytest.raises(Refused, match="no node of this attempt"):
        a.lock.release()


def test_a_session_that_broke_while_looking_gives_no_grant(taker: Callable[[str], Taker], tree: Tree) -> None:
    a = taker("a")
    a.zk.after = once("children", a.zk.break_off)
    with pytest.raises(Refused, match="the session broke while looking"):
        a.take()
    assert (a.lost, tree.children) == ([], {})


def test_a_waiter_looks_again_after_a_break_and_then_holds(taker: Callable[[str], Taker]) -> None:
    a = taker("a")
    a.zk.after = once("children", a.zk.break_off)
    a.take(1)
    assert a.lost == []
    a.zk.break_off()
    assert a.lost == ["SUSPENDED"]


def test_a_waiter_survives_a_lost_connection_in_the_middle_of_a_request(taker: Callable[[str], Taker]) -> None:
    a = taker("a")
    a.zk.before = once("children", raising(Indeterminate("connection lost")))
    assert a.take(1).fence == 1001


def test_a_holder_is_told_once_and_a_former_holder_never(taker: Callable[[str], Taker]) -> None:
    a = taker("a")
    a.zk.break_off()
    a.take()
    a.zk.break_off()
    a.zk.break_off()
    assert a.lost == ["SUSPENDED"]
    a.lock.release()
    a.take()
    a.lock.release()
    a.zk.break_off()
    assert a.lost == ["SUSPENDED"]


def test_after_the_session_ended_there_is_nothing_to_release(taker: Callable[[str], Taker], tree: Tree) -> None:
    a = taker("a")
    a.take()
    tree.children.clear()
    with pytest.raises(Refused, match="its session has ended"):
        a.lock.release()
    a.take()
    a.zk.before = once("delete", raising(SessionOver("delete: the session has expired")))
    with pytest.raises(Refused):
        a.lock.release()


def test_a_node_that_vanished_while_waiting_is_a_certain_refusal(taker: Callable[[str], Taker], tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    b.zk.before = once("children", lambda: tree.remove("b-1-0000000002") and None)
    with pytest.raises(Refused, match="the own node is gone"):
        b.take(1)


def test_a_release_while_cut_off_cannot_know(taker: Callable[[str], Taker], tree: Tree) -> None:
    a = taker("a")
    a.take()
    a.zk.break_off(back=False)
    with pytest.raises(Indeterminate, match="not connected"):
        a.lock.release()
    a.zk.up.set()
    a.lock.release()
    assert tree.children == {}


def test_nothing_is_sent_while_cut_off(taker: Callable[[str], Taker], tree: Tree) -> None:
    a = taker("a")
    a.zk.break_off(back=False)
    with pytest.raises(Refused, match="create was not sent"):
        a.take()
    assert tree.sequence == 0


def test_other_children_do_not_disturb(taker: Callable[[str], Taker], tree: Tree) -> None:
    tree.children["notes"] = b""
    assert taker("a").take().fence == 1001


def test_keys_become_one_level_of_the_tree() -> None:
    assert [lock_path(key) for key in ("k", "/k", "a/b:c")] == ["/k", "/k", "/a-b:c"]
