"""What the checks' outcomes come to, what the servers' rows say is held, and what the command takes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from faults.grammar import BadArgument
from histories.rows import Role, Server
from lockquake.cli.conform import _nucleus
from lockquake.conform.checks import CHECKS
from lockquake.conform.outcome import Outcome, Verdict, exit_code
from lockquake.conform.sharing import DID
from lockquake.conform.truth import Truth
from nuclei.clusters.observers.majority import MAJORITY
from nuclei.locks.base import SAFE_FOR
from nuclei.registry import UnknownName


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    return Truth(tmp_path / "servers.jsonl")


def server(node: str, event: str, owner: str | None, t: int = 1, session: str | None = None) -> Server:
    return Server(t=t, node=node, event=event, key="k", owner=owner, session=session)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass", "not applicable"], 0),
        (["pass", "unknown"], 2),
        (["unknown", "fail"], 1),
        (["not applicable"], 4),
        ([], 4),
    ],
)
def test_the_worst_decides_the_exit_code(verdicts: list[Verdict], code: int) -> None:
    assert exit_code([Outcome(check="c", verdict=verdict, sentence="") for verdict in verdicts]) == code


def test_every_check_has_a_name_and_says_what_it_is() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.run.__doc__ for check in CHECKS)
    assert set(DID) == set(SAFE_FOR) <= {check.name for check in CHECKS}


def test_what_is_held_follows_the_rows(truth: Truth) -> None:
    with truth:
        assert not truth.taken(0.0)
        truth.write(server("redis-1", "began", "a"))
        assert truth.owners() == ["a"]
        truth.write(server("redis-1", "ended", "a", 7))
        assert truth.free(0.0)
        assert truth.first_end_since(8) is None
        end = truth.first_end_since(7)
        assert end is not None
        assert end.t == 7
        assert not truth.names_only


def test_a_majority_is_what_counts(truth: Truth) -> None:
    with truth:
        truth.write(Role(t=1, node=MAJORITY, role="primary"))
        truth.write(server("redis-1", "began", "a"))
        assert not truth.held
        truth.write(server(MAJORITY, "began", "a"))
        assert truth.owners() == ["a"]


def test_nodes_of_sessions_show_names_only(truth: Truth) -> None:
    with truth:
        truth.write(server("zk-1", "began", "c1-1", session="0x1"))
        assert truth.names_only
        assert truth.held


def test_a_waiter_is_woken_by_a_row(truth: Truth) -> None:
    with truth:
        writer = threading.Thread(target=truth.write, args=(server("redis-1", "began", "a"),))
        writer.start()
        assert truth.taken(5.0)
        writer.join()


@pytest.mark.parametrize(
    ("typed", "nucleus"),
    [
        ("redis-py", "redis-py@redis-single"),
        ("redlock", "redlock@redis-masters"),
        ("etcd", "etcd@etcd"),
        ("redis-py@redis-sentinel", "redis-py@redis-sentinel"),
        (f"{Path(__file__).with_name('in_process.py')}:Shared", "in_process.py:Shared@redis-single"),
    ],
)
def test_the_cluster_may_be_left_out(typed: str, nucleus: str) -> None:
    assert _nucleus(typed).endswith(nucleus)


def test_unknown_names_are_said() -> None:
    with pytest.raises(UnknownName, match="redis-singel"):
        _nucleus("redis-py@redis-singel")
    with pytest.raises((UnknownName, BadArgument), match="redis-pi"):
        _nucleus("redis-pi")
