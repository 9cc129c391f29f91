"""Toxics over raw HTTP: defaults, attributes, both streams, order, updates, and every error of theirs."""

from __future__ import annotations

from typing import Any

import pytest
from toxiproxy_wire import Api, Rig

DEFAULTS: dict[str, dict[str, int]] = {
    "latency": {"latency": 0, "jitter": 0},
    "bandwidth": {"rate": 0},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 0},
    "limit_data": {"bytes": 0},
    "slicer": {"average_size": 0, "size_variation": 0, "delay": 0},
    "slow_close": {"delay": 0},
}


def error(message: str, status: int) -> dict[str, object]:
    return {"error": message, "status": status}


@pytest.mark.parametrize("kind", DEFAULTS)
@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_every_type_on_both_streams(rig: Rig, api: Api, kind: str, stream: str) -> None:
    answer = api.call("POST", f"{rig.path}/toxics", {"type": kind, "stream": stream})
    expected = {
        "attributes": DEFAULTS[kind],
        "name": f"{kind}_{stream}",
        "type": kind,
        "stream": stream,
        "toxicity": 1,
    }
    assert (answer.status, answer.json) == (200, expected)
    assert api.ok("GET", f"{rig.path}/toxics") == [expected]
    assert api.ok("GET", f"{rig.path}/toxics/{kind}_{stream}") == expected
    assert api.ok("GET", rig.path)["toxics"] == [expected]
    assert api.ok("GET", "/proxies")[rig.name]["toxics"] == [expected]
    removed = api.call("DELETE", f"{rig.path}/toxics/{kind}_{stream}")
    assert (removed.status, removed.body) == (204, b"")
    assert api.ok("GET", f"{rig.path}/toxics") == []


@pytest.mark.parametrize("kind", DEFAULTS)
def test_attributes_are_kept_and_updated_one_by_one(rig: Rig, api: Api, kind: str) -> None:
    values = {key: 10 + index for index, key in enumerate(DEFAULTS[kind])}
    made = api.ok("POST", f"{rig.path}/toxics", {"type": kind, "name": "t", "attributes": {**values, "other": "x"}})
    assert made["attributes"] == values
    first = next(iter(values))
    for method, number in (("POST", 77), ("PATCH", 78)):
        answer = api.call(method, f"{rig.path}/toxics/t", {"attributes": {first: number}})
        assert (answer.status, answer.json["attributes"]) == (200, {**values, first: number})
    assert api.ok("GET", f"{rig.path}/toxics/t")["attributes"] == {**values, first: 78}


def test_the_default_stream_is_downstream_and_its_name_says_so(rig: Rig, api: Api) -> None:
    made = api.ok("POST", f"{rig.path}/toxics", {"type": "latency"})
    assert (made["name"], made["stream"], made["toxicity"]) == ("latency_downstream", "downstream", 1)


def test_the_stream_is_read_in_any_case(rig: Rig, api: Api) -> None:
    assert api.call("POST", f"{rig.path}/toxics", {"type": "latency", "stream": "UPSTREAM"}).status == 200


def test_toxics_are_listed_upstream_first_in_the_order_they_came(rig: Rig, api: Api) -> None:
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d2", "downstream"), ("u2", "upstream")):
        rig.add("latency", stream, name)
    assert [toxic["name"] for toxic in api.ok("GET", f"{rig.path}/toxics")] == ["u1", "u2", "d1", "d2"]
    rig.remove("u1")
    assert [toxic["name"] for toxic in api.ok("GET", f"{rig.path}/toxics")] == ["u2", "d1", "d2"]


@pytest.mark.parametrize("toxicity", [0, 0.25, 1])
def test_toxicity_is_kept_and_updated(rig: Rig, api: Api, toxicity: float) -> None:
    made = api.ok("POST", f"{rig.path}/toxics", {"type": "latency", "toxicity": toxicity})
    assert made["toxicity"] == toxicity
    assert rig.change(made["name"], toxicity=0.5)["toxicity"] == 0.5
    assert rig.change(made["name"], attributes={"latency": 3}) == {
        **made,
        "attributes": {"latency": 3, "jitter": 0},
    } | {"toxicity": 0.5}


