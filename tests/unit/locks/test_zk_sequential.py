"""The recipe on an in-memory tree: order, watches, breaks of the session at the worst moments, and cleaning up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from zk_stage import Taker, Tree, once, raising

from nuclei.locks.base import Indeterminate, Refused
from nuclei.locks.zk_sequential import ZkSequential, spec
from nuclei.locks.zk_session import SessionOver, lock_path


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def taker(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Taker]:
    return lambda client: Taker(tree, ZkSequential, client, monkeypatch)


@pytest.fixture
def reentrant(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Taker:
    return Taker(tree, ZkSequential, "a", monkeypatch, reentry=3)


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
    assert (b.woken, c.woken) == (["a-1-0000000001 is gone"], ["b-1-0000000002 is gone"])


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
    with pytest.raises(Indeterminate, match="a node of b-1 may still be there: no reply"):
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
    with pytest.raises(Refused, match="no node of this attempt"):
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


def test_a_holder_may_enter_again_as_often_as_its_limit_says(reentrant: Taker, tree: Tree) -> None:
    first = reentrant.take()
    inner = reentrant.take(1)
    assert (inner.depth, inner.fence, inner.owner) == (2, first.fence, "owner-a-1")
    assert reentrant.take().depth == 3
    with pytest.raises(Refused, match="re-entry limit of 3"):
        reentrant.take(1)
    for left in (1, 1, 0):
        reentrant.lock.release()
        assert len(tree.children) == left
    with pytest.raises(Refused, match="no attempt"):
        reentrant.lock.release()


def test_levels_are_given_up_with_the_session(reentrant: Taker, tree: Tree) -> None:
    reentrant.take()
    reentrant.take()
    reentrant.zk.break_off()
    assert reentrant.lost == ["SUSPENDED"]
    reentrant.lock.release()
    assert tree.children == {}
    assert reentrant.take().depth == 1


def test_without_re_entry_the_holder_is_refused_and_keeps_the_lock(taker: Callable[[str], Taker], tree: Tree) -> None:
    a = taker("a")
    a.take()
    with pytest.raises(Refused, match="re-entry limit of 1"):
        a.take(1)
    a.lock.release()
    assert tree.children == {}


def test_re_entry_is_promised_only_where_it_is_used() -> None:
    assert spec({}).reentry_limit == 1
    assert spec({"reentry": 3}).reentry_limit == 3


def test_a_queues_promises_are_judged_where_asked_for() -> None:
    assert (spec({}).most_woken, spec({}).most_overtakes) == (None, None)
    judged = spec({"judge_queue": True})
    assert (judged.most_woken, judged.most_overtakes) == (1, 0)


def test_other_children_do_not_disturb(taker: Callable[[str], Taker], tree: Tree) -> None:
    tree.children["notes"] = b""
    assert taker("a").take().fence == 1001


def test_keys_become_one_level_of_the_tree() -> None:
    assert [lock_path(key) for key in ("k", "/k", "a/b:c")] == ["/k", "/k", "/a-b:c"]
