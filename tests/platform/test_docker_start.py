"""Starting and stopping a platform: what is taken is stepped over, what fails leaves nothing, two do not disturb."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cluster_stage import until
from remains import left_behind

from nuclei.clusters.redis_single import RedisSingle
from nuclei.platforms.base import HarnessError, NodeSpec, Wiring
from nuclei.platforms.docker import DockerPlatform
from nuclei.platforms.docker.addresses import PORTS_VARIABLE, SUBNETS_VARIABLE

PLATFORMS = ("docker",)
pytestmark = pytest.mark.usefixtures("platform_name")

# A run of its own in another process: starts, says that it is up, waits for the word, proves itself, stops.
RUNNER = """
import sys
from pathlib import Path
from nuclei.clusters.redis_single import CLUSTER
from nuclei.platforms.docker import DockerPlatform
with DockerPlatform() as platform:
    cluster = CLUSTER.make(platform, {})
    platform.start(cluster.wiring(["c1"]), Path(sys.argv[1]), lambda text: None)
    cluster.ready()
    print(platform.run_id, platform.endpoint("c1", "redis-1").port, flush=True)
    sys.stdin.readline()
    platform.kill("redis-1")
    cluster.reset("key")
    assert cluster.ping("c1", "redis-1", timeout=2.0)
    print("fine", flush=True)
"""


def node(name: str = "redis-1", *argv: str) -> NodeSpec:
    command = argv or ("redis-server", "--port", "6391", "--save", "", "--protected-mode", "no")
    return NodeSpec(name=name, role="redis", image="redis", port=6391, command=command)


def wiring(*nodes: NodeSpec) -> Wiring:
    return Wiring(nodes=nodes, peers=[], served=[each.name for each in nodes], sites=["c1"])


@pytest.fixture
def platforms(no_new_threads: None) -> Iterator[list[DockerPlatform]]:
    """Platforms of a test; all are stopped, and nothing of them may be left."""
    made: list[DockerPlatform] = []
    yield made
    for platform in made:
        platform.stop()
        platform.stop()
    assert left_behind([platform.run_id for platform in made]) == []


def start(platforms: list[DockerPlatform], path: Path, *nodes: NodeSpec, **options: Any) -> DockerPlatform:
    platform = DockerPlatform(**options)
    platforms.append(platform)
    platform.start(wiring(*nodes), path, lambda text: None)
    return platform


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("sh", "-c", "echo 'bad configuration in line 7'; exit 3"), 3, "bad configuration in line 7"),
        (("no-such-server",), 127, "no-such-server"),
    ],
)
def test_a_node_that_dies_is_reported_with_its_last_words(
    platforms: list[DockerPlatform], tmp_path: Path, argv: tuple[str, ...], code: int, words: str
) -> None:
    def start_and_look() -> None:
        # Whether it dies before or after start has looked at it is up to the kernel.
        platform = start(platforms, tmp_path, node("redis-1", *argv))
        until(lambda: platform.state("redis-1") == "exited")
        platform.require_running("redis-1")

    with pytest.raises(HarnessError, match=rf"(?s)redis-1's container died \(exit code {code}\).*{words}"):
        start_and_look()


def test_a_bad_line_in_a_users_configuration_is_reported(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    platform = DockerPlatform()
    platforms.append(platform)
    cluster = RedisSingle(platform, {"redis_conf": "no-such-directive yes"})

    def start_and_wait() -> None:
        platform.start(cluster.wiring(["c1"]), tmp_path, lambda text: None)
        cluster.ready()

    with pytest.raises(HarnessError, match=r"(?s)redis-1.*died.*no-such-directive"):
        start_and_wait()


def test_a_missing_image_names_the_remedy(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"lockquake/nothing:0.*lockquake images --ensure"):
        start(platforms, tmp_path, node(), given={"redis": "lockquake/nothing:0"})


def test_taken_ports_are_stepped_over(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = taken(stack)
        platform = start(platforms, tmp_path, node(), ports=f"{first}-{first + 40}")
        assert first < platform.endpoint("c1", "redis-1").port <= first + 40


def test_too_few_free_ports_name_the_variable(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = taken(stack)
        with pytest.raises(HarnessError, match=rf"{PORTS_VARIABLE}={first}-{first + 1} is too small"):
            start(platforms, tmp_path, node(), ports=f"{first}-{first + 1}")


def taken(stack: ExitStack) -> int:
    """A port of our range that something listens on, with nothing of ours above it."""
    for port in range(19000, 19900, 50):
        listener = stack.enter_context(socket.socket())
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        listener.listen()
        return port
    pytest.fail("every port tried is taken")


def test_taken_subnets_are_stepped_over_and_run_out(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    # Two networks of eight addresses each: one run needs two (the node's and the edge), a second finds none.
    block = "10.219.77.0/28"
    first = start(platforms, tmp_path / "1", node(), subnets=block)
    with pytest.raises(HarnessError, match=rf"{SUBNETS_VARIABLE}=10\.219\.77\.0/28 is too small"):
        start(platforms, tmp_path / "2", node(), subnets=block)
    wider = start(platforms, tmp_path / "3", node(), subnets="10.219.77.0/27")
    assert first.endpoint("c1", "redis-1") != wider.endpoint("c1", "redis-1")


def test_an_exception_inside_sweeps_everything(tmp_path: Path, no_new_threads: None) -> None:
    platform = DockerPlatform()

    class Oops(Exception):
        pass

    def interrupt(text: str) -> None:
        if "all containers run" in text:
            raise Oops

    with pytest.raises(Oops):
        platform.start(wiring(node()), tmp_path, interrupt)
    assert left_behind([platform.run_id]) == []


def test_the_configuration_is_written_down(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    conf = "/lockquake/redis.conf"
    spec = NodeSpec(
        name="redis-1", role="redis", image="redis", port=6391, command=["redis-server", conf],
        files={conf: "port 6391\nprotected-mode no\n"},
    )  # fmt: skip
    start(platforms, tmp_path, spec)
    assert (tmp_path / "config/redis-1/redis.conf").read_text() == spec.files[conf]
    assert (tmp_path / "config/redis-1/command").read_text() == f"redis-server {conf}\n"


def test_the_next_start_sweeps_what_a_killed_run_left(platforms: list[DockerPlatform], tmp_path: Path) -> None:
    argv = [sys.executable, "-c", RUNNER, str(tmp_path / "killed")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as runner:
        run_id = (runner.stdout.readline() if runner.stdout else "").split()[0]
        runner.kill()
    assert len(left_behind([run_id])) == 3 + 3  # the proxy, the node and the ledger, and their networks
    said: list[str] = []
    platform = DockerPlatform()
    platforms.append(platform)
    platform.start(wiring(node()), tmp_path / "next", said.append)
    assert left_behind([run_id]) == []
    assert any("swept what a dead run had left" in line for line in said)


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", RUNNER]
    with ExitStack() as stack:
        runners = []
        for name in ("one", "two"):
            runner = stack.enter_context(
                subprocess.Popen(
                    [*argv, str(tmp_path / name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(runner.kill)
            runners.append(runner)
        up = [(runner.stdout.readline() if runner.stdout else "").split() for runner in runners]
        assert len({tuple(words) for words in up}) == 2
        for runner in runners:
            assert runner.communicate("go\n", timeout=60)[0] == "fine\n"
            assert runner.returncode == 0
    assert left_behind([words[0] for words in up]) == []
