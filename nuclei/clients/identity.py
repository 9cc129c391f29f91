"""Names of clients and attempts.

A client retires after an indeterminate result and a fresh one takes its place, often in the same process (CHECKERS §4:
that rule keeps every recorded history exactly checkable). The names say so: ``c1`` is followed by ``c1.2``, ``c1.3``.
Attempts are ``CLIENT-NUMBER``: ``c1-7``, ``c1.2-1``.
"""

from __future__ import annotations

import re

_GENERATION = re.compile(r"^(?P<name>.+)\.(?P<number>[0-9]+)$")


def successor(client: str) -> str:
    """The id of the fresh client that takes the place of ``client`` in its process."""
    match = _GENERATION.match(client)
    return f"{match['name']}.{int(match['number']) + 1}" if match else f"{client}.2"


def process_name(client: str) -> str:
    """The id the process of ``client`` was started with: ``c1`` for ``c1.3``."""
    match = _GENERATION.match(client)
    return match["name"] if match else client


def attempt_id(client: str, number: int) -> str:
    """The id of the ``number``-th acquire attempt of ``client``, unique within a trial."""
    return f"{client}-{number}"
