"""Real servers whose wall clock is moved while they run: Redis and its expiry, the Java machine and its two clocks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from nuclei.platforms import signals
from nuclei.platforms.process import clock, servers
from nuclei.platforms.process.clock import Clock
from nuclei.platforms.process.namespaces import command
from nuclei.platforms.spawner import spawn

ADDRESS = "127.83.19.7"
START_SECONDS = 20
SOON = 2.0
"""Seconds within which Redis notices; alone on a machine it takes a tenth of that."""


@pytest.fixture(autouse=True)
def clocks() -> None:
    if (reason := clock.why_not()) is not None:
        pytest.skip(reason)


class Server(NamedTuple):
    """A running Redis, a connection to it, and its clock."""

    ask: redis.Redis
    clock: Clock

    def ahead(self) -> tuple[float, float]:
        """Between which two numbers of seconds its TIME is ahead of ours."""
        before = time.time()
        seconds, rest = self.ask.time()
        after = time.time()
        said = seconds + rest / 1e6
        return said - after, said - before


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A pristine Redis on a loopback address of its own."""
    if (reason := servers.why_not("redis")) is not None:
        pytest.skip(reason)
    with socket.create_server((ADDRESS, 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, **servers.environment("redis")}
    moved = Clock(tmp_path, "redis-server", environment["PATH"])
    argv = ["redis-server", "--bind", ADDRESS, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with (tmp_path / "log").open("wb") as log:
        process = spawn(
            command(os.getpid(), [], argv),
            env={**environment, **moved.environment(environment)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        with redis.Redis(host=ADDRESS, port=port, socket_timeout=5) as ask:
            until(lambda: answers(ask), "an answer", START_SECONDS)
            yield Server(ask, moved)
    finally:
        signals.kill(process)


def answers(ask: redis.Redis) -> bool:
    try:
        return bool(ask.ping())
    except redis.ConnectionError:
        return False


def until(seen: Callable[[], bool], what: str, seconds: float = SOON) -> float:
    """Wait for ``seen``; returns how long that took (s)."""
    began = time.monotonic()
    while not seen():
        assert time.monotonic() - began < seconds, f"no {what} within {seconds} s"
        time.sleep(0.002)
    return time.monotonic() - began


def test_redis_lets_a_lock_expire_when_its_clock_jumps_ahead(server: Server) -> None:
    server.ask.set("lock", "owner", px=30_000)
    server.ask.set("stay", "owner", px=90_000)
    server.clock.set(60)
    # Unasked: what DBSIZE counts, Redis has found by its own clock.
    until(lambda: server.ask.dbsize() == 1, "expiry")
    assert server.ask.get("lock") is None
    assert 28_000 < server.ask.pttl("stay") <= 30_000


def test_redis_keeps_a_lock_when_its_clock_jumps_back(server: Server) -> None:
    server.ask.set("lock", "owner", px=300)
    server.clock.set(-60)
    time.sleep(0.6)  # its lease, twice
    assert server.ask.get("lock") == b"owner"
    assert 59_000 < server.ask.pttl("lock") <= 60_300
    server.clock.set(0)
    until(lambda: server.ask.get("lock") is None, "expiry")


def test_redis_says_the_moved_time_and_counts_its_uptime_by_it(server: Server) -> None:
    for seconds in (0, 60, -60, 0.5, 0):
        server.clock.set(seconds)
        least, most = server.ahead()
        assert least - 1e-6 <= seconds <= most + 1e-6
    server.clock.set(3600)
    until(lambda: server.ask.info("server")["uptime_in_seconds"] >= 3600, "longer uptime")


TICKING = """
public class Ticking {
    public static void main(String[] arguments) throws Exception {
        while (System.in.read() >= 0)
            System.out.println(System.currentTimeMillis() + " " + java.time.Instant.now().toEpochMilli() + " "
                + System.nanoTime());
    }
}
"""


@pytest.fixture
def ticking(tmp_path: Path) -> Path:
    """A Java program that says its clocks for every byte it reads."""
    if shutil.which("java") is None:
        pytest.skip("no java on PATH; as root: apt-get install -y --no-install-recommends openjdk-17-jdk-headless")
    modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, timeout=60, check=True)
    if "jdk.compiler@" not in modules.stdout:
        pytest.skip("this Java is a JRE and cannot compile; as root: apt-get install openjdk-17-jdk-headless")
    (tmp_path / "Ticking.java").write_text(TICKING)
    return tmp_path / "Ticking.java"


def test_javas_wall_clock_moves_and_its_nano_time_does_not(ticking: Path) -> None:
    moved = Clock(ticking.parent, "java")
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx64m"]
    process = subprocess.Popen(
        ["java", *options, str(ticking)],
        env={**os.environ, **moved.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for seconds in (0, 60, -60, 0):
            moved.set(seconds)
            wall, steady = time.time(), time.monotonic_ns()
            process.stdin.write(b".")
            process.stdin.flush()
            millis, instant, nanos = map(int, process.stdout.readline().split())
            passed = (time.monotonic_ns() - steady) / 1e9
            assert -0.001 <= millis / 1e3 - wall - seconds <= passed
            assert -0.001 <= instant / 1e3 - wall - seconds <= passed
            assert 0 <= nanos - steady <= passed * 1e9
    finally:
        process.communicate(timeout=10)
    assert process.returncode == 0
