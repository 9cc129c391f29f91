"""Packets dropped inside a node: how links are cut that no proxy stands in, where nodes reach each other directly.

A directed link is cut at its source: what it sends to the target's ports, and what comes back from them, is dropped by
a packet filter in the source's own network namespace, where nobody else has anything to lose. Nothing is refused and
nothing is lost for good: TCP sends again what was dropped, so what was under way arrives some time after the heal, and
later the longer the cut has lasted.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence

from nuclei.platforms.base import HarnessError, Pipe

from .library import ProxyControlError
from .links import Link

_SECONDS = 5.0

# Long-lived, because starting a command in a container takes longer than the moments that faults wait for. -w: wait for
# another iptables to end. A rule that is there already is not put in twice.
_SHELL = """
there() { iptables -w "$@" -d "$address" -p tcp -m multiport --dports "$ports" -j DROP; }
back() { iptables -w "$@" -s "$address" -p tcp -m multiport --sports "$ports" -j DROP; }
drop() {
    there -C OUTPUT 2>/dev/null || there -A OUTPUT || return
    back -C INPUT 2>/dev/null || back -A INPUT
}
let() {
    while there -D OUTPUT 2>/dev/null; do :; done
    while back -D INPUT 2>/dev/null; do :; done
    ! there -C OUTPUT 2>/dev/null && ! back -C INPUT 2>/dev/null
}
while read -r verb address ports; do
    said=$($verb 2>&1)
    echo "$?" $said
done
"""


class DirectLink(Link, frozen=True):
    """A link that no proxy stands in. ``upstream`` is the target's own address; ``ports`` all that it listens on."""

    ports: tuple[int, ...] = ()


class PacketFilter:
    """Cuts direct links and restores them. ``open_pipe`` starts a command inside a node; ``alive`` says whether a node
    runs: one that has ended has lost its rules with its namespace. Thread-safe."""

    def __init__(self, open_pipe: Callable[[str, Sequence[str]], Pipe], alive: Callable[[str], bool]) -> None:
        self._open = open_pipe
        self._alive = alive
        self._shells: dict[str, Pipe] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def drop(self, link: DirectLink) -> None:
        """Drop the link's packets. Raises ProxyControlError."""
        self._do("drop", link)

    def let(self, link: DirectLink) -> None:
        """Let the link's packets through again. Raises ProxyControlError."""
        if self._alive(link.source):
            self._do("let", link)

    def _do(self, verb: str, link: DirectLink) -> None:
        address, ports = link.upstream.partition(":")[0], ",".join(map(str, link.ports))
        with self._locks[link.source]:
            code, said = self._ask(link.source, f"{verb} {address} {ports}")
        if code != "0":
            raise ProxyControlError(
                f"The packet filter in {link.source} did not {verb} the packets of {link.name}: {said or '(no words)'}."
            )

    def _ask(self, node: str, line: str) -> tuple[str, str]:
        """One command and its exit code with what it said; the shell of an earlier run of the node is replaced."""
        for fresh in (False, True):
            try:
                shell = self._shell(node, fresh)
                shell.send(line)
                answer = shell.receive(_SECONDS)
            except (HarnessError, EOFError) as error:
                if fresh:
                    raise ProxyControlError(f"The packet filter in {node} cannot be reached: {error}") from error
                continue
            break
        code, _, said = (answer or f"? no answer within {_SECONDS:g} s").partition(" ")
        return code, said

    def _shell(self, node: str, fresh: bool) -> Pipe:
        if (old := self._shells.get(node)) is not None and fresh:
            old.close()
            del self._shells[node]
        if node not in self._shells:
            self._shells[node] = self._open(node, ["sh", "-c", _SHELL])
        return self._shells[node]
