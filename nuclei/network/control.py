"""Toxiproxy's control API: one object per server, every call with a time limit, every failure one sentence.

Any number of threads may use it. A removal that hangs (the original can deadlock on a dead connection, and then does
not answer for that proxy any more) ends in a proxy made anew.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

import msgspec
import toxiproxy.server

from .library import AlreadyThere, Calls, NotThere, ProxyControlError, ProxyHangs, RoutedConsumer

__all__ = [
    "AlreadyThere",
    "NotThere",
    "ProxyControl",
    "ProxyControlError",
    "ProxyHangs",
    "ProxySpec",
    "ProxyState",
    "Toxic",
]

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._->")


class ProxySpec(msgspec.Struct, frozen=True):
    """A proxy to create. Addresses are host:port; port 0 lets the server choose."""

    name: str
    listen: str
    upstream: str
    enabled: bool = True


class Toxic(msgspec.Struct, frozen=True):
    """A toxic: ``stream`` is "upstream" (client to server) or "downstream"; units of ``attributes`` as in Toxiproxy."""

    name: str
    type: str
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, int] = {}


class ProxyState(msgspec.Struct, frozen=True):
    """What the server says of a proxy; ``listen`` is the address it really listens on."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[Toxic, ...] = ()


class ProxyControl:
    """One Toxiproxy server.

    It remembers what it created, because a server whose toxics hang cannot be asked any more.

    Args:
        host, port: the control API.
        timeout: seconds that any single call may take, to connect and to answer each.
    """

    def __init__(self, host: str, port: int, timeout: float = 2.0) -> None:
        self.host = host
        self.port = port
        self._calls = Calls(host, port, timeout)
        self._library = toxiproxy.server.Toxiproxy()
        self._specs: dict[str, ProxySpec] = {}
        self._toxics: dict[str, dict[str, Toxic]] = {}
        self._memory = Lock()

    def close(self) -> None:
        """Close the idle connections to the server."""
        self._calls.close()

    def wait_until_answering(self, deadline_s: float) -> str:
        """Ask for the version until it comes; returns it.

        Raises:
            ProxyControlError: ``deadline_s`` seconds have passed; carries the last failure.
        """
        end = time.monotonic() + deadline_s
        while True:
            try:
                return self.version()
            except ProxyControlError as error:
                if time.monotonic() >= end:
                    raise ProxyControlError(
                        f"The proxy at {self._calls.base} did not answer within {deadline_s:g} s. Last: {error}"
                    ) from error
            time.sleep(0.02)

    def version(self) -> str:
        """The server's version. (The library's own call first connects without a time limit, so it is not used.)"""
        response = self._calls.send("GET", "/version")
        try:
            return str(response.json()["version"])
        except (ValueError, KeyError, TypeError):  # before 2.6 the answer was not JSON
            return response.text.strip()

    def populate(self, specs: Sequence[ProxySpec]) -> dict[str, ProxyState]:
        """Create or replace proxies in one call; those with the same addresses stay as they are.

        Raises:
            ProxyControlError: a name with a forbidden character (it would address another endpoint), or an address
                that cannot be listened on; the proxies before it exist then.
        """
        for spec in specs:
            _check_name(spec.name)
        with self._calls.bound():
            answer = RoutedConsumer.post("/populate", json=msgspec.to_builtins(specs)).json()
        states = [_state(document) for document in answer["proxies"] or ()]
        with self._memory:
            for spec, state in zip(specs, states, strict=True):
                # The address really listened on, so that a proxy made anew keeps the port the kernel chose.
                self._specs[spec.name] = ProxySpec(spec.name, state.listen, spec.upstream, spec.enabled)
                self._toxics[spec.name] = {toxic.name: toxic for toxic in state.toxics}
        return {state.name: state for state in states}

    def proxies(self) -> dict[str, ProxyState]:
        """All proxies of the server with their toxics."""
        with self._calls.bound():
            documents = RoutedConsumer.get("/proxies").json()
        return {name: _state(document) for name, document in documents.items()}

    def add_toxic(self, proxy: str, toxic: Toxic) -> None:
        """Add a toxic to the end of its stream's chain.

        Raises:
            AlreadyThere: the proxy has a toxic of that name.
            NotThere: there is no such proxy.
            ProxyControlError: anything else.
        """
        _check_name(toxic.name)
        with self._calls.bound():
            self._proxy(proxy).add_toxic(**msgspec.to_builtins(toxic))
        with self._memory:
            self._toxics.setdefault(proxy, {})[toxic.name] = toxic

    def remove_toxic(self, proxy: str, name: str) -> bool:
        """Remove a toxic; one that is not there counts as removed.

        Returns:
            True when the removal hung, or the proxy itself had vanished, and the proxy was created again with its other
            toxics, which closed every connection through it.

        Raises:
            ProxyHangs: the whole server does not answer; nothing else was tried.
            ProxyControlError: the proxy could not be made anew, or anything else.
        """
        trouble: ProxyControlError | None = None
        try:
            with self._calls.bound():
                self._proxy(proxy).destroy_toxic(name)
        except NotThere as error:
            # "toxic not found" is what was wanted; "proxy not found" is a proxy that a late DELETE or a restart took.
            trouble = error if "proxy not found" in str(error) and proxy in self._specs else None
        except ProxyHangs as error:
            # A server that is frozen would carry out what is sent now when it thaws: ask it something harmless first.
            self.version()
            trouble = error
        with self._memory:
            self._toxics.get(proxy, {}).pop(name, None)
        if trouble is not None:
            self._recreate(proxy, trouble)
        return trouble is not None

    def enable(self, proxy: str) -> None:
        """Listen again; nothing happens to an enabled proxy."""
        with self._calls.bound():
            self._proxy(proxy).enable()

    def disable(self, proxy: str) -> None:
        """Stop listening and close every connection both ways."""
        with self._calls.bound():
            self._proxy(proxy).disable()

    def redirect(self, proxy: str, upstream: str) -> None:
        """Lead a proxy to another address: every connection through it is closed, toxics stay. Nothing happens when it
        leads there already.

        Raises:
            NotThere: there is no such proxy.
        """
        _check_name(proxy)
        with self._calls.bound():
            RoutedConsumer.post(f"/proxies/{proxy}", json={"upstream": upstream, "enabled": True})
        with self._memory:
            if (spec := self._specs.get(proxy)) is not None:
                self._specs[proxy] = ProxySpec(spec.name, spec.listen, upstream, True)

    def delete(self, proxy: str) -> None:
        """Remove a proxy and close its connections; one that is not there counts as removed."""
        with self._calls.bound(), contextlib.suppress(NotThere):
            self._proxy(proxy).destroy()
        with self._memory:
            self._specs.pop(proxy, None)
            self._toxics.pop(proxy, None)

    def reset(self) -> None:
        """Enable every proxy and remove every toxic."""
        with self._calls.bound():
            self._library.reset()
        with self._memory:
            self._toxics.clear()

    def _proxy(self, name: str) -> Any:
        """The library's object for a proxy, without asking the server whether it exists."""
        _check_name(name)
        spec = self._specs.get(name)
        listen, upstream = (spec.listen, spec.upstream) if spec else ("", "")
        return toxiproxy.server.Proxy(name=name, listen=listen, upstream=upstream, enabled=True)

    def _recreate(self, name: str, trouble: ProxyControlError) -> None:
        """The way out of a deadlocked proxy: only DELETE and POST /proxies do not wait for its toxics."""
        with self._memory:
            spec = self._specs.get(name)
            toxics = list(self._toxics.get(name, {}).values())
        if spec is None:
            raise ProxyControlError(
                f"{trouble} The proxy {name!r} was not created through this control, so it was not made anew."
            ) from trouble
        try:
            with self._calls.bound():
                proxy = self._proxy(name)
                with contextlib.suppress(NotThere):
                    proxy.destroy()
                RoutedConsumer.post("/proxies", json=msgspec.to_builtins(spec))
                for toxic in toxics:
                    proxy.add_toxic(**msgspec.to_builtins(toxic))
        except ProxyControlError as error:
            raise ProxyControlError(f"{trouble} Making the proxy {name!r} anew failed as well: {error}") from error


def _check_name(name: str) -> None:
    if not name or not _NAME_CHARACTERS.issuperset(name) or name in (".", ".."):
        raise ProxyControlError(
            f"{name!r} cannot name a proxy or toxic: use letters, digits and . _ - > only, "
            f"because other characters address another endpoint of the control API."
        )


def _state(document: dict[str, Any]) -> ProxyState:
    return msgspec.convert(document, ProxyState)
