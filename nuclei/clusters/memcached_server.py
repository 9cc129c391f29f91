"""A memcached server as configuration, and asked beside it through its text protocol.

Source: memcached's doc/protocol.txt.
"""

from __future__ import annotations

from nuclei.clusters.console import NoAnswer
from nuclei.clusters.line_loop import LineLoop, escaped
from nuclei.platforms.base import NODE_LISTEN, NodeSpec, Platform

MEMCACHED_PORT = 11210


def memcached_node(name: str, port: int, *, memory: int, options: str) -> NodeSpec:
    """A server that keeps everything in ``memory`` MB and nothing anywhere else. ``options``: the user's own, last.

    It stays the user it is: changing to another would make the kernel forget that it is to die with the runner."""
    command = ["memcached", "-l", NODE_LISTEN, "-p", str(port), "-U", "0", "-u", "root", "-m", str(memory)]
    return NodeSpec(name=name, role="memcached", image="memcached", port=port, command=[*command, *options.split()])


class MemcachedServer:
    """The server of ``node``; nothing of it crosses a proxy. Thread-safe."""

    def __init__(self, platform: Platform, node: NodeSpec) -> None:
        self.name = node.name
        self._loop = LineLoop(platform, node.name, node.port)

    @property
    def run(self) -> str:
        """When the process began that gave the latest answer."""
        return self._loop.run

    def ask(self, command: str, timeout: float = 0.5) -> list[str]:
        """The lines of one command's answer. Raises NoAnswer."""
        lines = self._loop.ask(escaped(f"{command}\r\nquit\r\n"), timeout)
        if not lines:
            raise NoAnswer(f"{self.name} closed the connection on {command}, or does not listen")
        return [line.rstrip("\r") for line in lines]

    def value(self, key: str, timeout: float = 0.5) -> str | None:
        """What a key holds, None where it is absent. Raises NoAnswer."""
        lines = self.ask(f"get {key}", timeout)
        return lines[1] if lines[0].startswith("VALUE ") else None

    def counts(self, timeout: float = 0.5) -> dict[str, int]:
        """The server's counters that are whole numbers. Raises NoAnswer."""
        words = [line.split() for line in self.ask("stats", timeout)]
        return {word[1]: int(word[2]) for word in words if len(word) == 3 and word[2].isdigit()}

    def version(self) -> str | None:
        """The server's version, None when it does not answer."""
        try:
            return self.ask("version")[0].removeprefix("VERSION ")
        except NoAnswer:
            return None

    def close(self) -> None:
        """End what runs beside the server."""
        self._loop.close()
