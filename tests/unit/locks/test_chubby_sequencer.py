"""Sequencer and lock-delay on an in-memory tree: generations, marks left by failed holders, and who clears them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from zk_stage import Taker, Tree, once, raising

from nuclei.locks.base import Indeterminate, Refused
from nuclei.locks.chubby_sequencer import ChubbySequencer, spec

Make = Callable[..., Taker]
DELAY = 0.2


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def taker(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda client, lock_delay=DELAY: Taker(tree, ChubbySequencer, client, monkeypatch, lock_delay=lock_delay)


def fail(holder: Taker, tree: Tree) -> None:
    """The holder's session ends: its nodes go, nothing else does."""
    for name in [name for name in tree.children if name.startswith(f"{holder.client}-")]:
        tree.remove(name)


def seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_the_generation_grows_with_each_grant_and_the_mark_names_the_holder(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    first = a.take()
    assert tree.value == (b"owner-a-1", first.fence)
    a.lock.release()
    assert tree.value[0] == b""
    second = b.take(1)
    assert tree.value == (b"owner-b-1", second.fence)
    assert first.fence is not None
    assert second.fence is not None
    assert second.fence > first.fence


def test_after_a_release_in_order_nobody_waits(taker: Make) -> None:
    a, b = taker("a", lock_delay=30.0), taker("b", lock_delay=30.0)
    a.take()
    a.lock.release()
    b.take()


def test_after_a_failure_the_delay_passes_first(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    fail(a, tree)
    with pytest.raises(Refused, match="lock-delay"):
        b.take()
    assert tree.children == {}
    assert seconds(lambda: b.take(5)) > DELAY / 2
    assert tree.value[0] == b"owner-b-2"


def test_a_limit_within_the_delay_is_kept_and_its_waiting_counts_for_the_next_try(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    fail(a, tree)
    began = time.monotonic()
    with pytest.raises(Refused, match="lock-delay"):
        b.take(DELAY / 4)
    assert time.monotonic() - began >= DELAY / 4
    b.take(5)
    assert time.monotonic() - began >= DELAY


def test_each_failure_has_a_delay_of_its_own(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    for _ in range(2):
        a.take(5)
        fail(a, tree)
        a.zk.break_off(state="LOST")
        assert seconds(lambda: b.take(5)) >= DELAY
        b.lock.release()


def test_a_failed_holder_that_wakes_shortens_no_delay(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    mark = tree.value
    fail(a, tree)
    with pytest.raises(Refused, match="no node of this attempt"):
        a.lock.release()
    assert tree.value == mark
    b.take(5)
    with pytest.raises(Refused, match="no attempt"):
        a.lock.release()
    assert tree.value[0] == b"owner-b-1"


def test_who_enters_has_its_node_at_that_very_moment(taker: Make, tree: Tree) -> None:
    a = taker("a")
    a.zk.before = once("multi", lambda: fail(a, tree))
    with pytest.raises(Refused, match="the own node is gone"):
        a.take(1)
    assert tree.value == (b"", 0)


def test_a_mark_whose_reply_was_lost_is_cleared_with_the_own_node(taker: Make, tree: Tree) -> None:
    a = taker("a")
    a.zk.after = once("multi", raising(Indeterminate("no reply")))
    with pytest.raises(Refused):
        a.take(1)
    assert (tree.children, tree.value[0]) == ({}, b"")


def test_a_contender_that_gives_up_leaves_the_holders_mark_alone(taker: Make, tree: Tree) -> None:
    a, b = taker("a"), taker("b")
    a.take()
    mark = tree.value
    with pytest.raises(Refused):
        b.take()
    assert (tree.value, len(tree.children)) == (mark, 1)


def test_recovery_is_promised_a_lock_delay_later() -> None:
    assert spec({"session": 2.0, "lock_delay": 1.0}).recovery_ns == 7_000_000_000
    assert spec({}).fenced
