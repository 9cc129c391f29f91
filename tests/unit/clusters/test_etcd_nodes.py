"""How etcd servers are started, and what is read from what they say."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, cast

import pytest

from nuclei.clusters.console import NoAnswer
from nuclei.clusters.etcd_server import EtcdServer, Item, Status, etcd_node
from nuclei.platforms.base import Place, Platform

NODE = etcd_node(2, (1, 2, 3), heartbeat=0.1, election=1.0, options="--max-txn-ops=9")
HOSTS = {f"etcd-{number}": f"etcd-{number}" for number in (1, 2, 3)}


def server(*lines: str) -> EtcdServer:
    """One that answers with these lines, whatever it is asked."""

    class Says:
        run = "7"

        def ask(self, request: str, timeout: float) -> list[str]:
            return list(lines)

    made = EtcdServer(cast(Platform, None), NODE)
    made._loop = Says()  # type: ignore[assignment]
    return made


def said(**body: Any) -> EtcdServer:
    return server("HTTP/1.0 200 OK", "Content-Type: application/json", "", json.dumps(body))


def test_members_call_each_other_by_name_and_listen_on_an_address() -> None:
    command = Place("/h", "127.0.0.9", "127.0.0.9", hosts=HOSTS, vias={}).settle(NODE).command
    assert "--initial-cluster=etcd-1=http://etcd-1:2471,etcd-2=http://etcd-2:2472,etcd-3=http://etcd-3:2473" in command
    assert "--listen-peer-urls=http://127.0.0.9:2472" in command
    assert "--election-timeout=1000" in command
    assert command[-1] == "--max-txn-ops=9"


@pytest.mark.parametrize(("leader", "role"), [("5", "leader"), ("6", "follower"), ("0", "looking"), (None, "looking")])
def test_roles_by_its_own_word(leader: str | None, role: str) -> None:
    body = {"header": {"member_id": "5"}, "raftTerm": "3", "version": "3.4.23"}
    assert said(**body, **({"leader": leader} if leader else {})).status() == Status(role, 3, "3.4.23")


def test_keys_and_leases() -> None:
    coded = {"key": b64encode(b"k/1f").decode(), "value": b64encode(b"own").decode()}
    assert said(kvs=[coded | {"lease": "31", "create_revision": "4"}]).items("k/") == [Item("k/1f", "own", 31, 4)]
    assert said().items("k/") == []
    assert said(leases=[{"ID": "31"}]).leases() == [31]


def test_errors_and_silence_are_no_answers() -> None:
    for lines in ((), ("HTTP/1.0 503 Service Unavailable", "", '{"error": "x"}'), ("HTTP/1.0 200 OK", "", '{"broken')):
        with pytest.raises(NoAnswer, match="etcd-2"):
            server(*lines).status()
