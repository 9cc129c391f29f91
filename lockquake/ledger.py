"""The runner's desk at the ledger: make it pristine before a trial, take its decisions into the history after it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from histories.rows import Effect, Ledger
from nuclei.ledger import log
from nuclei.locks.base import Endpoint
from nuclei.platforms.base import HarnessError

LIMIT = 5.0


class LedgerDesk:
    """A connection per visit, so that nothing is left open between trials. Raises HarnessError when the ledger, which
    is never faulted, does not answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def reset(self, *, checked: bool, counters: Mapping[str, int]) -> None:
        """Forget everything but ``counters``, which it holds then; ``checked`` switches the checking of fencing
        tokens."""
        with self._visit() as connection:
            try:
                log.reset(connection, checked=checked, counters=counters)
            except redis.RedisError as error:
                raise self._lost(error) from error

    def rows(self) -> Iterator[Ledger | Effect]:
        """Every decision since the reset and what it did at a resource, with the ledger's wall time turned into
        CLOCK_MONOTONIC (one machine)."""
        offset = time.monotonic_ns() - time.time_ns()
        with self._visit() as connection:
            try:
                decisions = log.decisions(connection)
            except redis.RedisError as error:
                raise self._lost(error) from error
        for decision in decisions:
            yield decision.row(offset)
            if (effect := decision.effect(offset)) is not None:
                yield effect

    def _visit(self) -> redis.Redis:
        return redis.Redis(
            host=self.endpoint.host,
            port=self.endpoint.port,
            socket_timeout=LIMIT,
            socket_connect_timeout=LIMIT,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def _lost(self, error: Exception) -> HarnessError:
        return HarnessError(
            f"the ledger at {self.endpoint.host}:{self.endpoint.port} did not answer ({error}); it is never faulted, "
            "so look at its log in the run directory"
        )
