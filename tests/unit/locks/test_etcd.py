"""``etcd`` on a server of a hundred lines: the order of contenders, how calls end, what a holder hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from etcd_stage import TinyEtcd, context

from nuclei.locks.base import Attempt, Indeterminate, Refused
from nuclei.locks.etcd import EtcdMutex, spec
from nuclei.locks.etcd_gateway import EtcdGateway, after
from nuclei.locks.etcd_lease import whole_seconds

FIRST, SECOND = Attempt("a1", "owner-1"), Attempt("a2", "owner-2")


@pytest.fixture
def server() -> Iterator[TinyEtcd]:
    with TinyEtcd() as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        made.shutdown()


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_oldest_key_holds_and_its_revision_is_the_fencing_token(server: TinyEtcd) -> None:
    with closing(EtcdMutex(context(server))) as one, closing(EtcdMutex(context(server))) as two:
        grant = one.try_acquire(FIRST)
        assert (grant.owner, grant.fence) == ("owner-1", 2)
        assert server.keys == {"k/64": ("owner-1", 100, 2)}
        with pytest.raises(Refused, match="busy"):
            two.try_acquire(SECOND)
        assert list(server.keys) == ["k/64"], "who is refused leaves no key"
        one.release()
        assert two.try_acquire(SECOND).fence == 4


def test_its_holder_is_not_let_in_again(server: TinyEtcd) -> None:
    with closing(EtcdMutex(context(server))) as one:
        one.try_acquire(FIRST)
        with pytest.raises(Refused, match="this very lease"):
            one.try_acquire(SECOND)
        one.release()
        assert one.try_acquire(SECOND).owner == "owner-2"


def test_a_waiter_is_woken_when_the_one_before_it_goes(server: TinyEtcd) -> None:
    woken: list[str] = []
    with closing(EtcdMutex(context(server))) as one, closing(EtcdMutex(context(server, woken=woken.append))) as two:
        one.try_acquire(FIRST)
        waiting = threading.Thread(target=two.acquire, args=(SECOND, 5.0))
        waiting.start()
        wait_for(lambda: "/v3/watch" in server.asked)
        one.release()
        waiting.join()
        assert [value for value, _, _ in server.keys.values()] == ["owner-2"]
        assert len(woken) == 1


def test_a_waiter_whose_lease_has_ended_is_refused(server: TinyEtcd) -> None:
    with closing(EtcdMutex(context(server))) as one:
        server.put("k/1", "somebody")
        failed: list[Exception] = []

        def wait() -> None:
            try:
                one.acquire(FIRST, 5.0)
            except Refused as refusal:
                failed.append(refusal)

        waiting = threading.Thread(target=wait)
        waiting.start()
        wait_for(lambda: "/v3/watch" in server.asked)
        server.end_lease(100)
        with server.changed:
            del server.keys["k/1"]
            server.changed.notify_all()
        waiting.join()
        assert "lease" in str(failed[0])


def test_a_holder_hears_that_its_lease_has_ended(server: TinyEtcd) -> None:
    told: list[str] = []
    with closing(EtcdMutex(context(server, told=told.append))) as one:
        one.try_acquire(FIRST)
        server.end_lease(100)
        wait_for(lambda: told)
        with pytest.raises(Refused, match="not held"):
            one.release()
        assert one.try_acquire(SECOND).owner == "owner-2", "the next attempt has a new lease"


def test_a_holder_that_nobody_answers_leaves_after_a_ttl_by_its_own_clock(server: TinyEtcd) -> None:
    told: list[float] = []
    with closing(EtcdMutex(context(server, told=lambda how: told.append(time.monotonic()), op_timeout=0.2))) as one:
        one.try_acquire(FIRST)
        server.mute.add("/v3/lease/keepalive")
        granted = time.monotonic()
        wait_for(lambda: told)
        assert told[0] - granted < 2.0 + 2 / 3 + 0.5


def test_a_lost_answer_leaves_doubt_and_the_release_finds_the_key(server: TinyEtcd) -> None:
    with closing(EtcdMutex(context(server))) as one:
        one.connect()
        server.mute.add("/v3/kv/txn")
        with pytest.raises(Indeterminate, match="/v3/kv/txn was sent"):
            one.try_acquire(FIRST)
        assert len(server.keys) == 1
        one.release()
        assert server.keys == {}


def test_what_was_not_executed_is_refused_and_what_may_have_been_is_not(server: TinyEtcd) -> None:
    gateway = EtcdGateway([server.endpoint], 0.5)
    server.refusing["/v3/kv/range"] = "etcdserver: no leader"
    with closing(gateway), pytest.raises(Refused, match="no leader"):
        gateway.ask("/v3/kv/range", {})
    server.refusing["/v3/kv/range"] = "etcdserver: request timed out"
    with closing(gateway), pytest.raises(Indeterminate, match="timed out"):
        gateway.ask("/v3/kv/range", {})


def test_a_server_that_is_not_there_is_passed_over(server: TinyEtcd) -> None:
    with TinyEtcd() as gone:
        nowhere = gone.endpoint
    gateway = EtcdGateway([nowhere, server.endpoint], 0.5)
    with closing(gateway):
        assert gateway.ask("/v3/lease/grant", {"TTL": "2"})["ID"] == "100"
    with pytest.raises(Refused, match="no etcd server can be reached"):
        EtcdGateway([nowhere], 0.5).ask("/v3/kv/range", {})


def test_times_and_ranges() -> None:
    assert [whole_seconds({"ttl": ttl}) for ttl in (0.5, 2.0, 2.1)] == [2, 2, 3]
    assert spec({"ttl": 3.0}).session_ns == 3_000_000_000
    assert spec({}).fenced
    assert after("k/") == "k0"
