"""What happened to client processes: killed, paused, resumed, retired; and which identities share one process.

A client retires after an indeterminate result and a fresh identity goes on in the same process (CHECKERS §4), so a
kill or a pause of the process hits them all. Rows tie identities to a process by its pid; where none was written, by
the naming rule ``c1`` → ``c1.2`` → ``c1.3``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from histories.columns import NEVER
from histories.rows import Client, Event


@dataclass
class Lives:
    """Client processes by name, times in ns. ``pauses``: (paused, resumed) with NEVER for one that was not resumed."""

    names: dict[str, str] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    pauses: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    retirements: dict[str, int] = field(default_factory=dict)
    _pids: dict[int, str] = field(default_factory=dict)

    def note(self, row: Client) -> None:
        """Take the next row."""
        if row.pid is not None:
            self.names[row.client] = self._pids.setdefault(row.pid, self.process(row.client))
        process = self.process(row.client)
        pauses = self.pauses.setdefault(process, [])
        match row.state:
            case "killed":
                self.kills.setdefault(process, row.t)
            case "retired":
                self.retirements.setdefault(row.client, row.t)
            case "paused":
                pauses.append((row.t, NEVER))
            case "resumed" if pauses and pauses[-1][1] == NEVER:
                pauses[-1] = (pauses[-1][0], row.t)
            case _:
                pass

    def process(self, client: str) -> str:
        """The process a client identity lives in."""
        if client not in self.names:
            name, dot, number = client.rpartition(".")
            self.names[client] = name if dot and name and number.isdecimal() and number.isascii() else client
        return self.names[client]

    def killed(self, client: str) -> int:
        """When its process was killed, NEVER where it was not."""
        return self.kills.get(self.process(client), NEVER)

    def gone(self, client: str) -> int:
        """When the identity ended, by a kill or by retiring."""
        return min(self.killed(client), self.retirements.get(client, NEVER))

    def pause_at(self, client: str, t: int) -> tuple[int, int] | None:
        """The pause the client's process was in at ``t``."""
        return next((p for p in self.pauses.get(self.process(client), []) if p[0] <= t <= p[1]), None)


def read_lives(rows: Iterable[Event]) -> Lives:
    """Collect the client rows of a history (in order of time)."""
    lives = Lives()
    for row in rows:
        if isinstance(row, Client):
            lives.note(row)
    return lives
