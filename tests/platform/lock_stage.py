"""Clients of a lock on a started cluster, for tests: told what to do step by step, and what they recorded."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from histories.read import read_rows
from histories.rows import AnyRow
from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Configure, Do, LedgerAccess, Result
from nuclei.locks.base import Endpoint
from nuclei.locks.loading import load

if TYPE_CHECKING:
    import redis

    from lockquake.rig import Rig

KEY = "lock"


class Place:
    """A started cluster with clients on it."""

    def __init__(self, rig: Rig, directory: Path) -> None:
        self.rig = rig
        self.directory = directory
        self.stack = ExitStack()
        self.ledger_endpoint: Endpoint = rig.platform.endpoint("c1", "ledger")

    def client(self, name: str, lock: str, **settings: Any) -> ClientProcess:
        configure = Configure(
            client=name, lock=lock, key=KEY, seed=int(name[1:]), part=str(self.directory / f"{name}.jsonl"),
            surroundings=self.rig.cluster.surroundings(name, {**load(lock).defaults, **settings}),
            ledger=LedgerAccess(endpoint=self.rig.platform.endpoint(name, "ledger")),
        )  # fmt: skip
        return self.stack.enter_context(ClientProcess(configure, self.directory))

    def clients(self, lock: str, **settings: Any) -> list[ClientProcess]:
        made = [self.client(f"c{number}", lock, **settings) for number in (1, 2, 3)]
        for client in made:
            client.ready()
        return made

    def rows(self, name: str) -> list[AnyRow]:
        return read_rows(self.directory / f"{name}.jsonl", [])

    def redis(self) -> redis.Redis:
        import redis

        place = self.ledger_endpoint
        return self.stack.enter_context(redis.Redis(host=place.host, port=place.port, decode_responses=True))


def do(client: ClientProcess, op: Any, timeout: float = 10.0, **rest: Any) -> Result:
    client.send(Do(op=op, **rest))
    return client.expect(Result, timeout)