def test_an_update_changes_neither_name_nor_type_nor_stream(rig: Rig, api: Api) -> None:
    made = api.ok("POST", f"{rig.path}/toxics", {"type": "latency", "name": "t"})
    assert rig.change("t", name="other", type="timeout", stream="upstream") == made


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_name_is_taken_on_both_streams(rig: Rig, api: Api, stream: str) -> None:
    rig.add("latency", "downstream", "t")
    answer = api.call("POST", f"{rig.path}/toxics", {"type": "timeout", "name": "t", "stream": stream})
    assert (answer.status, answer.json) == (409, error("toxic already exists", 409))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad request body: EOF"),
        (b"{", "bad request body: unexpected EOF"),
        (b"[]", "bad request body: json: cannot unmarshal array into Go value of type "),
        (b'"latency"', "bad request body: json: cannot unmarshal string into Go value of type "),
        (b'{"type": 1}', "bad request body: json: cannot unmarshal number into Go struct field "),
        (b'{"type": "latency", "attributes": []}', "bad request body: json: cannot unmarshal array into Go "),
        (
            b'{"type": "latency", "attributes": {"latency": "1"}}',
            "bad request body: json: cannot unmarshal string into Go ",
        ),
        (
            b'{"type": "latency", "attributes": {"latency": 1.5}}',
            "bad request body: json: cannot unmarshal number 1.5 ",
        ),
        (
            b'{"type": "latency", "attributes": {"latency": true}}',
            "bad request body: json: cannot unmarshal bool into Go ",
        ),
        (
            b'{"type": "latency", "toxicity": "1"}',
            "bad request body: json: cannot unmarshal string into Go struct field ",
        ),
        (b"{}", "invalid toxic type"),
        (b'{"type": "Latency"}', "invalid toxic type"),
        (b'{"type": "noop"}', "invalid toxic type"),
        (b'{"type": "latency", "stream": "sideways"}', "stream was invalid, can be either upstream or downstream"),
        (b'{"type": "latency", "stream": ""}', "stream was invalid, can be either upstream or downstream"),
        (b'{"type": "nothing", "stream": "sideways"}', "stream was invalid, can be either upstream or downstream"),
    ],
)
def test_bad_toxics_are_refused(rig: Rig, api: Api, body: bytes, message: str) -> None:
    answer = api.call("POST", f"{rig.path}/toxics", body)
    assert answer.status == 400
    assert answer.json["status"] == 400
    assert answer.json["error"].startswith(message)
    assert api.ok("GET", f"{rig.path}/toxics") == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"attributes": {"latency": "x"}}', b'{"toxicity": []}'])
def test_bad_updates_are_refused_and_change_nothing(rig: Rig, api: Api, body: bytes) -> None:
    rig.add("latency", name="t", latency=5)
    before = api.ok("GET", f"{rig.path}/toxics/t")
    answer = api.call("POST", f"{rig.path}/toxics/t", body)
    assert answer.status == 400
    assert answer.json["error"].startswith("bad request body: ")
    assert api.ok("GET", f"{rig.path}/toxics/t") == before


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", {}), ("PATCH", {}), ("DELETE", None)])
def test_an_unknown_toxic_is_not_found(rig: Rig, api: Api, method: str, body: Any) -> None:
    answer = api.call(method, f"{rig.path}/toxics/nothing", body)
    assert (answer.status, answer.json) == (404, error("toxic not found", 404))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_toxics_of_an_unknown_proxy_are_not_found(api: Api, method: str) -> None:
    answer = api.call(method, "/proxies/nobody/toxics", b"{}")
    assert (answer.status, answer.json) == (404, error("proxy not found", 404))
