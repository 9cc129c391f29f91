"""Names kept as numbers: equal numbers mean equal names, and every name comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.labels import NO_NAME, CodeBuilder, LabelBuilder, first_used, pack

numbered = st.from_regex(r"\A[a-c]{0,2}[-.]?0{0,3}[0-9]{0,12}\Z") | st.text(max_size=5) | st.just("٣")
columns = st.lists(st.none() | numbered, max_size=12)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(columns)
def test_names_come_back_and_equal_keys_mean_equal_names(names: list[str | None]) -> None:
    builder = LabelBuilder()
    labels = builder.labels(builder.keys(names))
    assert [labels[row] for row in range(len(labels))] == names
    for one, key in zip(names, labels.keys.tolist(), strict=True):
        assert [other == one for other in names] == (labels.keys == key).tolist()


@settings(derandomize=True, deadline=None, max_examples=300)
@given(columns, columns)
def test_canonical_labels_depend_on_the_names_alone(names: list[str | None], others: list[str | None]) -> None:
    one, other = LabelBuilder(), LabelBuilder()
    other.keys(others)
    canonical = [builder.labels(builder.keys(names)).canonical() for builder in (one, other)]
    assert [canonical[0][row] for row in range(len(names))] == names
    assert canonical[0].keys.tolist() == canonical[1].keys.tolist()
    assert canonical[0].prefixes.list() == canonical[1].prefixes.list()


@pytest.mark.parametrize("name", ["c1-17", "18", "0", "c0", "c00", "c007", "x1234567890", "x1000000000", "", "a٣", "²"])
def test_a_name_is_found_again_by_its_key(name: str) -> None:
    builder = LabelBuilder()
    labels = builder.labels([builder.key(None), builder.key("else"), builder.key(name)])
    assert labels[2] == name
    assert labels.finder()(name) == labels.keys[2]
    assert (labels[0], labels.finder()(None), labels.finder()("never there")) == (None, NO_NAME, NO_NAME)


def test_ten_thousand_attempts_share_their_beginnings() -> None:
    builder = LabelBuilder()
    labels = builder.labels(builder.keys([f"c{number % 7}-{number}" for number in range(10_000)]))
    assert len(labels.prefixes) == 7
    assert labels[9_999] == "c3-9999"


def test_more_names_than_are_remembered_keep_their_keys() -> None:
    builder, names = LabelBuilder(), [f"c1-{number}" for number in range(70_000)]
    assert builder.keys(names).tolist() == builder.keys(names).tolist()
    codes = CodeBuilder()
    assert codes.codes(names).tolist() == codes.codes(names).tolist() == list(range(70_000))
    assert max(len(builder._known), len(codes._known)) <= 1 << 16


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=4), max_size=6), st.data())
def test_packed_texts_come_back_in_any_choice(texts: list[str], data: st.DataObject) -> None:
    packed = pack(texts)
    assert packed.list() == texts
    chosen = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8)) if texts else []
    assert packed.take(np.array(chosen, np.intp)).list() == [texts[place] for place in chosen]


def test_numbers_in_order_of_first_use() -> None:
    used, place = first_used(np.array([3, 1, 3, 0, 1]), 5)
    assert used.tolist() == [3, 1, 0]
    assert place.tolist() == [2, 1, -1, 0, -1]
