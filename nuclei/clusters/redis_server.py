"""One Redis server of a cluster (or the ledger): asked and tidied up through its console, probed through its links."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from nuclei.clusters.clocks import Ahead, compare
from nuclei.clusters.console import Console, ConsoleError, NoAnswer, Reply
from nuclei.clusters.probe import answers
from nuclei.platforms.base import HarnessError, NodeSpec, Platform

_NOT_SETTABLE = {"replicaof", "slaveof"}


class RedisServer:
    """The server of ``node``. Thread-safe; nothing of it crosses a proxy but :meth:`ping`."""

    def __init__(self, platform: Platform, node: NodeSpec, prelude: Sequence[str] = ()) -> None:
        self.name = node.name
        self.console = Console(platform, node.name, node.port, prelude)
        self._platform = platform
        self._original: dict[str, str] = {}

    def role(self) -> str | None:
        """``master``, ``slave`` or ``sentinel`` by its own word; None when it does not answer."""
        try:
            return str(self.console.ask("ROLE", timeout=0.5)[0])
        except (NoAnswer, ConsoleError):
            return None

    def version(self) -> str | None:
        """The server's version, None when it does not answer."""
        try:
            return self.console.info("server")["redis_version"]
        except (NoAnswer, ConsoleError, KeyError):
            return None

    def clock_ahead(self) -> Ahead:
        """How far its wall clock is ahead of ours (TIME). Raises HarnessError."""
        try:
            return compare(self._time)
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(f"{self.name} does not say what time it is: {error}") from error

    def _time(self) -> float:
        seconds, micros = self.console.ask("TIME")
        return int(str(seconds)) + int(str(micros)) / 1e6

    def ping(self, site: str, timeout: float) -> bool:
        """PING from a site, through the proxied loopback port."""
        return answers(self._platform.endpoint(site, self.name), b"PING\r\n", b"+PONG\r\n", timeout)

    def remember(self) -> None:
        """Note the configuration, once, for :meth:`clear_out` to bring back. Raises NoAnswer, ConsoleError."""
        if not self._original:
            self._original = _pairs(self.console.ask("CONFIG", "GET", "*", timeout=2.0))

    def clear_out(self) -> None:
        """The original configuration, no cached scripts, no clients but our own, sentinels and other servers: a
        command that a healed link delivers late must find its connection closed. Raises HarnessError."""
        try:
            commands = [("CLIENT", "KILL", "ID", number) for number in self._strangers()]
            commands += [("CONFIG", "SET", name, value) for name, value in self._changed()]
            for command in (*commands, ("SCRIPT", "FLUSH")):
                with contextlib.suppress(ConsoleError):  # "No such client": it went by itself
                    self.console.ask(*command)
            left = self._changed()
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(
                f"{self.name} could not be reset: {error}; look at its log in the run directory"
            ) from error
        if left:
            raise HarnessError(f"{self.name} did not take its original configuration back: {left}")

    def wipe(self) -> None:
        """:meth:`clear_out` and no keys. Raises HarnessError."""
        self.clear_out()
        try:
            _, left = self.console.ask_all([("FLUSHALL",), ("DBSIZE",)], timeout=5.0)
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(
                f"{self.name} could not be wiped: {error}; look at its log in the run directory"
            ) from error
        if left != [0]:
            raise HarnessError(f"{self.name} still holds {left} keys after FLUSHALL: somebody else writes to it")

    def _strangers(self) -> list[str]:
        """Ids of all clients that are neither this console, a replica (S), a primary (M) nor a sentinel."""
        own = str(self.console.ask("CLIENT", "ID")[0])
        clients = [dict(re.findall(r"(\w[\w-]*)=(\S*)", line)) for line in self.console.text("CLIENT", "LIST")]
        return [
            client["id"]
            for client in clients
            if client["id"] != own
            and not client.get("name", "").startswith("sentinel-")
            and not set("SM") & set(client.get("flags", ""))
        ]

    def _changed(self) -> list[tuple[str, str]]:
        now = _pairs(self.console.ask("CONFIG", "GET", "*"))
        return [
            (name, value)
            for name, value in self._original.items()
            if name in now and now[name] != value and name not in _NOT_SETTABLE
        ]


def _pairs(reply: Reply) -> dict[str, str]:
    return {str(reply[i]): str(reply[i + 1]) for i in range(0, len(reply) - 1, 2)}
