"""Reading lines straight into columns gives what decoding them gives, and does not take what decoding refuses."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from histories.columns import NONE
from histories.octets import FRONT, Dictionary, Octets
from histories.pairing import CallBuilder
from histories.rows import AnyRow, Call, Return, Told
from histories.scan import Scanner
from histories.shapes import learn
from histories.write import encode
from tests.unit.histories.drawn import HEADER, histories

CALL = Call(t=10, client="c1", call=1, op="acquire", lock="k", attempt="c1-1")
BACK = Return(t=20, client="c1", call=1, op="acquire", lock="k", attempt="c1-1", outcome="ok")
DEFAULTS = {
    "owner": -1, "fence": NONE, "lease_until": NONE, "depth": 1, "mode": 0, "permits": 1, "refusal": -1, "value": -1,
    "error": -1,
}  # fmt: skip


def taken(text: bytes, scanner: Scanner | None = None, builder: CallBuilder | None = None) -> set[int]:
    """Which lines the scanner takes; fails where it takes one otherwise than the decoder would."""
    builder = builder or CallBuilder()
    pieces, rest = (scanner or Scanner(builder.words, least=1)).scan(text, 0)
    lines = text.split(b"\n")
    assert all(lines[number] == line for number, line in rest)
    found = [number for several in pieces.values() for piece in several for number in piece["place"].tolist()]
    assert sorted(found + [number for number, _ in rest]) == list(range(len(lines)))
    for kind, several in pieces.items():
        for piece in several:
            rows: list[AnyRow] = [msgspec.json.decode(lines[number], type=AnyRow) for number in piece["place"].tolist()]
            [decoded] = builder.encoded(rows, piece["place"])[kind] if rows else [{}]
            assert all(_same(piece, name, column) for name, column in decoded.items())
    return set(found)


def _same(piece: dict[str, Any], name: str, column: Any) -> bool:
    if name not in piece:
        return bool(np.all(column == DEFAULTS[name]))
    return piece[name].dtype == column.dtype and np.array_equal(piece[name], column)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.lists(histories, min_size=1, max_size=2))
def test_scanning_and_decoding_agree(several: list[list[AnyRow]]) -> None:
    builder = CallBuilder()
    scanner = Scanner(builder.words, least=1)
    for rows in several:
        taken(b"".join(encode(row) for row in rows).rstrip(b"\n"), scanner, builder)


def test_what_our_writers_write_is_scanned() -> None:
    rows: list[AnyRow] = [HEADER, Told(t=1, client="c", lock="k", attempt="a")]
    for number in range(50):
        same: dict[str, Any] = {"client": f"client-number-{number % 3}", "call": number, "attempt": f"c1-{number}"}
        rows.append(replace(CALL, t=number * 10**15, owner=f"0f{number:030x}", **same))
        rows.append(replace(BACK, t=number * 10**15 + 7, owner=f"u{number}", fence=number, **same))
        rows.append(replace(CALL, op="write", value=number, fence=3, **same))
        rows.append(replace(BACK, op="write", outcome="fail", refusal="busy", error="Sorry: no, not now.", **same))
        rows.append(replace(BACK, op="try", lease_until=5, depth=2, **same))
        rows.append(replace(CALL, mode="shared", permits=3, **same))
    assert taken(b"".join(map(encode, rows)).rstrip(b"\n")) == set(range(2, len(rows)))


SAMPLES = [
    encode(replace(CALL, t=1234567890123, owner="u-0", fence=12, mode="shared", permits=2, value=7)),
    encode(replace(BACK, t=10**17, owner="abcdefghij12", lease_until=99, depth=2, refusal="busy", error="no, no")),
    encode(replace(CALL, client="c", call=0, attempt="x00")).replace(b":", b": "),
    b'{"row":"call","t":7,"call":1,"client":"c1","op":"acquire","lock":"k","attempt":"c1-1"}',
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_changed_byte_is_taken_only_as_the_decoder_takes_it(sample: bytes) -> None:
    line = sample.strip()
    changed = [line, *(line + bytes([byte]) for byte in b'"}, x0')]
    for place in range(len(line)):
        for byte in b'"\\,:{}[]0159-+.eE ax\x00\x1f\x7f\x80\xc3_':
            changed.append(line[:place] + bytes([byte]) + line[place + 1 :])
            changed.append(line[:place] + bytes([byte]) + line[place:])
        changed.append(line[:place] + line[place + 1 :])
        changed.append(line[:place])
        changed.append(line[place:] + line[:place])
    good = taken_or_refused(changed)
    assert 0 in good or b": " in line


def taken_or_refused(lines: list[bytes]) -> set[int]:
    """As :func:`taken`, over lines the decoder may refuse: those must not be taken."""
    for start in range(0, len(lines), 500):
        taken(b"\n".join(lines[start : start + 500]))
    return taken(lines[0])


def test_a_few_lines_are_left_to_the_decoder() -> None:
    line = encode(CALL).strip()
    for count, many in ((63, False), (64, True)):
        pieces, rest = Scanner(CallBuilder().words).scan(b"\n".join([line] * count), 0)
        assert (len(rest), bool(pieces.get(Call))) == ((0, True) if many else (count, False))


FIELDS = {
    "client": b'"c1"', "call": b"1", "op": b'"acquire"', "lock": b'"k"', "attempt": b'"a"', "t": b"5",
    "outcome": b'"ok"', "owner": b'"o"', "value": b"3", "weather": b'"fine"', "depth": b"2",
}  # fmt: skip
VALUES = [
    b'"c1"', b'""', b'"a1"', b'"acquire"', b'"shared"', b'"busy"', b'"ok"', b"0", b"1", b"00", b"01", b"-1", b"1.0",
    b"1e3", b"null", b"true", b"[]", b"{}", b"2147483647", b"2147483648", b"999999999", b"1000000000",
    b"4611686018427387903", b"999999999999999999", b"1000000000000000000", b"9223372036854775808", b'"1"',
    b'"%s"' % (b"x" * 17), b'"x1234567"', b'"x12345678"', b'"x123456789"', b'"x1234567890"', b'"x0000000001"',
    b'"x1000000000"', b'"x0"', b'"x007"', b'"12345678"', b'"\\u0041"', '"ü"'.encode(), b'"a\x7fb"',
]  # fmt: skip


def line_of(kind: bytes, fields: list[tuple[str, bytes]]) -> bytes:
    return b'{"row":"' + kind + b'"' + b"".join(b',"%s":%s' % (name.encode(), value) for name, value in fields) + b"}"


@pytest.mark.parametrize("kind", [b"call", b"return"])
def test_any_field_with_any_value_once_and_twice(kind: bytes) -> None:
    known = (Call if kind == b"call" else Return).__struct_fields__
    usual = [(name, value) for name, value in FIELDS.items() if name in known]
    names = {name for name, _ in usual}
    assert taken(line_of(kind, usual)) == {0}
    for changed in (*FIELDS, "fence", "lease_until", "permits", "mode", "refusal", "error"):
        for value in VALUES:
            others = [(name, old) for name, old in usual if name != changed]
            taken(line_of(kind, [*others, (changed, value)]))
            if changed in names:
                assert taken(line_of(kind, [*usual, (changed, value)])) == set()


@pytest.mark.parametrize("kind", [b"call", b"return"])
def test_a_field_may_be_missing_only_where_it_has_a_default(kind: bytes) -> None:
    known = (Call if kind == b"call" else Return).__struct_fields__
    usual = [(name, value) for name, value in FIELDS.items() if name in known]
    for missing in [name for name, _ in usual]:
        line = line_of(kind, [(name, value) for name, value in usual if name != missing])
        assert taken(line) == ({0} if missing in DEFAULTS else set())


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.sampled_from([b"call", b"return", b"told", b"comet"]),
    st.lists(st.tuples(st.sampled_from(sorted(FIELDS)), st.none() | st.sampled_from(VALUES)), max_size=4),
    st.permutations(sorted(set(FIELDS) - {"weather", "outcome"})),
    st.integers(0, 5),
)
def test_any_fields_in_any_order(
    kind: bytes, changes: list[tuple[str, bytes | None]], order: list[str], dropped: int
) -> None:
    """Fields that are there twice, of the wrong type, unknown or missing."""
    fields = [(name, FIELDS[name]) for name in order[: len(order) - dropped // 3]]
    fields += [(name, FIELDS[name] if value is None else value) for name, value in changes]
    line = line_of(kind, fields)
    normal = encode(CALL).strip()
    taken(b"\n".join([line, normal, line, line]))


@pytest.mark.parametrize("text", [b"", b"\n\n", b'"', b'{"row":"call"}', b'{"row":"call","t":1}' + b'"' * 300])
def test_blocks_of_nothing_much(text: bytes) -> None:
    assert taken(text) == set()


def test_a_file_of_ever_new_shapes_stays_bounded() -> None:
    scanner = Scanner(CallBuilder().words, least=1)
    orders = [list(FIELDS)[turn:] + list(FIELDS)[:turn] for turn in range(len(FIELDS))]
    for number in range(40):
        names = sorted(
            {"client", "call", "op", "lock", "attempt", "t", *orders[number % 11][: number % 5]} - {"weather"}
        )
        names = names[number % 6 :] + names[: number % 6]
        line = b'{"row":"call",' + b",".join(b'"%s":%s' % (name.encode(), FIELDS[name]) for name in names) + b"}"
        scanner.scan(line, 0)
    assert sum(len(shapes) for shapes in scanner._shapes.values()) <= 64


def test_a_shape_is_learned_from_calls_and_returns_only() -> None:
    assert learn(encode(CALL).strip()) is not None
    for line in (encode(HEADER), encode(Told(t=1, client="", lock="", attempt="")), b'{"row":"call"}', b"", b"[]"):
        assert learn(line.strip()) is None


def octets_of(texts: list[str]) -> tuple[Octets, Any, Any]:
    content = "".join(texts).encode()
    ends = np.cumsum([len(text) for text in texts]) + FRONT
    return Octets(content), np.concatenate([np.array([FRONT]), ends[:-1]]).astype(np.int64), ends.astype(np.int64)


ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.from_regex(r"\A[0-9]{0,20}\Z") | ascii_text, min_size=1, max_size=12))
def test_numbers_are_what_int_says(texts: list[str]) -> None:
    octets, start, end = octets_of(texts)
    numbers, good = octets.numbers(start, end)
    for text, number, is_good in zip(texts, numbers.tolist(), good.tolist(), strict=True):
        assert is_good == bool(re.fullmatch(r"0|[1-9][0-9]{0,17}", text)), text
        assert not is_good or number == int(text)
    tails = [min(8, len(text) - len(text.rstrip("0123456789"))) for text in texts]
    assert octets.digits(start, end).tolist() == tails


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(st.lists(ascii_text, min_size=1, max_size=8), max_size=4))
def test_a_dictionary_gives_equal_texts_equal_numbers(several: list[list[str]]) -> None:
    known: dict[str, int] = {}
    dictionary = Dictionary(lambda text: known.setdefault(text, len(known)))
    for texts in several:
        octets, start, end = octets_of(texts)
        assert dictionary.codes(octets, start, end).tolist() == [known[text] for text in texts]


def test_a_dictionary_forgets_rather_than_grow_for_ever() -> None:
    known: dict[str, int] = {}
    dictionary = Dictionary(lambda text: known.setdefault(text, len(known)))
    for prefix in ("a", "a-long-one"):
        for first in range(0, 40_000, 4_000):
            texts = [f"{prefix}{number}" for number in range(first, first + 4_000)]
            octets, start, end = octets_of(texts)
            for _ in range(2):
                assert dictionary.codes(octets, start, end).tolist() == [known[text] for text in texts]
    assert max(map(len, (dictionary._short, dictionary._long, *dictionary._halves))) <= 1 << 15
