"""Which server the conformance suite drives: any Toxiproxy by URL, by default our own as a child process.

``pytest tests/conformance --toxiproxy-url http://127.0.0.1:8474`` or LOCKQUAKE_TOXIPROXY_URL. (Started with another
directory pytest does not know the option yet, the variable works always.) The server must be able to reach, and be
reached on, this host's loopback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from toxiproxy_own import OwnServer
from toxiproxy_wire import Api, Rig


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
        _demand_answer(foreign_url)
        yield foreign_url.rstrip("/")
        return
    with OwnServer() as (process, url):
        yield url
        assert process.poll() is None, "the server died during the tests"


def _demand_answer(url: str) -> None:
    api = Api(url)
    try:
        api.ok("GET", "/version")
    except (OSError, AssertionError) as error:
        pytest.exit(f"No Toxiproxy answers at {url}: {error}. Start one there, or leave the URL out.", returncode=3)
    finally:
        api.close()


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
