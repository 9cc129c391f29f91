"""zookeeper: readiness, elections, reset, and what the observer says of sessions and children."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cluster_stage import KEY, Stage, Watched, until

SERVERS = ["zk-1", "zk-2", "zk-3"]


@pytest.fixture
def session(ensemble: Stage) -> Iterator[Any]:
    """Opens sessions as clients do, through a site's links; closes them at the end."""
    from kazoo.client import KazooClient

    quiet = logging.getLogger("test.kazoo")
    quiet.setLevel(logging.CRITICAL)
    with ExitStack() as stack:

        def close(client: KazooClient) -> None:
            client.stop()
            client.close()

        def open_one(servers: list[str] = SERVERS, timeout: float = 4.0) -> KazooClient:
            places = [ensemble.platform.endpoint("c1", name) for name in servers]
            hosts = ",".join(f"{place.host}:{place.port}" for place in places)
            client = KazooClient(hosts=hosts, timeout=timeout, logger=quiet)
            stack.callback(close, client)
            client.start(timeout=10)
            return client

        yield open_one


def contend(client: Any, attempt: str) -> str:
    return str(client.create(f"/{KEY}/{attempt}-", b"", ephemeral=True, sequence=True, makepath=True))


def led(stage: Stage, *, but: str) -> str:
    return until(lambda: leader if (leader := stage.cluster.primary()) not in {None, but} else None, 30.0)


def test_ready_means_one_leader_and_two_followers(ensemble: Stage) -> None:
    assert "2 followers are in sync" in ensemble.cluster.ready()
    roles = ensemble.cluster.roles()
    assert roles.pop("ledger") == "standalone"
    assert sorted(roles.values()) == ["follower", "follower", "leader"]
    assert roles[ensemble.cluster.primary() or ""] == "leader"
    assert ensemble.cluster.versions()["zookeeper"].startswith("3.")
    told = ensemble.cluster.surroundings("c1", {})
    assert told.nodes == {"zookeeper": SERVERS, "ledger": ["ledger"]}


def test_probes_follow_the_links(ensemble: Stage) -> None:
    assert ensemble.cluster.ping("c1", "zk-2", timeout=1.0)
    assert ensemble.cluster.peer_ping("zk-1", "zk-2", timeout=1.0)
    ensemble.platform.links.cut(["c1>zk-2", *ensemble.platform.links.names("zk-1", "zk-2")])
    assert not ensemble.cluster.ping("c1", "zk-2")
    assert not ensemble.cluster.peer_ping("zk-1", "zk-2")
    assert ensemble.cluster.peer_ping("zk-2", "zk-1", timeout=1.0)


def test_an_isolated_leader_is_replaced_and_comes_back_as_a_follower(ensemble: Stage, tmp_path: Path) -> None:
    old = ensemble.cluster.primary() or ""
    with Watched(ensemble, tmp_path) as watched:
        ensemble.platform.links.cut(ensemble.around(old))
        new = led(ensemble, but=old)
        until(lambda: watched.role(node=new, role="leader"))
        until(lambda: watched.role(node=old, role="looking", was="leader"))
        ensemble.platform.links.restore_all()
        until(lambda: watched.role(node=old, role="follower", was="looking"), 30.0)


def test_a_killed_leader_is_replaced_and_a_reset_brings_it_back(ensemble: Stage, tmp_path: Path) -> None:
    old = ensemble.cluster.primary() or ""
    with Watched(ensemble, tmp_path) as watched:
        ensemble.platform.kill(old)
        led(ensemble, but=old)
        until(lambda: watched.role(node=old, role="down"))
    assert old in ensemble.cluster.reset(KEY)
    assert sorted(ensemble.cluster.roles().values()) == ["follower", "follower", "leader", "standalone"]


def test_the_observer_sees_children_come_and_go_and_why(ensemble: Stage, session: Any, tmp_path: Path) -> None:
    one, two = session(), session()
    with Watched(ensemble, tmp_path) as watched:
        first = contend(one, "a1")
        second = contend(two, "b7")
        until(lambda: len(watched.server(event="began", key=first)) == 3)
        until(lambda: len(watched.server(event="began", key=second)) == 3)
        two.delete(second)
        until(lambda: len(watched.server(event="ended", key=second, reason="deleted")) == 3)
        one.stop()
        until(lambda: len(watched.server(event="ended", key=first, reason="session-end")) == 3)
    began = watched.server(event="began", key=first)
    assert {row.node for row in began} == set(SERVERS)
    assert {row.owner for row in began} == {"a1"}
    assert {row.session for row in began} == {hex(one.client_id[0])} if one.client_id else True
    assert len({row.session for row in watched.server(event="began")}) == 2


def test_the_observer_sees_a_session_expire_when_its_client_is_cut_off(
    ensemble: Stage, session: Any, tmp_path: Path
) -> None:
    client = session(timeout=2.0)
    with Watched(ensemble, tmp_path) as watched:
        path = contend(client, "gone")
        began = until(lambda: watched.server(event="began", key=path))[0]
        ensemble.platform.links.cut([f"c1>{name}" for name in SERVERS])
        ended = until(lambda: watched.server(event="ended", key=path, reason="session-end"), 20.0)[0]
        assert ended.session == began.session
        assert ended.t - began.t > 1_000_000_000
    ensemble.platform.links.restore_all()


def test_the_observer_says_when_a_server_was_frozen(ensemble: Stage, session: Any, tmp_path: Path) -> None:
    follower = next(name for name, role in ensemble.cluster.roles().items() if role == "follower")
    client = session([name for name in SERVERS if name != follower])
    with Watched(ensemble, tmp_path) as watched:
        contend(client, "a1")
        until(lambda: watched.server(node=follower, event="began"))
        ensemble.platform.pause(follower)
        until(lambda: watched.server(node=follower, event="blind"))
        ensemble.platform.resume(follower)
        until(lambda: watched.server(node=follower, event="seeing"))
        assert not watched.server(node=follower, event="ended")


def test_reset_removes_the_locks_nodes_everywhere(ensemble: Stage, session: Any, tmp_path: Path) -> None:
    client = session()
    paths = [contend(client, "a1"), contend(client, "a2")]
    assert "3 nodes of the lock removed" in ensemble.cluster.reset(KEY)
    assert not [path for path in paths if client.exists(path)]
    with Watched(ensemble, tmp_path) as watched:
        assert not watched.server(event="began")
    assert "0 nodes of the lock removed" in ensemble.cluster.reset(KEY)
