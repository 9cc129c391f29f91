"""etcd's JSON gateway for our own locks: no retries, explicit limits, and an exact answer to "did a server get it?".

There is no well-kept client library for Python (etcd3 has been without a release since 2019 and pins old protobuf), and
the gateway is part of every server. How a request ends: with its answer; nothing was sent (no server to be reached):
Refused; the server says that it was not executed (no leader): Refused; sent, and the connection was lost, the time
passed, or the server cannot tell: Indeterminate. The next request then goes to another server.

Source: etcd, "gRPC gateway".
"""

from __future__ import annotations

import http.client
import json
import select
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nuclei.locks.base import Endpoint, Indeterminate, Refused

_NOT_DONE = ("no leader", "not capable")


def in_base64(text: str) -> str:
    """A key or value as requests have it."""
    return b64encode(text.encode()).decode()


def after(prefix: str) -> str:
    """The end of the range of all keys that begin with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class LeaseGone(Refused):
    """The lease is not known to the servers (any more)."""


class EtcdGateway:
    """One connection at a time, to the servers in turn. ``timeout``: seconds a connection attempt or an answer may
    take. Not for use by several threads."""

    def __init__(self, endpoints: Sequence[Endpoint], timeout: float) -> None:
        self._endpoints = list(endpoints)
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, path: str, body: Mapping[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """One request and its answer. Raises Refused, LeaseGone, Indeterminate."""
        connection = self._ready()
        try:
            connection.sock.settimeout(min(self._timeout, timeout or self._timeout))
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            status, said = answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.turn()
            raise Indeterminate(f"{path} was sent, but no answer came: {error!r}") from error
        if status == http.client.OK:
            return dict(said.get("result", said))
        words = str(said.get("error", said))
        if "lease not found" in words:
            raise LeaseGone(words)
        self.turn()
        if any(reason in words for reason in _NOT_DONE):
            raise Refused(words)
        raise Indeterminate(f"{path}: {words}")

    def events(self, key: str, since: int, seconds: float) -> Iterator[Mapping[str, Any]]:
        """What happens to a key (in base64) from a revision on, for so many seconds between two events at most; ends
        when the connection does. Uses a connection of its own. Raises Refused where there is no server."""
        self._ready()
        place = self._endpoints[0]
        watching = http.client.HTTPConnection(place.host, place.port, timeout=seconds)
        try:
            wanted = {"create_request": {"key": key, "start_revision": str(since)}}
            watching.request("POST", "/v3/watch", json.dumps(wanted))
            answer = watching.getresponse()
            while line := answer.readline():
                yield from json.loads(line).get("result", {}).get("events", [])
        except (OSError, http.client.HTTPException, ValueError):
            return
        finally:
            watching.close()

    def _ready(self) -> http.client.HTTPConnection:
        """Be connected to some server. Raises Refused: nothing was sent."""
        if self._connection is not None and not _ended(self._connection):
            return self._connection
        self.close()
        seen = ""
        for _ in self._endpoints:
            place = self._endpoints[0]
            connection = http.client.HTTPConnection(place.host, place.port, timeout=self._timeout)
            try:
                connection.connect()
            except OSError as error:
                seen = f"{place.host}:{place.port}: {error}"
                self.turn()
                continue
            self._connection = connection
            return connection
        raise Refused(f"no etcd server can be reached (the last one: {seen})")

    def turn(self) -> None:
        """The next request goes to the next server."""
        self.close()
        self._endpoints.append(self._endpoints.pop(0))

    def close(self) -> None:
        """Drop the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _ended(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection was closed by the other side."""
    if connection.sock is None:
        return True
    readable, _, _ = select.select([connection.sock], [], [], 0)
    return bool(readable)
