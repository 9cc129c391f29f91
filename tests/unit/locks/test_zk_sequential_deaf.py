"""The one thing a deaf client does differently: a holder hears LOST only."""

from __future__ import annotations

import pytest
from zk_stage import Taker, Tree, once

from nuclei.locks.base import Refused
from nuclei.locks.zk_sequential_deaf import ZkSequentialDeaf


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def deaf(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Taker:
    return Taker(tree, ZkSequentialDeaf, "a", monkeypatch)


def test_a_holder_stays_through_suspended_and_is_told_of_lost(deaf: Taker, tree: Tree) -> None:
    deaf.take()
    deaf.zk.break_off()
    assert deaf.lost == []
    deaf.zk.break_off(state="LOST")
    assert deaf.lost == ["LOST"]
    deaf.lock.release()
    assert tree.children == {}


def test_a_grant_is_as_careful_as_ever(deaf: Taker, tree: Tree) -> None:
    deaf.zk.after = once("children", deaf.zk.break_off)
    with pytest.raises(Refused, match="the session broke while looking"):
        deaf.take()
    assert tree.children == {}
