"""What the adapters of Python's Redis libraries share: redis-py clients as their users make them, and what redis-py's
exceptions say.

Only addresses are given; time-outs and retries stay redis-py's own (8.1: 5 s a command, 10 retries). So one call may
be several requests, and may take a minute where replies are lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from histories.spec import Spec
from nuclei.locks.base import Endpoint, Indeterminate, Refused, Surroundings
from nuclei.locks.redis_connection import refusal_code
from nuclei.locks.redis_lock import SECOND_NS, lease_ns

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

CLUSTERS = ("redis-single", "redis-sentinel")
PATIENCE_NS = 60 * SECOND_NS
"""Added to the lease for the promised recovery: what one command may take with redis-py's own time-outs and retries."""


def client_for(surroundings: Surroundings) -> Redis:
    """A client of the one server, or of the primary that the sentinels name. Sends nothing yet."""
    from redis import Redis
    from redis.sentinel import MasterNotFoundError, Sentinel

    class ByBook(Sentinel):  # type: ignore[misc]
        """Announced addresses are looked up in the client's address book."""

        def discover_master(self, service_name: str) -> tuple[str, int]:
            return _reached(surroundings, super().discover_master(service_name), MasterNotFoundError)

    sentinels = _sentinels(surroundings)
    if sentinels:
        return ByBook(sentinels).master_for(_master(surroundings))
    return Redis(**_server(surroundings))


def asyncio_client_for(surroundings: Surroundings) -> AsyncRedis:
    """The same of redis.asyncio."""
    from redis.asyncio import Redis
    from redis.asyncio.sentinel import MasterNotFoundError, Sentinel

    class ByBook(Sentinel):  # type: ignore[misc]
        """Announced addresses are looked up in the client's address book."""

        async def discover_master(self, service_name: str) -> tuple[str, int]:
            return _reached(surroundings, await super().discover_master(service_name), MasterNotFoundError)

    sentinels = _sentinels(surroundings)
    if sentinels:
        return ByBook(sentinels).master_for(_master(surroundings))
    return Redis(**_server(surroundings))


def clients_for(surroundings: Surroundings) -> list[Redis]:
    """A client of each server."""
    from redis import Redis

    places = [surroundings.endpoints[name] for name in surroundings.nodes["redis"]]
    return [Redis(host=place.host, port=place.port) for place in places]


@contextmanager
def redis_py_outcomes() -> Iterator[None]:
    """redis-py's exceptions as outcomes. After its retries even a server's refusal says nothing of the requests before
    it, so that whatever a server or a connection says is indeterminate; only the lock's own word is a refusal. An
    error reply that is no such refusal passes: we do not know what we are doing then."""
    from redis.exceptions import ConnectionError as Lost
    from redis.exceptions import LockError as LockSays
    from redis.exceptions import ResponseError
    from redis.exceptions import TimeoutError as Late

    try:
        yield
    except LockSays as error:
        raise Refused(f"not held: {error}") from error
    except (Lost, Late) as error:
        raise Indeterminate(f"{type(error).__name__}: {error}") from error
    except ResponseError as error:
        if refusal_code(error) is None:
            raise
        raise Indeterminate(f"{refusal_code(error)} {error}") from error


def lease_spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease. Refusals are spurious: a retried request is refused because of the first."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, recovery_ns=lease + PATIENCE_NS)


def _sentinels(surroundings: Surroundings) -> list[tuple[str, int]]:
    places = [surroundings.endpoints[name] for name in surroundings.nodes.get("sentinel", [])]
    return [(place.host, place.port) for place in places]


def _master(surroundings: Surroundings) -> str:
    return str(surroundings.settings.get("master_name", "mymaster"))


def _server(surroundings: Surroundings) -> dict[str, Any]:
    [name] = surroundings.nodes["redis"]
    place = surroundings.endpoints[name]
    return {"host": place.host, "port": place.port}


def _reached(surroundings: Surroundings, announced: tuple[str, int], unknown: type[Exception]) -> tuple[str, int]:
    name = f"{announced[0]}:{announced[1]}"
    place: Endpoint | None = surroundings.address_book.get(name)
    if place is None:
        raise unknown(f"the sentinels name {name}, which is not in this client's address book")
    return place.host, place.port
