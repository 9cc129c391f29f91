"""EDN: every notation is read, memory is bounded by one form, and what is wrong is said with file and line."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from math import isnan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.edn import Keyword, Set, Symbol, read_first, read_forms, write_edn
from histories.edn.writer import DEPTH_LIMIT
from histories.errors import HistoryError

K = Keyword


def forms(text: str | bytes, **options: int) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    return [form for _, form in read_forms(io.BytesIO(data), "h.edn", **options)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        ("true", True),
        ("12 ", 12),
        ("-7", -7),
        ("+8", 8),
        ("123456789012345678901234567890N", 123456789012345678901234567890),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("-1.5e-3", -0.0015),
        ("2.50M", Decimal("2.50")),
        ("1/3", Fraction(1, 3)),
        ("##Inf", float("inf")),
        ("##-Inf", float("-inf")),
        (r'"a\n\t\"\\\u00e9\uD83D\uDE00"', 'a\n\t"\\é😀'),
        (r'"\uD83D alone"', "\ufffd alone"),
        (r"\a", "a"),
        (r"\newline", "\n"),
        (r"\u0041", "A"),
        (r"\o101", "A"),
        (r"\(", "("),
        (":a", K(":a")),
        (":a.b/c-d?", K(":a.b/c-d?")),
        ("foo/bar'", Symbol("foo/bar'")),
        ("-", Symbol("-")),
        ("{:a [1 2], :b (3 4)}", {K(":a"): [1, 2], K(":b"): (3, 4)}),
        ("#{1 2 1}", Set([1, 2, 1])),
        ('#inst "2024-01-01"', "2024-01-01"),
        ("#jepsen.history.Op{:index 1}", {K(":index"): 1}),
        ('#object[java.lang.Object 0x1f "o"]', [Symbol("java.lang.Object"), 31, "o"]),
        ("#a #b c", Symbol("c")),
        ("#<IOException java.io.IOException: x>", "IOException java.io.IOException: x"),
        (r'#"a\d"', r"a\d"),
        ("^{:doc 1} {:a 2}", {K(":a"): 2}),
        ("#:op{:type 1 :x/f 2 :_/g 3 4 5}", {K(":op/type"): 1, K(":x/f"): 2, K(":g"): 3, 4: 5}),
        ("#_ #_ 1 [2] 3", 3),
        ("; said\n ,, 5 ; more", 5),
        ('{[1 2] 3, 1.5 4, 99999999999999999999 5}', {"[1 2]": 3, "1.5": 4, "99999999999999999999N": 5}),
        ("\ufeff 6", 6),
    ],
)  # fmt: skip
def test_every_notation_is_read(text: str, value: Any) -> None:
    found, rest = read_first(text, "h.edn", 1)
    assert found == value
    assert type(found) is type(value)
    assert rest.strip(" ,") in {"", "; more"}


def test_not_a_number_is_one() -> None:
    assert isnan(forms("##NaN")[0])


def test_a_key_tells_keywords_from_strings() -> None:
    assert forms('{:a 1 "a" 2}') == [{K(":a"): 1, "a": 2}]
    assert K(":a").name == "a"


def test_forms_stand_one_after_another_or_in_one_vector() -> None:
    expected = [(1, {K(":a"): 1}), (3, [2, [3]]), (3, 4)]
    one_by_one = b"{:a 1}\n; two\n#_x ^:m [2 [3]] 4"
    assert list(read_forms(io.BytesIO(b"[" + one_by_one + b"]"), "h.edn")) == expected
    assert list(read_forms(io.BytesIO(b"(" + one_by_one + b") []"), "h.edn")) == expected
    assert list(read_forms(io.BytesIO(b"{:a 1}\n\n4"), "h.edn")) == [(1, {K(":a"): 1}), (3, 4)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[1 2\n[3", 2, r"the file ends inside '\[', in the form that begins at line 2"),
        ("\n[1\n2", 3, "the file ends inside '\\[', in the form that begins at line 2"),
        ("[1\n2)", 2, "'\\)' where '\\]' was expected"),
        ("1\n}", 2, "'}' where a form was expected"),
        ("{:a 1\n:b}", 2, "last key"),
        ('\n"abc', 2, "ends inside a string"),
        ('"a\n\n" "\\q"', 3, "escape"),
        ("\\foo", 1, "character"),
        ("#_", 1, "ends inside '#_'"),
        ("[#foo]", 1, "the value of '#foo'"),
        ("1x", 1, "'1x' is no number"),
        ("1/0", 1, "no number"),
        ("9" * 5000, 1, "no number"),
        ("0x" + "f" * 5000, 1, "no number"),
        ("1e" + "9" * 30 + "M", 1, "no number"),
        ("##Nope", 1, "##NaN"),
        (": 1", 1, "keyword"),
        ("[1\n@x]", 2, "'@x\\]' where a value"),
        ("[" * 1001, 1, "deeper than 200"),
        ("#a " * 1000 + "1", 1, "deeper than 200"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(HistoryError, match=rf"^h\.edn: line {line}: .*{words}"):
        forms(text)


def test_bytes_that_are_no_text_are_said_with_their_line() -> None:
    for padding in (10, 1 << 20):
        with pytest.raises(HistoryError, match=rf"h\.edn: line {padding + 2} is not UTF-8"):
            forms(b"1\n" * (padding + 1) + b"\xff\n1")
    with pytest.raises(HistoryError, match=r"line 2 is not UTF-8"):
        forms(b"1\n\xe2\x82")


def test_tokens_may_lie_across_the_blocks_that_are_read() -> None:
    texts = ['"ab\\n\\\\c"', ":key/word", "123456", "#_ 9", "#{1}", "#tag [x]", "\\newline", "#:a{:b 1}", "; c\n"]
    text = " ".join(texts * 12)
    whole = forms(text)
    for size in range(1, 12):
        assert [form for _, form in read_forms(_Drip(text.encode(), size), "h.edn")] == whole


class _Drip(io.BytesIO):
    """Gives a few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._size)


