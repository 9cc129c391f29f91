"""A column put together of parts is their concatenation, and one number while all its rows are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import grown
from histories.columns import alike
from histories.grown import Grown

parts = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9) | st.lists(st.just(1), min_size=1), max_size=8)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(parts, st.booleans(), st.integers(1, 16))
def test_parts_make_a_whole(drawn: list[list[int]], broadcast: bool, piece: int) -> None:
    column = Grown()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grown, "_PIECE", piece)
        for part in drawn:
            same = broadcast and len(set(part)) == 1
            column.extend(alike(part[0], len(part), np.int32) if same else np.array(part, np.int32))
    whole = column.whole()
    flat = [number for part in drawn for number in part]
    assert whole.tolist() == flat
    assert not flat or whole.dtype == np.int32
    assert not flat or (whole.strides == (0,)) == (len(set(flat)) == 1)
