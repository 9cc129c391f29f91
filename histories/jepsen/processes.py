"""Process numbers for clients, as Jepsen gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_GENERATION = re.compile(r"(?P<name>.+)\.(?P<number>[0-9]+)", re.DOTALL)
"""What follows ``c1`` in its process is ``c1.2``, ``c1.3``; the rule is :mod:`nuclei.clients.identity`'s."""


def family(client: str) -> str:
    """The name the process of a client was started with."""
    match = _GENERATION.fullmatch(client)
    return match["name"] if match else client


def successor(client: str) -> str:
    """The fresh client that takes the place of ``client``."""
    match = _GENERATION.fullmatch(client)
    return f"{match['name']}.{int(match['number']) + 1}" if match else f"{client}.2"


class Processes:
    """A number does one thing at a time, and nothing more after an indeterminate one. The next number of the same
    process is greater by ``concurrency``, the number of processes that clients live in."""

    def __init__(self, clients: Iterable[str]) -> None:
        self._next: dict[str, int] = {}
        for client in clients:
            self._next.setdefault(family(client), len(self._next))
        self.concurrency = len(self._next)
        self._numbers: dict[str, int] = {}
        self._under_way: dict[tuple[str, int], int] = {}

    def begin(self, client: str, call: int) -> int:
        """The number under which a client begins a call."""
        # While a call is under way its client has no number for another one.
        number = self._numbers.pop(client, None)
        if number is None:
            name = family(client)
            number = self._next[name]
            self._next[name] += self.concurrency
        self._under_way[client, call] = number
        return number

    def end(self, client: str, call: int, indeterminate: bool) -> int:
        """The number under which a client ends a call it began."""
        number = self._under_way.pop((client, call))
        if not indeterminate:
            self._numbers.setdefault(client, number)
        return number
