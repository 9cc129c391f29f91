"""The ZooKeeper that was found for platform process starts with our own configuration and answers, on loopback only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuclei.clusters.zookeeper_conf import zookeeper_node
from nuclei.platforms.base import NodeSpec, Place
from nuclei.platforms.process import servers

ADDRESS = "127.83.41.7"  # ours for the moment: nobody listens on all of 127.0.0.0/8 at ZooKeeper's port here
START_SECONDS = 20.0


@pytest.fixture
def node(tmp_path: Path) -> NodeSpec:
    """An ensemble of one server, its files written."""
    if reason := servers.why_not("zookeeper"):
        pytest.skip(reason)
    here = Place(str(tmp_path), ADDRESS, ADDRESS, {"zk-1": ADDRESS}, {"zk-1": ADDRESS})
    settled = here.settle(zookeeper_node(1, [1], tick=0.5, init_limit=10, sync_limit=4, overlay=""))
    (tmp_path / "data").mkdir()
    for name, text in settled.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    return settled


@pytest.fixture
def server(node: NodeSpec, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **servers.environment("zookeeper")}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(node.command, env=environment, stdout=log, stderr=log, start_new_session=True)
        yield process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def srvr(port: int) -> str:
    """The answer to ``srvr``; empty while nobody listens."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=1.0) as connection:
            connection.sendall(b"srvr")
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return ""


def test_the_zookeeper_that_was_found_serves(node: NodeSpec, server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "Mode: leader" not in (said := srvr(node.port)):
        log = (tmp_path / "log").read_text(encoding="utf-8", errors="replace")
        assert server.poll() is None, log
        assert time.monotonic() < deadline, f"{said}\n{log[-4000:]}"
        time.sleep(0.05)
    version = servers.describe("zookeeper").split()[1]
    assert f"Zookeeper version: {version}" in said
    assert " INFO " in (tmp_path / "log").read_text(encoding="utf-8"), "the jars have no logger"
