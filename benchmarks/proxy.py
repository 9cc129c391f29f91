"""What a proxied connection costs: round trips per second and added latency, direct and through proxies.

``python -m benchmarks.proxy [--url http://127.0.0.1:8474] [--json]``. One client process runs closed loops of SET
commands (one request in flight per connection) against redis-server, or where that is not installed against a small
server that speaks enough of its protocol. Ways are measured in turns, so that a ratio compares neighbours in time;
figures are medians of the rounds, with their range. One connection is measured with all processes on one core, where
the scheduler cannot decide the result.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from urllib.parse import urlsplit

from benchmarks.closed_loop import Way, measure
from nuclei.network.control import ProxyControl, ProxySpec, Toxic

_GOAL_US_PER_CHUNK = 15.0


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def child(command: Sequence[str], port: int) -> Iterator[int]:
    """A process that serves ``port``, as its pid, until the block is left.

    Raises:
        RuntimeError: it does not accept connections within 5 s.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                break
            time.sleep(0.01)
        else:
            raise RuntimeError(f"{command[0]} did not listen on port {port} within 5 s")
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with status {process.returncode} instead of serving port {port}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(5)


def target(port: int) -> tuple[str, list[str]]:
    """What answers the requests: its name and command."""
    redis = shutil.which("redis-server")
    if redis:
        return "redis-server", [redis, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return "stand-in server", [sys.executable, "-m", "benchmarks.closed_loop", str(port)]


def proxied(control: ProxyControl, label: str, port: int, pid: int | None) -> list[Way]:
    """Two proxies on one server: idle, and with latency 0 on the replies."""
    specs = [ProxySpec(f"bench-{kind}", "127.0.0.1:0", f"127.0.0.1:{port}") for kind in ("idle", "latency0")]
    states = control.populate(specs)
    control.add_toxic("bench-latency0", Toxic("latency", "latency", attributes={"latency": 0}))
    ports = [int(states[spec.name].listen.rsplit(":", 1)[1]) for spec in specs]
    return [Way(f"{label}, idle", ports[0], pid), Way(f"{label}, latency 0", ports[1], pid)]


def run(url: str | None, rounds: int, seconds: float, connections: int) -> tuple[str, list[Way]]:
    """All ways, measured in turns; returns the target's name and the ways with their samples."""
    with ExitStack() as stack:
        port, control_port = free_port(), free_port()
        name, command = target(port)
        ours = [sys.executable, "-m", "nuclei.network.toxiproxy", "--host", "127.0.0.1", "--quiet"]
        if connections == 1:
            stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        stack.enter_context(child(command, port))
        pid = stack.enter_context(child([*ours, "--port", str(control_port)], control_port))
        ways = [Way("direct", port)]
        for label, host, number, of in _servers(url, control_port, pid):
            control = ProxyControl(host, number)
            stack.callback(control.close)
            for kind in ("idle", "latency0"):
                stack.callback(control.delete, f"bench-{kind}")
            ways += proxied(control, label, port, of)
        for turn in range(rounds + 1):
            for way in ways:
                sample = measure(way, connections, seconds if turn else 0.1)  # the first turn warms up
                if turn:
                    way.samples.append(sample)
        return name, ways


def _servers(url: str | None, port: int, pid: int) -> list[tuple[str, str, int, int | None]]:
    servers: list[tuple[str, str, int, int | None]] = [("own proxy", "127.0.0.1", port, pid)]
    if url:
        parts = urlsplit(url)
        servers.append((f"{parts.netloc}", parts.hostname or "127.0.0.1", parts.port or 8474, None))
    return servers


def figure(values: Sequence[float], digits: int = 0) -> str:
    """Median and range."""
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def table(connections: int, target_name: str, ways: Sequence[Way]) -> str:
    """The results of one number of connections as text."""
    direct = ways[0].samples
    rows = [("way", "round trips/s", "of direct", "latency µs", "added µs", "CPU µs/chunk")]
    for way in ways:
        ratios = [s.trips_per_s / d.trips_per_s for s, d in zip(way.samples, direct, strict=True)]
        added = [s.latency_us - d.latency_us for s, d in zip(way.samples, direct, strict=True)]
        cpu = [s.cpu_us_per_chunk for s in way.samples if s.cpu_us_per_chunk is not None]
        rows.append(
            (
                way.name,
                figure([s.trips_per_s for s in way.samples]),
                figure(ratios, 2),
                figure([s.latency_us for s in way.samples]),
                figure(added) if way is not ways[0] else "",
                figure(cpu, 1) if cpu else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    plural = "connection, all on one core" if connections == 1 else "connections"
    title = f"{connections} {plural}, SET on {target_name}, medians of {len(direct)} (range)"
    return "\n".join([title, lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def goals(results: dict[int, list[Way]]) -> list[str]:
    """How the goals came out, one line each."""
    lines = []
    for connections, ways in results.items():
        cpu = statistics.median(s.cpu_us_per_chunk or 0.0 for s in ways[1].samples)
        lines.append(
            f"{connections}: at most {_GOAL_US_PER_CHUNK:.0f} µs CPU per chunk, idle: {cpu:.1f}: "
            f"{_judged(cpu <= _GOAL_US_PER_CHUNK)}"
        )
        if len(ways) > 3:
            ratio = statistics.median(
                own.trips_per_s / other.trips_per_s for own, other in zip(ways[1].samples, ways[3].samples, strict=True)
            )
            lines.append(f"{connections}: at least 1.00 x the other server, idle: {ratio:.2f} x: {_judged(ratio >= 1)}")
    return lines


def _judged(met: bool) -> str:
    return "met" if met else "MISSED"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; the exit status is 1 only with ``--check`` and a missed goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.proxy", description=__doc__.split("\n")[0])
    parser.add_argument("--url", help="also measure through the Toxiproxy server there")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--json", action="store_true", help="all samples as JSON instead of tables")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    options = parser.parse_args(argv)
    results: dict[int, list[Way]] = {}
    for connections in options.connections:
        name, results[connections] = run(options.url, options.rounds, options.seconds, connections)
        if not options.json:
            print(table(connections, name, results[connections]), end="\n\n", flush=True)
    lines = goals(results)
    if options.json:
        ways = {str(count): [asdict(way) for way in ways] for count, ways in results.items()}
        print(json.dumps({"target": name, "connections": ways, "goals": lines}, indent=1))
    else:
        print("Goals\n" + "\n".join(lines))
    return 1 if options.check and any("MISSED" in line for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