def test_memory_is_bounded_by_one_form_not_by_the_file() -> None:
    served = 0

    class Endless(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            nonlocal served
            served += 1
            return b"[" if served == 1 else b"{:type :ok, :value [1 2 3]}\n" * 1000

    given_back = read_forms(Endless(), "h.edn")  # type: ignore[arg-type]
    for _ in range(3000):
        assert next(given_back)[1] == {K(":type"): K(":ok"), K(":value"): [1, 2, 3]}
    assert served < 10


@pytest.mark.parametrize(
    "text", ["[[" + "1 " * 600 + "]]", '["' + "x" * 3000 + '"]', "x" * 3000, ";" * 3000, "#_[" + "1 " * 600]
)
def test_a_form_that_is_too_long_is_refused(text: str) -> None:
    with pytest.raises(HistoryError, match=r"h\.edn: line 1: .*1,000 characters"):
        forms(text, limit=1000)


def test_a_form_that_is_too_long_is_noticed_however_it_comes() -> None:
    data = b"[1 2 3] " * 40 + b"\n{:a [" + b"12 " * 60 + b"]}"
    drip = read_forms(_Drip(b"[" + data, 7), "h.edn", limit=100)
    assert [form for _, form in islice(drip, 40)] == [[1, 2, 3]] * 40
    with pytest.raises(HistoryError, match=r"line 2: the form is longer than 100"):
        next(drip)


def test_many_short_forms_may_be_longer_together() -> None:
    assert len(forms("[" + "[1 2 3] " * 1000 + "]", limit=100)) == 1000
    assert len(forms(("; a remark of forty characters, or so\n" + "[1] " + " " * 30) * 50, limit=100)) == 50


def test_keys_that_would_collide_in_a_hash_table_do_not() -> None:
    """All multiples of 2⁶¹ − 1 have Python's hash 0; as keys that would take quadratic time."""
    count = 30_000
    text = "{" + " ".join(f"{(2**61 - 1) * (2**70 + number)} 1" for number in range(count)) + "}"
    assert len(forms(text)[0]) == count


def test_keys_within_keys_stay_short() -> None:
    text = "{[1 " * 12 + '"a"' + "] 2}" * 12
    assert len(write_edn(forms(text)[0])) == len(text)


WORDS = {"nil", "true", "false"}
edn_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"\A:[a-z][a-z0-9.*+!?<>=-]{0,8}(/[a-z]+)?\Z").map(Keyword)
    | st.from_regex(r"\A[a-z][a-z0-9.*+!?<>='#-]{0,8}\Z").filter(lambda word: word not in WORDS).map(Symbol),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=3).map(Set)
        | st.dictionaries(st.text(max_size=3) | st.integers(-9, 9) | st.just(K(":k")), inner, max_size=4)
    ),
    max_leaves=12,
)


def typed(value: Any) -> Iterator[Any]:
    """The value with its types, in order."""
    yield type(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from typed(key)
            yield from typed(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from typed(inner)
    else:
        yield repr(value)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(edn_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    text = write_edn(value)
    assert "\n" not in text
    back, rest = read_first(text, "h.edn", 1)
    assert list(typed(back)) == list(typed(value))
    assert rest == ""


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text('[]{}()#_:"\\^;, \n\t0123456789/.eMN+-aknu@<>', max_size=60) | st.binary(max_size=60))
def test_any_text_is_values_or_an_error_that_names_the_file(text: str | bytes) -> None:
    with suppress(HistoryError), naming_the_file():
        for value in forms(text):
            write_edn(value)


@contextmanager
def naming_the_file() -> Iterator[None]:
    """Whatever is raised inside must name file and line."""
    try:
        yield
    except HistoryError as error:
        if not re.match(r"h\.edn: line \d+", str(error)):
            raise AssertionError(error) from error
        raise


def test_values_too_deep_to_be_read_back_are_not_written() -> None:
    value: list[Any] = []
    for _ in range(DEPTH_LIMIT - 2):
        value = [value]
    assert read_first(write_edn(value), "h.edn", 1)[0] == value
    for _ in range(5000):
        value = [value]
    with pytest.raises(HistoryError, match="deeper"):
        write_edn(value)


def test_what_has_no_notation_is_not_written() -> None:
    with pytest.raises(TypeError, match="object"):
        write_edn(object())
    assert write_edn("\ud800") == r'"\ud800"'
