"""A real Redis server for a test module: memory only, on a free loopback port, for what no script can play."""

from __future__ import annotations

import os
import socket
import subprocess
import time

import pytest
import redis

from nuclei.locks.base import Endpoint
from nuclei.platforms.process import servers

START_LIMIT = 10.0


class TinyRedis:
    """One server; skips the test where this machine has none. ``client`` looks at it behind the locks' backs."""

    def __init__(self) -> None:
        if reason := servers.why_not("redis"):
            pytest.skip(reason)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.endpoint = Endpoint("127.0.0.1", probe.getsockname()[1])
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.endpoint.port), "--bind", "127.0.0.1", "--save", ""],
            env={**os.environ, **servers.environment("redis")},
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis(host=self.endpoint.host, port=self.endpoint.port, decode_responses=True)
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server did not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.endpoint.host, self.endpoint.port), timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self._process.kill()
        self._process.wait(5)
