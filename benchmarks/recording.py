"""What it costs to record: lock calls per second of the same clients with and without, and with and without observers.

``python -m benchmarks.recording [--output docs/benchmark-recording.md] [--check]``. Real clients on a real Redis server
behind the proxy, on platform process, as in a trial: recording clients write every row to their part files and send it
to the runner, which reads it. The others (:mod:`benchmarks.recording_worker`) do nothing of that. Both kinds are
started once and work in turns of a fraction of a second, in the order A B B A, so that a ratio compares neighbours in
time; a round is several such turns.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.closed_loop import cpu_seconds
from benchmarks.recording_page import page
from faults.watch import Watch
from histories.write import PartWriter
from lockquake.plan import Plan, build
from lockquake.rig import Rig
from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Configure, Done, Finish, LedgerAccess, Run
from nuclei.platforms.spawner import python_module

KEY = "bench"
LIMIT = 30.0
UNRECORDED = "benchmarks.recording_worker"
BUSY: dict[str, float | str] = {"hold": 0.0, "think": 0.0, "try_share": 0.0, "limit": 1.0}
DEFAULT: dict[str, float | str] = {"hold_shape": "constant", "think_shape": "constant"}


@dataclass(frozen=True)
class Load:
    """How the clients work: ``shared``: all on one lock, else each on its own. ``longer``: so many times as long is a
    turn, where few calls are made."""

    name: str
    clients: int
    shared: bool
    params: dict[str, float | str]
    longer: int = 1


LOADS = (
    Load("as in a trial: 3 clients on one lock, 40 ms inside, 20 ms outside", 3, True, DEFAULT, longer=4),
    Load("3 clients on one lock, no time inside or outside", 3, True, BUSY),
    Load("1 client alone, no time inside or outside", 1, False, BUSY),
    Load("2 clients, a lock each, no time inside or outside", 2, False, BUSY),
)


@dataclass
class Arm:
    """One kind of client, with its calls per second and its CPU time per call (µs) of each round. ``around``: in force
    during its turns."""

    name: str
    clients: list[ClientProcess]
    around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    _before: float = 0.0

    def turn(self, load: Load, seconds: float) -> Work:
        """Work for so long."""
        with self.around():
            spent = self._cpu()
            for client in self.clients:
                client.send(Run(workload="contend", params=dict(load.params)))
            time.sleep(seconds)
            for client in self.clients:
                client.send(Finish())
            calls = sum(_calls(client.expect(Done, LIMIT).figures) for client in self.clients)
            spent = self._cpu() - spent
        made, self._before = calls - self._before, calls
        return Work(made, spent)

    def _cpu(self) -> float:
        """Seconds of CPU time of the clients and of this process, which reads what they send."""
        return time.process_time() + sum(cpu_seconds(client.pid) for client in self.clients)


@dataclass(frozen=True)
class Work:
    """Calls that were made, and what CPU time (s) clients and runner took for them."""

    calls: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.calls + other.calls, self.cpu + other.cpu)


def _calls(figures: dict[str, float]) -> float:
    """All calls on the lock and the ledger so far."""
    outcomes = ("ok", "fail", "info")
    return sum(count for name, count in figures.items() if name.rpartition(" ")[2] in outcomes)


class Bench:
    """A started cluster and the clients on it."""

    def __init__(self, directory: Path) -> None:
        self.plan: Plan = build("redis-set-nx-px@redis-single", platform="process", clients=6)
        self.directory = directory
        self.rig = Rig(self.plan, directory / "cluster", lambda text: None)
        self.clients: list[ClientProcess] = []
        self._watch = Watch(threading.Event())
        self._rows = PartWriter(directory / "observer.jsonl")

    def arm(self, name: str, load: Load, *, recorded: bool, observed: bool = False) -> Arm:
        """Clients of one kind, ready to work."""
        command = None if recorded else python_module(UNRECORDED, "--runner", str(os.getpid()))
        clients = []
        for number in range(1, load.clients + 1):
            configure = self._configure(f"{name}{len(self.clients)}", number, load)
            client = ClientProcess(configure, self.directory, command)
            client.on_row(lambda row, of=configure.client: self._watch.feed(of, row))  # type: ignore[misc]
            client.ready(LIMIT)
            clients.append(client)
            self.clients.append(client)
        return Arm(name, clients, self._observing if observed else contextlib.nullcontext)

    def _configure(self, client: str, number: int, load: Load) -> Configure:
        site = self.rig.sites[number - 1]
        return Configure(
            client=client,
            lock=self.plan.lock,
            key=KEY if load.shared else f"{KEY}-{number}",
            surroundings=self.rig.cluster.surroundings(site, self.plan.lock_settings),
            part=str(self.directory / f"{client}.jsonl"),
            seed=number,
            ledger=LedgerAccess(endpoint=self.rig.platform.endpoint(site, "ledger")),
        )

    @contextlib.contextmanager
    def _observing(self) -> Iterator[None]:
        observer = self.rig.cluster.observer(KEY, self._rows)
        observer.start()
        try:
            yield
        finally:
            observer.stop()

    def dismiss(self) -> None:
        """End the clients."""
        for client in self.clients:
            client.end()
        self.clients.clear()

    def close(self) -> None:
        """End everything."""
        self.dismiss()
        self.rig.stop()
        self._rows.close()


def compare(arms: Sequence[Arm], load: Load, rounds: int, turns: int, seconds: float) -> list[float]:
    """The rates of the second arm, as shares of the first's, round by round. The first turns warm up."""
    seconds *= load.longer
    for arm in arms:
        arm.turn(load, seconds)
    for _ in range(rounds):
        made = {arm.name: Work() for arm in arms}
        for _ in range(turns):
            for arm in [*arms, *reversed(arms)]:
                made[arm.name] += arm.turn(load, seconds)
        for arm in arms:
            work = made[arm.name]
            arm.rates.append(work.calls / (2 * turns * seconds))
            arm.cpu.append(1e6 * work.cpu / max(1.0, work.calls))
    base, other = arms
    return [there / here for here, there in zip(base.rates, other.rates, strict=True)]


def measure(
    rounds: int, turns: int, seconds: float, say: Callable[[str], None]
) -> list[tuple[str, list[Arm], list[float]]]:
    """(load, arms, ratios) of every comparison."""
    found = []
    with tempfile.TemporaryDirectory(prefix="lockquake-bench-") as directory:
        bench = Bench(Path(directory))
        try:
            for load in LOADS:
                pairs = [
                    [bench.arm("unrecorded", load, recorded=False), bench.arm("recorded", load, recorded=True)],
                    [
                        bench.arm("unobserved", load, recorded=True),
                        bench.arm("observed", load, recorded=True, observed=True),
                    ],
                ]
                for arms in pairs:
                    ratios = compare(arms, load, rounds, turns, seconds)
                    found.append((load.name, arms, ratios))
                    say(f"{load.name}: {arms[1].name} {statistics.median(ratios):.3f} of {arms[0].name}")
                bench.dismiss()
        finally:
            bench.close()
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; the exit status is 1 only with ``--check`` and a missed goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.recording", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=1, help="A B B A so often in each round")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one turn")
    parser.add_argument("--output", type=Path, help="write the page there as well")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    options = parser.parse_args(argv)
    found = measure(
        options.rounds, options.turns, options.seconds, lambda text: print(text, file=sys.stderr, flush=True)
    )
    text, met = page(found, options.rounds, options.turns, options.seconds)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text)
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
