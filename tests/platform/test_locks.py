"""Our own locks and the ledger on real servers: exclusion without faults, cuts in the middle of a call, and the
ledger's decisions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from lock_stage import KEY, Place, do

from histories.rows import AnyRow, Return
from nuclei.clients.protocol import Done, Run
from nuclei.ledger import log
from nuclei.ledger.client import LedgerClient
from nuclei.locks.base import Refused
from nuclei.locks.loading import load

if TYPE_CHECKING:
    import redis

    from lockquake.rig import Rig


@pytest.fixture(scope="module")
def rigs(platform_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Rig]]:
    """Clusters by name, each started once."""
    from lockquake.plan import build
    from lockquake.rig import Rig
    from lockquake.support import require_supported
    from nuclei.platforms.base import Unsupported

    started: dict[str, Rig] = {}

    def rig(cluster: str) -> Rig:
        if cluster not in started:
            plan = build(f"local@{cluster}", clients=3, platform=platform_name)
            try:
                require_supported(plan)
            except Unsupported as error:
                pytest.skip(str(error))
            started[cluster] = Rig(plan, tmp_path_factory.mktemp(cluster), lambda text: None)
        return started[cluster]

    yield rig
    for each in started.values():
        each.stop()


@pytest.fixture
def place(rigs: Callable[[str], Rig], tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    made: list[Place] = []

    def at(cluster: str) -> Place:
        rig = rigs(cluster)
        rig.cluster.reset(KEY)
        made.append(Place(rig, tmp_path))
        return made[-1]

    yield at
    for each in made:
        each.stack.close()
        each.rig.platform.links.restore_all()


def overlaps(rows: list[AnyRow]) -> int:
    """How often a grant came while another client was between its grant and its release's call."""
    inside: set[str] = set()
    met = 0
    for row in sorted(rows, key=lambda row: row.t):
        kind = row.__struct_config__.tag
        if kind == "return" and row.op in {"acquire", "try"} and row.outcome == "ok":  # type: ignore[union-attr]
            met += bool(inside)
            inside.add(row.client)  # type: ignore[union-attr]
        elif kind == "call" and row.op == "release":  # type: ignore[union-attr]
            inside.discard(row.client)  # type: ignore[union-attr]
    return met


def contend(place: Place, lock: str, **settings: Any) -> tuple[int, int, int]:
    """Three clients contend; how many writes were accepted, the counter in the end, and how often two were inside."""
    desk = place.redis()
    log.reset(desk, checked=load(lock).spec({}).fenced)
    clients = place.clients(lock, **settings)
    for client in clients:
        client.send(Run(workload="contend", params={"rounds": 12, "hold": 0.01, "think": 0.005, "limit": 10.0}))
    figures = [client.expect(Done, 30).figures for client in clients]
    assert all(client.end().how == "quit" for client in clients)
    assert sum(figure.get("release ok", 0) for figure in figures) > 20
    accepted = [decision for decision in log.decisions(desk) if decision.accepted]
    return len(accepted), log.value_now(desk), overlaps([row for n in (1, 2, 3) for row in place.rows(f"c{n}")])


@pytest.mark.parametrize(
    ("lock", "cluster"),
    [
        ("redis-setnx", "redis-single"),
        ("redis-set-nx-ex-del", "redis-single"),
        ("redis-set-nx-px", "redis-single"),
        ("redis-setnx", "redis-sentinel"),
        ("redis-set-nx-px", "redis-sentinel"),
        ("zk-sequential", "zookeeper"),
    ],
)
def test_without_faults_nobody_meets_and_nothing_is_lost(
    place: Callable[[str], Place], lock: str, cluster: str
) -> None:
    accepted, counter, met = contend(place(cluster), lock)
    assert met == 0
    assert counter == accepted > 20


def test_the_local_mutex_lets_others_in_and_loses_updates(place: Callable[[str], Place]) -> None:
    accepted, counter, met = contend(place("redis-single"), "local")
    assert met > 0
    assert counter < accepted


def test_a_lock_taken_behind_a_cut_is_unknown_and_a_fresh_client_goes_on(place: Callable[[str], Place]) -> None:
    here = place("redis-single")
    client = here.client("c1", "redis-set-nx-px")
    client.ready()
    assert do(client, "acquire").outcome == "ok"
    assert do(client, "release").outcome == "ok"
    links = here.rig.platform.links
    links.cut(["c1>redis-1"], "black-hole")
    lost = do(client, "acquire", limit=0.2)
    assert (lost.outcome, lost.client) == ("info", "c1")
    refused = do(client, "acquire", limit=0.2)
    assert (refused.outcome, refused.client) == ("fail", "c1.2")
    assert refused.error is not None
    assert "nothing was asked" in refused.error
    links.restore(["c1>redis-1"])
    assert do(client, "acquire", limit=5.0).outcome == "ok"


def test_a_lost_reply_of_setnx_locks_its_own_client_out(place: Callable[[str], Place]) -> None:
    here = place("redis-single")
    client = here.client("c1", "redis-setnx")
    client.ready()
    assert do(client, "read").outcome == "ok"
    links = here.rig.platform.links
    links.cut(["c1>redis-1"], "black-hole", "replies")
    assert do(client, "try").outcome == "info"
    assert do(client, "release").outcome == "fail"
    links.restore(["c1>redis-1"])
    deadline = time.monotonic() + 5
    while "busy" not in (said := do(client, "try").error or ""):
        assert time.monotonic() < deadline, said


def test_clients_follow_a_failover(place: Callable[[str], Place]) -> None:
    here = place("redis-sentinel")
    clients = here.clients("redis-set-nx-px")
    assert do(clients[0], "try").outcome == "ok"
    assert do(clients[0], "release").outcome == "ok"
    primary = here.rig.cluster.primary()
    assert primary is not None
    here.rig.platform.kill(primary)
    try:
        deadline = time.monotonic() + 20
        while (said := do(clients[0], "acquire", limit=2.0)).outcome != "ok":
            assert time.monotonic() < deadline, said
        # The client followed the sentinel that led the failover; the others hear of it a moment later.
        while (now := here.rig.cluster.primary()) in {None, primary}:
            assert time.monotonic() < deadline, now
            time.sleep(0.05)
        # That may have taken longer than the lease.
        do(clients[0], "release")
        while "busy" not in str(do(clients[1], "try").error):
            assert time.monotonic() < deadline
            do(clients[1], "release")
            do(clients[0], "acquire", limit=2.0)
    finally:
        here.rig.platform.start_node(primary)


def test_zookeeper_tells_a_client_that_is_cut_off_before_its_session_can_end(place: Callable[[str], Place]) -> None:
    here = place("zookeeper")
    first, second = here.client("c1", "zk-sequential"), here.client("c2", "zk-sequential")
    first.ready()
    second.ready()
    granted = do(first, "acquire")
    links = here.rig.platform.links
    cut = time.monotonic_ns()
    links.cut([name for name in links.names(source="c1") if not name.endswith(">ledger")], "black-hole")
    after = do(second, "acquire", limit=15.0, timeout=20.0)
    assert after.outcome == "ok"
    assert after.fence is not None
    assert granted.fence is not None
    assert after.fence > granted.fence
    told = [row for row in here.rows("c1") if row.__struct_config__.tag == "told"]
    assert [row.how for row in told] == ["SUSPENDED"]  # type: ignore[union-attr]
    entered = [row.t for row in here.rows("c2") if isinstance(row, Return) and row.outcome == "ok"]
    assert cut < told[0].t < entered[0]
    assert do(first, "release").outcome == "info"


@pytest.fixture
def ledger(place: Callable[[str], Place]) -> Iterator[tuple[LedgerClient, redis.Redis]]:
    here = place("redis-single")
    client = LedgerClient(here.ledger_endpoint, 1.0)
    yield client, here.redis()
    client.close()


BIG = 0x7FFF_FFFF_0000_0001


def test_an_unchecked_ledger_takes_everything_and_logs_it(ledger: tuple[LedgerClient, redis.Redis]) -> None:
    client, desk = ledger
    before = time.time_ns() // 1000
    log.reset(desk, checked=False)
    client.write(5, 9, "a-1", "a", KEY)
    client.write({"text": 'quo"te\n\u20ac'}, 3, "b-1", "b", 'an"other')
    client.write([1.5, None], None, "c-1", "c", KEY)
    assert client.read() == [1.5, None]
    first, second, third = log.decisions(desk)
    assert [d.seq for d in (first, second, third)] == [1, 2, 3]
    assert before <= first.at <= second.at <= third.at <= time.time_ns() // 1000
    assert (second.value, second.lock, second.fence) == ({"text": 'quo"te\n\u20ac'}, 'an"other', 3)
    assert (third.fence, third.accepted, third.reason) == (None, True, None)
    row = first.row(1000)
    assert (row.t, row.client, row.attempt, row.value) == (first.at * 1000 + 1000, "a", "a-1", 5)
    assert msgspec.json.decode(msgspec.json.encode(row))["row"] == "ledger"


def test_a_checked_ledger_rejects_what_is_stale(ledger: tuple[LedgerClient, redis.Redis]) -> None:
    client, desk = ledger
    log.reset(desk, checked=True, value="first")
    assert client.read() == "first"
    client.write(1, BIG, "a-1", "a", KEY)
    client.write(2, BIG, "a-1", "a", KEY)
    for fence, attempt, reason in (
        (BIG - 1, "b-1", f"older than fencing token {BIG}"),
        (9, "b-1", f"older than fencing token {BIG}"),
        (BIG, "b-1", f"fencing token {BIG} belongs to another attempt"),
        (None, "b-1", "no fencing token"),
    ):
        with pytest.raises(Refused, match=f"rejected by the ledger: {reason}"):
            client.write(99, fence, attempt, "b", KEY)
    assert client.read() == 2
    client.write(3, BIG + 1, "b-1", "b", KEY)
    assert client.read() == 3
    assert [decision.accepted for decision in log.decisions(desk)] == [True, True, False, False, False, False, True]
    assert [decision.fence for decision in log.decisions(desk)][-1] == BIG + 1
    log.reset(desk, checked=True)
    assert log.decisions(desk) == []
    client.write(1, 1, "c-1", "c", KEY)
