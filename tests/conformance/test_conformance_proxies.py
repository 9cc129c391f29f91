"""Proxies over raw HTTP: create, show, list, change, delete, populate, reset, and every error of theirs."""

from __future__ import annotations

import socket

import pytest
from toxiproxy_wire import Api, Rig, Upstream, ending, receive, until


def error(message: str, status: int) -> dict[str, object]:
    return {"error": message, "status": status}


def test_version_is_json(api: Api) -> None:
    answer = api.call("GET", "/version")
    assert answer.status == 200
    assert answer.json["version"].startswith("2.")
    assert answer.headers["content-type"] == "application/json;charset=utf-8"


def test_create_answers_201_with_the_address_it_listens_on(rig: Rig, api: Api) -> None:
    shown = api.call("GET", rig.path)
    assert shown.status == 200
    assert shown.headers["content-type"] == "application/json"
    assert shown.json == {
        "name": rig.name,
        "listen": rig.listen,
        "upstream": rig.upstream.address,
        "enabled": True,
        "toxics": [],
    }
    assert not rig.listen.endswith(":0")
    assert api.ok("GET", "/proxies")[rig.name] == shown.json
    rig.proven()


def test_create_disabled(api: Api, name: str) -> None:
    made = api.call("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": "u:1", "enabled": False})
    assert made.status == 201
    assert made.json == {"name": name, "listen": "127.0.0.1:0", "upstream": "u:1", "enabled": False, "toxics": []}
    assert api.call("DELETE", f"/proxies/{name}").status == 204


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad request body: EOF"),
        (b"{", "bad request body: unexpected EOF"),
        (b"}", "bad request body: invalid character '}' looking for beginning of value"),
        (b'{"name": 1}', "bad request body: json: cannot unmarshal number into Go struct field "),
        (b"[]", "bad request body: json: cannot unmarshal array into Go value of type "),
        (b"{}", "missing required field: name"),
        (b'{"name": ""}', "missing required field: name"),
        (b'{"name": "a"}', "missing required field: upstream"),
        (b'{"name": null, "upstream": "u:1"}', "missing required field: name"),
    ],
)
def test_create_refuses_bad_bodies(api: Api, body: bytes, message: str) -> None:
    answer = api.call("POST", "/proxies", body)
    assert answer.status == 400
    assert answer.json["status"] == 400
    assert answer.json["error"].startswith(message)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_create_twice_is_a_conflict(rig: Rig, api: Api) -> None:
    answer = api.call("POST", "/proxies", {"name": rig.name, "listen": "127.0.0.1:0", "upstream": "u:1"})
    assert (answer.status, answer.json) == (409, error("proxy already exists", 409))


def test_unknown_fields_case_and_trailing_bytes_do_not_matter(api: Api, name: str) -> None:
    body = b'{"NAME": "%s", "Listen": "127.0.0.1:0", "upstream": "u:1", "colour": [1, {"a": null}]} trailing'
    assert api.call("POST", "/proxies", body % name.encode()).status == 201
    assert api.call("DELETE", f"/proxies/{name}").status == 204


def test_an_address_in_use_gives_500_and_no_proxy(api: Api, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = api.call("POST", "/proxies", {"name": name, "listen": address, "upstream": "u:1"})
        assert answer.status == 500
        assert answer.json == error(f"listen tcp {address}: bind: address already in use", 500)
        assert api.call("GET", f"/proxies/{name}").status == 404
    # The address is free now, and the server still serves.
    assert api.call("POST", "/proxies", {"name": name, "listen": address, "upstream": "u:1"}).status == 201
    assert api.call("DELETE", f"/proxies/{name}").status == 204


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("192.0.2.1:80", "listen tcp 192.0.2.1:80: bind: cannot assign requested address"),
        ("nonsense", "listen tcp: address nonsense: missing port in address"),
        ("127.0.0.1:99999", "listen tcp: address 99999: invalid port"),
    ],
)
def test_an_address_that_is_not_ours_gives_500(api: Api, name: str, listen: str, message: str) -> None:
    answer = api.call("POST", "/proxies", {"name": name, "listen": listen, "upstream": "u:1"})
    assert (answer.status, answer.json) == (500, error(message, 500))


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_an_unknown_proxy_is_not_found(api: Api, method: str) -> None:
    answer = api.call(method, "/proxies/nobody", b"{}")
    assert (answer.status, answer.json) == (404, error("proxy not found", 404))


def test_delete_frees_the_address_and_closes_connections(rig: Rig, api: Api) -> None:
    client, server = rig.proven()
    answer = api.call("DELETE", rig.path)
    assert (answer.status, answer.body) == (204, b"")
    assert ending(client) == ending(server) == "fin"
    with pytest.raises(ConnectionRefusedError):
        rig.dial()
    assert api.call("DELETE", rig.path).status == 404


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_disable_closes_everything_and_enable_comes_back_on_the_same_port(rig: Rig, api: Api, method: str) -> None:
    client, server = rig.proven()
    answer = api.call(method, rig.path, {"enabled": False})
    assert answer.status == 200
    assert answer.json == {
        "name": rig.name,
        "listen": rig.listen,
        "upstream": rig.upstream.address,
        "enabled": False,
        "toxics": [],
    }
    assert ending(client) == ending(server) == "fin"
    with pytest.raises(ConnectionRefusedError):
        rig.dial()
    assert api.call(method, rig.path, {"enabled": False}).status == 200
    assert api.call(method, rig.path, {"enabled": True}).json["listen"] == rig.listen
    assert api.call(method, rig.path, {}).json["enabled"] is True
    rig.proven()


