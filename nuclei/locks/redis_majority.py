"""The same command to several independent Redis servers, one after the other, and how many of them said yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nuclei.locks.base import Endpoint, LockError
from nuclei.locks.redis_connection import RedisConnection, one_server


@dataclass(frozen=True)
class Votes:
    """Of so many servers: how many did what was asked (``yes``) or found nothing to do (``no``). What the others did,
    which could not be reached or did not answer in time, nobody knows."""

    of: int
    yes: int
    no: int

    @property
    def quorum(self) -> int:
        """How many are a majority."""
        return self.of // 2 + 1

    @property
    def most(self) -> int:
        """How many may have done what was asked, at most."""
        return self.of - self.no


class RedisMajority:
    """Connections to all of them; ``timeout``: seconds that one may take to answer. Not for use by several threads."""

    def __init__(self, endpoints: Sequence[Endpoint], timeout: float) -> None:
        self._servers = [RedisConnection(one_server(endpoint), timeout) for endpoint in endpoints]

    def ask(self, *words: str | int) -> Votes:
        """The command to each of them in turn, once, whatever became of the one before."""
        said = [self._one(server, *words) for server in self._servers]
        return Votes(of=len(said), yes=said.count(True), no=said.count(False))

    @staticmethod
    def _one(server: RedisConnection, *words: str | int) -> bool | None:
        try:
            return bool(server.command(*words))
        except LockError:
            return None

    def close(self) -> None:
        """Drop all connections."""
        for server in self._servers:
            server.close()
