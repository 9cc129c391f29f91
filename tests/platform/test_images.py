"""Images and sweeping on the real daemon: what is needed is there and works, dead runs' things go, others stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from docker import DockerClient

PLATFORMS = ("docker",)
pytestmark = pytest.mark.usefixtures("platform_name")

# One process that makes a container and a network as a run would, says so, and waits to be killed.
RUNNER = """
import sys, docker
from nuclei.platforms.images import resolve
from nuclei.platforms.sweep import labels
client = docker.from_env(timeout=30)
marks = labels(sys.argv[1])
network = client.networks.create(sys.argv[1], internal=True, labels=marks)
container = client.containers.run(resolve("redis").reference, ["redis-server", "--save", ""], detach=True,
                                  name=sys.argv[1], network=network.name, labels=marks)
container.pause()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def client() -> Iterator[DockerClient]:
    from nuclei.platforms.docker_daemon import connect

    made = connect(timeout=30)
    yield made
    made.close()


@pytest.fixture
def run_id(client: DockerClient) -> Iterator[str]:
    """A run of this process; whatever it made is gone afterwards, also when the test failed."""
    from nuclei.platforms.sweep import sweep_run

    name = f"lockquake-test-{uuid.uuid4().hex[:12]}"
    yield name
    sweep_run(client, name)
    assert things_of(client, name) == []


def things_of(client: DockerClient, run: str) -> list[str]:
    filters: dict[str, Any] = {"label": f"lockquake.run={run}"}
    found = [*client.containers.list(all=True, sparse=True, filters=filters), *client.networks.list(filters=filters)]
    return [str(thing.id) for thing in [*found, *client.volumes.list(filters=filters)]]


# What each image must be able to do, whatever its flavour; the toxiproxy one differs with it.
WORKS = {
    "redis": ["sh", "-c", "redis-server --version && redis-cli --version && command -v redis-sentinel"],
    "zookeeper": ["bash", "-c", "java -version 2>&1 && { ls -d /usr/share/zookeeper || ls -d /apache-zookeeper*; }"],
    "toxiproxy": ["python3", "-c", "import asyncio, json, http.server, ipaddress; print('imports')"],
}


@pytest.mark.parametrize("name", sorted(WORKS))
def test_the_images_are_present_and_work(client: DockerClient, run_id: str, name: str) -> None:
    from nuclei.platforms.images import resolve
    from nuclei.platforms.sweep import labels

    choice = resolve(name, client=client)
    assert choice.name == name
    if name == "toxiproxy" and choice.flavour == "official":
        pytest.skip("the official Toxiproxy is a Go program without a shell")
    output = client.containers.run(
        choice.reference,
        WORKS[name][1:],
        entrypoint=WORKS[name][0],
        network_mode="none",
        labels=labels(run_id),
        remove=True,
    )
    assert output.strip()


def test_a_missing_image_is_one_sentence_with_the_remedy(client: DockerClient) -> None:
    from nuclei.platforms.images import ImageMissing, resolve

    with pytest.raises(ImageMissing, match=r"has no nobody/redis:none; .*`lockquake images --ensure`"):
        resolve("redis", given={"redis": "nobody/redis:none"}, client=client)


def test_what_is_present_costs_nothing_and_says_nothing() -> None:
    from nuclei.platforms.image_recipes import DEFAULT_IMAGES
    from nuclei.platforms.images import ensure

    said: list[str] = []
    choices = ensure(DEFAULT_IMAGES, False, False, said.append)
    assert [choice.name for choice in choices] == list(DEFAULT_IMAGES)
    assert said == []


def test_nothing_allowed_says_what_is_missing_and_why() -> None:
    from nuclei.platforms.images import ImageMissing, ensure

    with pytest.raises(ImageMissing, match="image redis is missing and cannot be had here: pulling is forbidden"):
        ensure(["redis"], False, True, lambda _: None, given={"redis": "nobody/redis:none"})


@pytest.fixture
def runner(run_id: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", RUNNER, run_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    yield child
    child.kill()
    child.communicate()


def test_a_killed_run_is_swept_and_a_living_one_is_not(
    client: DockerClient, run_id: str, runner: subprocess.Popen[bytes]
) -> None:
    from nuclei.platforms.sweep import find_dead, sweep_dead

    ours = set(things_of(client, run_id))
    assert len(ours) == 2
    assert run_id not in find_dead(client).names(), "its owner lives"
    sweep_dead(client)
    assert set(things_of(client, run_id)) == ours

    os.kill(runner.pid, signal.SIGKILL)
    runner.wait(10)
    # Another Lockquake that starts meanwhile may sweep it first: what counts is that it goes.
    sweep_dead(client)
    assert things_of(client, run_id) == []


def test_two_sweeps_at_once_agree(client: DockerClient, run_id: str) -> None:
    from nuclei.platforms.docker_daemon import connect
    from nuclei.platforms.images import resolve
    from nuclei.platforms.sweep import SweepReport, labels, sweep_run

    image = resolve("redis", client=client).reference
    for number in range(3):
        client.containers.create(image, ["true"], name=f"{run_id}-{number}", labels=labels(run_id))

    def sweep(_: int) -> SweepReport:
        mine = connect(timeout=30)
        try:
            return sweep_run(mine, run_id)
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(sweep, range(2)))
    assert [report.problems for report in reports] == [(), ()]
    assert things_of(client, run_id) == []


def test_a_network_goes_with_a_stranger_attached(client: DockerClient, run_id: str) -> None:
    from nuclei.platforms.images import resolve
    from nuclei.platforms.sweep import labels, sweep_run

    network = client.networks.create(run_id, internal=True, labels=labels(run_id))
    stranger = client.containers.run(
        resolve("redis", client=client).reference, ["sleep", "60"], entrypoint="", detach=True, network=network.name
    )
    try:
        report = sweep_run(client, run_id)
        assert report.networks == (run_id,)
        assert report.problems == ()
        stranger.reload()
        assert stranger.status == "running"
    finally:
        stranger.remove(force=True)
