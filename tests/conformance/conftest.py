"""Which server the conformance suite drives: any Toxiproxy by URL, by default our own as a child process.

``pytest tests/conformance --toxiproxy-url http://127.0.0.1:8474`` or LOCKQUAKE_TOXIPROXY_URL. (Started with another
directory pytest does not know the option yet, the variable works always.) The server must be able to reach, and be
reached on, this host's loopback.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from toxiproxy_wire import LIMIT, Api, Rig


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option, where this file is loaded early enough."""
    parser.addoption("--toxiproxy-url", default=None, help="conformance: the server to drive (default: our own)")


@pytest.fixture(scope="session")
def foreign_url(pytestconfig: pytest.Config) -> str | None:
    """The URL given by the user, None to drive our own server."""
    option: str | None = pytestconfig.getoption("--toxiproxy-url", default=None)
    return option or os.environ.get("LOCKQUAKE_TOXIPROXY_URL") or None


@pytest.fixture(scope="session")
def toxiproxy_url(foreign_url: str | None) -> Iterator[str]:
    """The server's URL; ours lives as long as the test session and must end cleanly."""
    if foreign_url:
        yield foreign_url.rstrip("/")
        return
    with own_server() as (process, url):
        yield url
        assert process.poll() is None, "the server died during the tests"


class own_server:  # noqa: N801 - used as a function
    """Our server on a port the kernel chose; leaving the block sends SIGTERM and checks the exit status."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "nuclei.network.toxiproxy", "--host", "127.0.0.1", "--port", "0"]
        self._command = [*command, *arguments]

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for _ in range(100):
            line = self.process.stdout.readline()
            if found := re.search(r"api started listen=(\S+)", line):
                return self.process, f"http://{found[1]}"
            if not line:
                break
        raise AssertionError(f"our server did not start: {line!r}, exit status {self.process.wait(LIMIT)}")

    def __exit__(self, *failure: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.stdout is not None
        try:
            status = self.process.wait(LIMIT)
        finally:
            self.process.kill()
            self.process.stdout.close()
        assert failure[0] is not None or status == 0, f"our server ended with {status}"


@pytest.fixture
def ours(foreign_url: str | None) -> None:
    """The test is about what our server does better than, or differently from, the original."""
    if foreign_url:
        pytest.skip("about our own server only; run without --toxiproxy-url")


@pytest.fixture
def api(toxiproxy_url: str) -> Iterator[Api]:
    """Raw HTTP to the server."""
    api = Api(toxiproxy_url)
    yield api
    api.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A proxy name of this test's own."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")


@pytest.fixture
def rig(api: Api, name: str) -> Iterator[Rig]:
    """A proxy in front of an upstream in the test's hands."""
    with ExitStack() as stack:
        yield Rig(api, name, stack)


@pytest.fixture(autouse=True)
def nothing_left(api: Api) -> Iterator[None]:
    """Every test removes its proxies."""
    before = set(api.ok("GET", "/proxies"))
    yield
    assert set(api.ok("GET", "/proxies")) <= before, "the test left proxies behind"
