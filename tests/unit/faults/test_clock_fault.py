"""The fault ``clock`` on a fake cluster: what is asked of the platform, what counts as proof, what heals."""

from __future__ import annotations

from typing import Any, cast

import pytest

from faults.arena import Arena
from faults.clock import Clock, jump
from faults.families import family
from faults.grammar import BadArgument
from faults.schedule import read_fault
from lockquake.plan import build
from lockquake.support import require_supported
from nuclei.clusters.clocks import Ahead, compare
from nuclei.platforms.base import HarnessError, Unsupported

NOW = 0.0005
"""Half the seconds that a question takes."""


class FakeCluster:
    """A server ``n`` with a clock, and the platform that moves it. ``deaf``: moving it changes nothing."""

    name = "fake"

    def __init__(self) -> None:
        self.platform = self
        self.ahead = 0.0
        self.moves: list[tuple[str, float]] = []
        self.questions = 0
        self.slow: list[float] = []
        self.deaf = False
        self.silent = ""
        self.is_now = "running"

    def set_clock(self, node: str, seconds: float) -> str:
        self.moves.append((node, seconds))
        if not self.deaf:
            self.ahead = seconds
        return f"{node} to {seconds:+g}"

    def clock_ahead(self, node: str) -> Ahead:
        self.questions += 1
        if self.silent:
            raise Unsupported(self.silent)
        half = self.slow.pop(0) if self.slow else NOW
        return Ahead(self.ahead - half, self.ahead + half)

    def state(self, node: str) -> str:
        return self.is_now


class FakeArena:
    lapse: float | None = 4.0

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster

    def primary(self) -> str:
        return "n"


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


def clock(cluster: FakeCluster, text: str = "clock") -> Clock:
    return Clock(read_fault(text), cast(Arena, FakeArena(cluster)))


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("-5s", -5), ("+5s", 5), ("2x", 8), ("-0.5x", -2), ("-1m", -60), ("250ms", 0.25)]
)
def test_a_jump_has_a_sign(text: str, seconds: float, cluster: FakeCluster) -> None:
    assert jump(text, 4.0) == seconds
    clock(cluster, f"clock:by={text}").inject("c1")
    assert cluster.moves == [("n", seconds)]


@pytest.mark.parametrize(
    "params", ["by=0s", "by=-0s", "by=--5s", "by=fast", "by=-90000s", "by=90000x", "for=2d", "to=5s", "by=5 s"]
)
def test_what_cannot_be_a_jump_is_refused(params: str) -> None:
    with pytest.raises(BadArgument):
        family(read_fault(f"clock:{params}"))


def test_it_needs_a_platform_that_moves_clocks() -> None:
    assert family(read_fault("clock:by=-86400s")).needs(read_fault("clock"), linked=False) == {"clocks"}


def test_docker_says_beforehand_that_it_cannot() -> None:
    plan = build("redis-set-nx-px@redis-single", faults=["clock"], platform="docker")
    with pytest.raises(Unsupported, match="clock on platform docker: clocks of containers cannot be moved"):
        require_supported(plan)


def test_both_ways_are_proven_by_the_server(cluster: FakeCluster) -> None:
    fault = clock(cluster)
    assert fault.inject("c1") == "n to +8; before: n says +0.000 s; now: n says +8.000 s"
    assert fault.targets == ["n"]
    assert fault.heal() == "n to +0; now: n says +0.000 s"
    assert cluster.moves == [("n", 8.0), ("n", 0.0)]


def test_a_clock_that_does_not_follow_is_a_harness_error_and_is_put_right(cluster: FakeCluster) -> None:
    cluster.deaf = True
    fault = clock(cluster)
    with pytest.raises(HarnessError, match=r"n says that its clock is \+0.000 s ahead of ours, where \+8 s"):
        fault.inject("c1")
    fault.heal()
    assert cluster.moves[-1] == ("n", 0.0)


def test_a_clock_that_stays_wrong_is_not_healed(cluster: FakeCluster) -> None:
    fault = clock(cluster)
    fault.inject("c1")
    cluster.deaf = True
    with pytest.raises(HarnessError, match=r"\+8.000 s ahead of ours, where \+0 s"):
        fault.heal()


def test_a_clock_that_was_wrong_before_is_a_harness_error(cluster: FakeCluster) -> None:
    cluster.ahead = 0.02
    with pytest.raises(HarnessError, match=r"\+0.020 s ahead"):
        clock(cluster).inject("c1")
    assert cluster.moves == []


def test_a_node_that_cannot_be_asked_is_left_alone(cluster: FakeCluster) -> None:
    cluster.silent = "nobody knows"
    fault = clock(cluster)
    with pytest.raises(Unsupported, match="nobody knows"):
        fault.inject("c1")
    assert fault.heal() == "no clock had been moved"
    assert cluster.moves == []


@pytest.mark.parametrize(("state", "silent"), [("exited", ""), ("paused", ""), ("running", "it leads no more")])
def test_one_that_cannot_be_asked_any_more_is_put_right_all_the_same(
    state: str, silent: str, cluster: FakeCluster
) -> None:
    fault = clock(cluster)
    fault.inject("c1")
    questions = cluster.questions
    cluster.is_now, cluster.silent = state, silent
    assert (silent or f"n is {state} and cannot be asked") in fault.heal()
    assert cluster.moves[-1] == ("n", 0.0)
    assert cluster.questions == questions + (state == "running")


def test_a_slow_answer_is_asked_for_again_and_the_quickest_counts(cluster: FakeCluster) -> None:
    cluster.slow = [2.0, 1.0, 0.004, 3.0]
    assert clock(cluster).inject("c1").endswith("n says +8.000 s")
    assert cluster.questions == 3 + 2


def test_answers_too_slow_for_a_small_jump_prove_nothing(cluster: FakeCluster) -> None:
    fault = clock(cluster, "clock:by=100ms")
    cluster.slow = [NOW, *[0.2] * 5]
    with pytest.raises(HarnessError, match=r"\+0.1 s cannot be told from none"):
        fault.inject("c1")


def test_a_reading_is_bracketed_by_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    ours: Any = iter([100.0, 100.4])
    monkeypatch.setattr("nuclei.clusters.clocks.time.time", lambda: next(ours))
    seen = compare(lambda: 160.3)
    assert (seen.least, seen.most) == (pytest.approx(59.9), pytest.approx(60.3))
    assert seen.width == pytest.approx(0.4)
    assert seen.may_be(60.0, 0.0)
    assert seen.may_be(59.85, 0.1)
    assert not seen.may_be(59.85, 0.01)
    assert not seen.may_be(60.35, 0.01)
    assert str(seen) == "+60.100 s"
