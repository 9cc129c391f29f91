"""One run of a lock without faults and without observers, which would ask its servers as well: what a grant costs."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from histories.read import MERGED, read_rows
from histories.rows import Call, Return
from histories.vocabulary import ACQUIRES
from lockquake.campaign import fresh
from lockquake.claims.numbers import figures
from lockquake.crew import require_no_trouble
from lockquake.plan import Plan, build
from lockquake.rig import RUNNER_SITE, Rig
from lockquake.trial import Say, TrialRun
from nuclei.platforms.base import HarnessError, Platform

CLIENTS = 8
SETTINGS = ("workload.hold=5ms", "workload.think=5ms", "workload.try_share=0", "workload.limit=10s")
IDLE = 1.0
"""Seconds before the clients begin: what servers do for connections that only exist is taken off."""
WORK = 5.0
ASKED = ("info", "command", "client", "hello", "auth", "select")
"""Redis commands that belong to no lock."""
TICKS = os.sysconf("SC_CLK_TCK")


class Sample(msgspec.Struct, frozen=True):
    """Of all the lock's servers together, at ``t`` (ns of CLOCK_MONOTONIC): commands so far, CPU seconds so far."""

    t: int
    commands: float
    cpu: float


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run. Waits in ms, CPU in ms; ``wakes``: per release, ``woken``: most by one release, None where the lock
    wakes nobody."""

    grants_per_s: float
    wait_p50: float
    wait_p99: float
    commands: float
    cpu: float
    overtaken: float
    jain: float
    wakes: float | None
    woken: float | None


class Costed(TrialRun):
    """A trial that only lets its clients work, and samples its servers before and after."""

    def _steps(self) -> None:
        self.say(f"reset: {self.rig.cluster.reset(self.key)}")
        self.ledger.reset(checked=self.plan.spec().fencing_checked, counters=self.plan.stakes().counters)
        try:
            self.crew.start()
            self._mark("started")
            self.idle = sample(self.rig)
            time.sleep(IDLE)
            self.before = sample(self.rig)
            self.crew.work()
            self.watch.sleep(WORK)
            self.after = sample(self.rig)
            require_no_trouble(self.crew)
        finally:
            self.crew.end()


def plan_for(nucleus: str, seed: int) -> Plan:
    """A contended run without faults."""
    return build(nucleus, settings=SETTINGS, clients=CLIENTS, seed=seed, platform="process")


def cost(plan: Plan, rig: Rig, place: Path, say: Say) -> Cost:
    """Run a plan once. Raises HarnessError."""
    run = Costed(plan, rig, fresh(place), threading.Event(), say)
    result = run.execute()
    if result.status == "harness error":
        raise HarnessError(result.message)
    waits = np.array(sorted(_waits(result.directory, run.before.t, run.after.t)))
    told = figures(result)
    grants = max(1, len(waits))
    seconds = (run.after.t - run.before.t) / 1e9
    return Cost(
        grants_per_s=len(waits) / seconds,
        wait_p50=float(np.quantile(waits, 0.5)) if len(waits) else float("nan"),
        wait_p99=float(np.quantile(waits, 0.99)) if len(waits) else float("nan"),
        commands=above_idle(run, lambda at: at.commands) / grants,
        cpu=1000 * above_idle(run, lambda at: at.cpu) / grants,
        overtaken=float(told.get("max_overtaken", 0)),
        jain=float(told.get("jain_index", 0)),
        wakes=float(told["wakes_per_release"]) if "wakes_per_release" in told else None,
        woken=float(told["max_woken"]) if "max_woken" in told else None,
    )


def above_idle(run: Costed, value: Callable[[Sample], float]) -> float:
    """How much a count grew while the clients worked, less what it would have grown anyway."""
    idle = (value(run.before) - value(run.idle)) / (run.before.t - run.idle.t)
    return max(0.0, value(run.after) - value(run.before) - idle * (run.after.t - run.before.t))


def _waits(directory: Path, since: int, until: int) -> Iterator[float]:
    """Of acquires granted in between: from call to return, ms."""
    called: dict[tuple[str, int], int] = {}
    for row in read_rows(directory / MERGED, []):
        if isinstance(row, Call) and row.op in ACQUIRES:
            called[row.client, row.call] = row.t
        elif isinstance(row, Return) and row.op in ACQUIRES and row.outcome == "ok" and since <= row.t < until:
            yield (row.t - called[row.client, row.call]) / 1e6


def sample(rig: Rig) -> Sample:
    """What the servers say now. Raises OSError when one does not answer."""
    nodes = [node for node in rig.cluster.wiring([]).nodes if node.role != "ledger"]
    commands = sum(_commands(rig.platform, node.name, node.role) for node in nodes)
    return Sample(time.monotonic_ns(), commands, sum(_cpu(rig.platform, node.name) for node in nodes))


def _commands(platform: Platform, node: str, role: str) -> int:
    if role == "zookeeper":
        return int(re.findall(r"Received: (\d+)", _ask(platform, node, b"srvr\n"))[0])
    if role != "redis":
        return 0
    said = _ask(platform, node, b"INFO commandstats\r\nQUIT\r\n")
    found = re.findall(r"cmdstat_([\w|-]+):calls=(\d+)", said)
    return sum(int(count) for name, count in found if name.split("|")[0].lower() not in ASKED)


def _ask(platform: Platform, node: str, question: bytes) -> str:
    place = platform.endpoint(RUNNER_SITE, node)
    with socket.create_connection((place.host, place.port), timeout=5) as link:
        link.sendall(question)
        return b"".join(iter(lambda: link.recv(65536), b"")).decode(errors="replace")


def _cpu(platform: Platform, node: str) -> float:
    """User and system seconds of a node's process so far."""
    number = (Path(platform.place(node).home) / "pid").read_text(encoding="ascii").strip()
    words = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS
