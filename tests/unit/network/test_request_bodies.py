"""Bodies, toxics and addresses, read as Go reads them."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuclei.network.toxiproxy import addresses
from nuclei.network.toxiproxy.body import Fields, first_value
from nuclei.network.toxiproxy.errors import AddressError, ApiError, BodyError
from nuclei.network.toxiproxy.toxics import read_new, read_update


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "EOF"),
        (b"  \n", "EOF"),
        (b"{", "unexpected EOF"),
        (b'{"a', "unexpected EOF"),
        (b'{"a": ', "unexpected EOF"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"{x", "invalid character 'x' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
def test_bodies_that_are_not_json(raw: bytes, words: str) -> None:
    with pytest.raises(BodyError) as caught:
        first_value(raw)
    assert str(caught.value) == words


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_a_value_or_a_body_error(raw: bytes) -> None:
    try:
        first_value(raw)
    except BodyError:
        pass


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_a_toxic_or_a_400(value: object) -> None:
    body = {"type": "latency", "attributes": {"latency": value}, "toxicity": value, "name": value}
    for item in (value, body, {"type": value}, {"type": "latency", "attributes": value}):
        assert outcome(json.dumps(item).encode()) in (200, 400)


def outcome(raw: bytes) -> int:
    """The status of adding a toxic with this body."""
    try:
        read_new(raw)
    except ApiError as error:
        return error.status
    return 200


def test_only_the_first_value_counts() -> None:
    assert first_value(b' {"a": 1} {"b": 2} and more') == {"a": 1}


def test_field_names_match_in_any_case_and_null_keeps_the_default() -> None:
    fields = Fields({"NAME": "n", "Enabled": None, "x": [1]}, "T")
    assert (fields.text("name"), fields.flag("enabled", True), fields.whole("absent", 3)) == ("n", True, 3)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1", "string into Go struct field T.n of type int64"),
        (1.5, "number 1.5 into Go struct field T.n of type int64"),
        (True, "bool into Go struct field T.n of type int64"),
        ([], "array into Go struct field T.n of type int64"),
        ({}, "object into Go struct field T.n of type int64"),
        (2**63, "number 9223372036854775808 into Go struct field T.n of type int64"),
    ],
)
def test_whole_numbers_are_whole(value: object, words: str) -> None:
    with pytest.raises(BodyError) as caught:
        Fields({"n": value}, "T").whole("n")
    assert str(caught.value) == f"json: cannot unmarshal {words}"


def test_an_update_keeps_what_it_does_not_name() -> None:
    toxic = read_new(b'{"type": "latency", "attributes": {"latency": 5, "jitter": 2}, "toxicity": 0.5}')
    assert read_update(toxic, b'{"attributes": {"latency": 7}, "name": "other"}') == ({"latency": 7, "jitter": 2}, 0.5)
    assert read_update(toxic, b"{}") == ({"latency": 5, "jitter": 2}, 0.5)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        (":80", ("", 80)),
        ("redis-1:6379", ("redis-1", 6379)),
        ("h:", ("h", 0)),
    ],
)
def test_addresses(address: str, parts: tuple[str, int]) -> None:
    assert addresses.split(address) == parts


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("host", "address host: missing port in address"),
        ("", "address : missing port in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("::1:80", "address ::1:80: too many colons in address"),
        ("h:65536", "address 65536: invalid port"),
        ("h:http", "lookup tcp/http: unknown port"),
        ("h:-1", "lookup tcp/-1: unknown port"),
    ],
)
def test_bad_addresses(address: str, words: str) -> None:
    with pytest.raises(AddressError) as caught:
        addresses.split(address)
    assert str(caught.value) == words


def test_an_empty_host_listens_everywhere() -> None:
    async def listen() -> str:
        with await addresses.listen(":0") as listener:
            return addresses.of(listener)

    assert asyncio.run(listen()).rsplit(":", 1)[0] in ("[::]", "0.0.0.0")
