"""Remove what a run left on the Docker daemon: its own at the end, a dead owner's at the next start.

Sweeping is safe to repeat and to run beside another sweep: what is already gone, or on its way out, counts as swept.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nuclei.platforms.docker_daemon import daemon_address
from nuclei.platforms.leftover_workers import dead_workers, end_worker
from nuclei.platforms.ownership import RUN_LABEL, labels, owner_is_dead
from nuclei.platforms.process import homes

if TYPE_CHECKING:
    from docker import DockerClient

SWEEP_SECONDS = 60.0
_PARALLEL = 8
_RETRY_SECONDS = 10.0
_PLURALS = {"worker process": "worker processes", "directory": "directories"}

__all__ = ["Leftovers", "SweepReport", "find_dead", "labels", "sweep_dead", "sweep_everything_dead", "sweep_run"]


@dataclass(frozen=True)
class SweepReport:
    """What was removed (names; process ids for workers; directories of process runs) and what could not be (one
    sentence each)."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    workers: tuple[int, ...] = ()
    directories: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there was anything to do."""
        return any((self.containers, self.networks, self.volumes, self.workers, self.directories, self.problems))

    def __str__(self) -> str:
        counts = {
            "container": len(self.containers),
            "network": len(self.networks),
            "volume": len(self.volumes),
            "worker process": len(self.workers),
            "directory": len(self.directories),
        }
        parts = [f"{n} {what if n == 1 else _PLURALS.get(what, f'{what}s')}" for what, n in counts.items() if n]
        return "; ".join([", ".join(parts) or "nothing", *self.problems])


@dataclass(frozen=True)
class Leftovers:
    """Objects of the docker SDK, by kind."""

    containers: tuple[Any, ...]
    networks: tuple[Any, ...]
    volumes: tuple[Any, ...]

    def __bool__(self) -> bool:
        return any((self.containers, self.networks, self.volumes))

    def names(self) -> list[str]:
        """One readable name for each."""
        return [_name(thing) for thing in (*self.containers, *self.networks, *self.volumes)]


def sweep_run(client: DockerClient, run_id: str, seconds: float = SWEEP_SECONDS) -> SweepReport:
    """Remove every container, network and volume of ``run_id``; never raises for a thing that will not go."""
    return _remove(_find(client, f"{RUN_LABEL}={run_id}", lambda _: True), seconds)


def sweep_dead(client: DockerClient, seconds: float = SWEEP_SECONDS) -> SweepReport:
    """Remove what dead owners of this host left; living owners' and other hosts' things are not touched."""
    return _remove(find_dead(client), seconds)


def sweep_everything_dead(client: DockerClient | None, seconds: float = SWEEP_SECONDS) -> SweepReport:
    """:func:`sweep_dead`, and the worker processes and directories of dead runners (also where there is no daemon)."""
    workers = tuple(worker.pid for worker in dead_workers() if end_worker(worker))
    report = sweep_dead(client, seconds) if client is not None else SweepReport()
    return replace(report, workers=workers, directories=tuple(homes.sweep()))


def find_dead(client: DockerClient) -> Leftovers:
    """What :func:`sweep_dead` would remove."""
    local = daemon_address().startswith("unix:")
    return _find(client, RUN_LABEL, lambda found: owner_is_dead(found, daemon_is_local=local))


def _find(client: DockerClient, label: str, wanted: Callable[[Mapping[str, str]], bool]) -> Leftovers:
    filters: dict[str, Any] = {"label": label}

    def chosen(things: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(thing for thing in things if wanted(thing.attrs.get("Labels") or {}))

    # Sparse: a full listing inspects each container and fails when another sweep removes one meanwhile.
    containers = client.containers.list(all=True, sparse=True, filters=filters)
    return Leftovers(
        chosen(containers), chosen(client.networks.list(filters=filters)), chosen(client.volumes.list(filters=filters))
    )


def _remove(left: Leftovers, seconds: float) -> SweepReport:
    end = time.monotonic() + seconds
    problems: list[str] = []

    def each(things: tuple[Any, ...], remove: Callable[[Any, float], None]) -> tuple[str, ...]:
        names, failures = _in_parallel(things, remove, end)
        problems.extend(failures)
        return names

    # Networks and volumes cannot go before the containers that use them.
    return SweepReport(
        each(left.containers, _remove_container),
        each(left.networks, _remove_network),
        each(left.volumes, _remove_volume),
        problems=tuple(dict.fromkeys(problems)),  # a node's container and its network share a name
    )


def _in_parallel(
    things: tuple[Any, ...], remove: Callable[[Any, float], None], end: float
) -> tuple[tuple[str, ...], list[str]]:
    """The names of what went and a sentence for what did not; returns at ``end`` at the latest."""
    if not things:
        return (), []
    pool = ThreadPoolExecutor(max_workers=_PARALLEL, thread_name_prefix="sweep")
    futures = {pool.submit(remove, thing, end): _name(thing) for thing in things}
    done, pending = wait(futures, timeout=max(0.0, end - time.monotonic()))
    pool.shutdown(wait=False, cancel_futures=True)
    gone = tuple(sorted(futures[f] for f in done if not f.cancelled() and f.exception() is None))
    failures = [f"{futures[f]} was not removed: {f.exception()}" for f in done if f.exception() is not None]
    failures += [f"{futures[f]} was not removed in time; run `lockquake doctor --clean`" for f in pending]
    return gone, failures


def _name(thing: Any) -> str:
    names = thing.attrs.get("Names")
    return str(names[0].lstrip("/") if names else thing.attrs.get("Name") or thing.id)


def _remove_container(container: Any, end: float) -> None:
    _persist(lambda: container.remove(force=True, v=True), end, lambda: None)


def _remove_volume(volume: Any, end: float) -> None:
    _persist(lambda: volume.remove(force=True), end, lambda: None)


def _remove_network(network: Any, end: float) -> None:
    from docker.errors import APIError

    def detach() -> None:
        """A container the daemon still counts as attached keeps a network alive; nobody else belongs on ours."""
        with contextlib.suppress(APIError):
            network.reload()
            for container_id in network.attrs.get("Containers") or {}:
                with contextlib.suppress(APIError):
                    network.disconnect(container_id, force=True)

    _persist(network.remove, end, detach)


def _persist(remove: Callable[[], object], end: float, make_way: Callable[[], None]) -> None:
    """Call ``remove`` until the thing is gone, at most 10 s: "already in progress", "in use" and "paused" pass."""
    from docker.errors import APIError, NotFound

    end = min(end, time.monotonic() + _RETRY_SECONDS)
    pause = 0.05
    while True:
        try:
            remove()
            return
        except NotFound:
            return
        except APIError:
            if time.monotonic() + pause > end:
                raise
        make_way()
        time.sleep(pause)
        pause = min(1.0, pause * 2)