def test_toxics_outlive_disable(rig: Rig, api: Api) -> None:
    rig.add("limit_data", bytes=1)
    for enabled in (False, True):
        assert len(api.ok("POST", rig.path, {"enabled": enabled})["toxics"]) == 1
    client, server = rig.connect()
    server.sendall(b"abc")
    assert receive(client, 3) == b"a"


def test_another_upstream_closes_old_connections(rig: Rig, api: Api) -> None:
    client, server = rig.proven()
    other = Upstream()
    answer = api.ok("POST", rig.path, {"upstream": other.address})
    assert answer["upstream"] == other.address
    assert answer["enabled"] is True
    assert ending(client) == ending(server) == "fin"
    client = rig.dial()
    with other.accept() as server:
        client.sendall(b"x")
        assert receive(server, 1) == b"x"
    other.close()


def test_the_same_addresses_keep_connections(rig: Rig, api: Api) -> None:
    client, server = rig.proven()
    port = rig.listen.rsplit(":", 1)[1]
    api.ok("POST", rig.path, {"listen": f"localhost:{port}", "upstream": rig.upstream.address})
    client.sendall(b"x")
    assert receive(server, 1) == b"x"


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"enabled": "no"}', b'{"listen": 5}'])
def test_change_refuses_bad_bodies(rig: Rig, api: Api, body: bytes) -> None:
    answer = api.call("POST", rig.path, body)
    assert answer.status == 400
    assert answer.json["error"].startswith("bad request body: ")
    assert api.ok("GET", rig.path)["enabled"] is True


def test_populate_creates_keeps_and_replaces(rig: Rig, api: Api, name: str) -> None:
    client, server = rig.proven()
    rig.add("latency", latency=1)
    body = [
        {"name": rig.name, "listen": rig.listen, "upstream": rig.upstream.address},
        {"name": f"{name}.2", "listen": "127.0.0.1:0", "upstream": "u:1"},
        {"name": f"{name}.3", "listen": "127.0.0.1:0", "upstream": "u:1", "enabled": False},
    ]
    answer = api.call("POST", "/populate", body)
    assert answer.status == 201
    made = answer.json["proxies"]
    assert [proxy["name"] for proxy in made] == [rig.name, f"{name}.2", f"{name}.3"]
    assert [proxy["enabled"] for proxy in made] == [True, True, False]
    client.sendall(b"x")  # the first is the same as before: its connections live on
    assert receive(server, 1) == b"x"

    other = [{"name": f"{name}.2", "listen": made[1]["listen"], "upstream": "other:1"}]
    replaced = api.ok("POST", "/populate", other)["proxies"]
    assert replaced == [{**made[1], "upstream": "other:1"}]
    for number in (2, 3):
        api.ok("DELETE", f"/proxies/{name}.{number}")


def test_populate_with_nothing(api: Api) -> None:
    answer = api.call("POST", "/populate", [])
    assert (answer.status, answer.json) == (201, {"proxies": None})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad request body: EOF"),
        (b"[", "bad request body: unexpected EOF"),
        (b'{"name": "a"}', "bad request body: json: cannot unmarshal object into Go value of type "),
        (
            b'[{"name": "populate-a", "upstream": "u:1", "listen": "127.0.0.1:0"}, {}]',
            "missing required field: name at ",
        ),
        (b'[{"name": "populate-a"}]', "missing required field: upstream at proxy 1"),
    ],
)
def test_populate_checks_before_it_changes(api: Api, body: bytes, message: str) -> None:
    answer = api.call("POST", "/populate", body)
    assert answer.status == 400
    assert answer.json["error"].startswith(message)
    assert answer.json["proxies"] is None
    assert "populate-a" not in api.ok("GET", "/proxies")


def test_populate_stops_at_an_address_in_use(rig: Rig, api: Api, name: str) -> None:
    body = [
        {"name": f"{name}.1", "listen": "127.0.0.1:0", "upstream": "u:1"},
        {"name": f"{name}.2", "listen": rig.listen, "upstream": "u:1"},
    ]
    answer = api.call("POST", "/populate", body)
    assert answer.status == 500
    assert answer.json["error"] == f"listen tcp {rig.listen}: bind: address already in use"
    assert f"{name}.2" not in api.ok("GET", "/proxies")
    api.call("DELETE", f"/proxies/{name}.1")


def test_reset_enables_and_removes_toxics(rig: Rig, api: Api) -> None:
    rig.add("latency", latency=1)
    rig.add("slow_close", "upstream", delay=1)
    api.ok("POST", rig.path, {"enabled": False})
    answer = api.call("POST", "/reset")
    assert (answer.status, answer.body) == (204, b"")
    shown = api.ok("GET", rig.path)
    assert shown["enabled"] is True
    assert shown["toxics"] == []
    rig.proven()


def test_a_dead_upstream_is_accept_then_eof(rig: Rig) -> None:
    rig.upstream.close()
    assert ending(rig.dial()) == "fin"
    assert ending(rig.dial()) == "fin"


def test_metrics_count_bytes_where_they_are_served(rig: Rig, api: Api) -> None:
    answer = api.call("GET", "/metrics")
    if answer.status == 404:
        pytest.skip("the server was started without -proxy-metrics")
    client, server = rig.proven()
    client.sendall(b"1234")
    assert receive(server, 4) == b"1234"
    client.close()
    assert ending(server) == "fin"
    sample = (
        f'toxiproxy_proxy_received_bytes_total{{direction="upstream",listener="{rig.listen}",'
        f'proxy="{rig.name}",upstream="{rig.upstream.address}"}} 5'
    )
    until(lambda: sample in api.call("GET", "/metrics").body.decode(), sample)
