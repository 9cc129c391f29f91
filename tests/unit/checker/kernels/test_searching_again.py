"""The search begins with few configurations, and goes back where it left some out in vain."""

from __future__ import annotations

import pytest

import checker.search.search as searching
from checker.search.models import Ask, OwnerMutex
from checker.search.search import search
from checker.search.stores import Register
from checker.search.timeline import Op
from checker.search.values import Do


def test_what_was_left_out_is_gone_back_to() -> None:
    """All writes come before the one that is read: the way kept at the first read, with that write alone, ends soon."""
    ops = [Op(Do("write", str(n)), 0, 12) for n in range(5)]
    ops += [Op(Do("read", "3"), 10, 11), Op(Do("read", "3"), 20, 21)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "NARROW", 1)
        patch.setattr(searching, "WIDER", 2)
        found = search(Register(), ops)
    assert found.valid is True
    assert found.order[4:] == (3, 5, 6)


def test_what_never_came_back_need_not_have_happened() -> None:
    """Two acquires of unknown effect, of which one at most can have been granted, and a grant."""
    ops = [Op(Ask("A", 0), 0), Op(Ask("A", 1), 0), Op(Ask("A", 2), 5, 6)]
    found = search(OwnerMutex(), ops)
    assert (found.valid, found.order) == (True, (2,))
