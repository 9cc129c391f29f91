"""All proxies of a server, by name."""

from __future__ import annotations

import random
from collections.abc import Mapping

from . import errors
from .body import Fields, first_value
from .errors import AddressError, ApiError, BodyError
from .log import Log
from .metrics import Traffic
from .patience import of_upstream
from .proxy import Proxy, start_error


class Collection:
    """Creates, finds, replaces and removes proxies.

    Args:
        rng: draws toxicity, jitter and slices; seeded, it repeats them for the same order of events.
        patience: upstream port → seconds for which a refused dial is repeated (see :mod:`.patience`).
    """

    def __init__(self, log: Log, rng: random.Random, patience: Mapping[int, float] | None = None) -> None:
        self.proxies: dict[str, Proxy] = {}
        self.traffic = Traffic()
        self._log = log
        self._random = rng
        self._patience = dict(patience or {})

    def get(self, name: str) -> Proxy:
        """The proxy of that name.

        Raises:
            ApiError: 404.
        """
        try:
            return self.proxies[name]
        except KeyError:
            raise errors.proxy_not_found() from None

    async def create(self, raw: bytes) -> Proxy:
        """POST /proxies.

        Raises:
            ApiError: 400 for a bad body or a missing name or upstream, 409 for a name that exists, 500 when the
                address cannot be listened on (then the proxy does not exist).
        """
        try:
            fields = Fields(first_value(raw), "Proxy")
            enabled = fields.flag("enabled", True)
            name, listen, upstream = fields.text("name"), fields.text("listen"), fields.text("upstream")
        except BodyError as error:
            raise errors.bad_request_body(error) from None
        for what, value in (("name", name), ("upstream", upstream)):
            if not value:
                raise errors.missing_field(what)
        if name in self.proxies:
            raise errors.proxy_already_exists()
        proxy = self._new(name, listen, upstream)
        await _start(proxy, enabled)
        self.proxies[name] = proxy
        return proxy

    async def populate(self, raw: bytes, done: list[Proxy]) -> None:
        """POST /populate: create or replace, in order; ``done`` receives each proxy, also when a later one fails.

        Raises:
            ApiError: 400 before anything was changed, 500 for the first address that cannot be listened on.
        """
        for proxy, enabled in self._read_populate(raw):
            existing = self.proxies.get(proxy.name)
            if existing is not None:
                try:
                    differs = await existing.differs(proxy.listen, proxy.upstream)
                except AddressError as error:
                    raise start_error(error) from None
                if not differs:
                    done.append(existing)
                    continue
                await existing.stop()
            await _start(proxy, enabled)
            self.proxies[proxy.name] = proxy
            done.append(proxy)

    def _read_populate(self, raw: bytes) -> list[tuple[Proxy, bool]]:
        try:
            items = first_value(raw)
            if items is not None and not isinstance(items, list):
                raise BodyError("json: cannot unmarshal object into Go value of type []struct")
            rows = [Fields(item, "Proxy") for item in items or ()]
            read = [
                (row.text("name"), row.text("listen"), row.text("upstream"), row.flag("enabled", True)) for row in rows
            ]
        except BodyError as error:
            raise errors.bad_request_body(error) from None
        for number, (name, _, upstream, _) in enumerate(read, 1):
            for what, value in (("name", name), ("upstream", upstream)):
                if not value:
                    raise errors.missing_field(f"{what} at proxy {number}")
        return [(self._new(name, listen, upstream), enabled) for name, listen, upstream, enabled in read]

    async def update(self, name: str, raw: bytes) -> Proxy:
        """POST or PATCH /proxies/{name}: change listen, upstream, enabled; absent fields stay.

        Raises:
            ApiError: 404, 400 for a bad body, 500 for an address.
        """
        proxy = self.get(name)
        try:
            fields = Fields(first_value(raw), "Proxy")
            fields.text("name")
            enabled = fields.flag("enabled", proxy.enabled)
            listen, upstream = fields.text("listen", proxy.listen), fields.text("upstream", proxy.upstream)
        except BodyError as error:
            raise errors.bad_request_body(error) from None
        try:
            await proxy.update(listen, upstream, enabled)
        except AddressError as error:
            raise start_error(error) from None
        return proxy

    async def remove(self, name: str) -> None:
        """DELETE /proxies/{name}: closes its listener and connections.

        Raises:
            ApiError: 404.
        """
        proxy = self.get(name)
        await proxy.stop()
        del self.proxies[name]

    async def reset(self) -> None:
        """POST /reset: enable every proxy and remove every toxic.

        Raises:
            ApiError: 500 with the first address that cannot be listened on, after all others were reset.
        """
        failure: ApiError | None = None
        for proxy in list(self.proxies.values()):
            proxy.remove_toxics()
            try:
                await proxy.start()
            except AddressError as error:
                failure = failure or start_error(error)
        if failure is not None:
            raise failure

    async def clear(self) -> None:
        """Close everything, at the server's end."""
        for proxy in list(self.proxies.values()):
            await proxy.stop()
        self.proxies.clear()

    def metrics(self) -> str:
        """GET /metrics."""
        traffic = self.traffic.copy()
        for proxy in self.proxies.values():
            proxy.count_open(traffic)
        return traffic.text()

    def _new(self, name: str, listen: str, upstream: str) -> Proxy:
        patience = of_upstream(self._patience, upstream)
        return Proxy(name, listen, upstream, log=self._log, rng=self._random, traffic=self.traffic, patience=patience)


async def _start(proxy: Proxy, enabled: bool) -> None:
    if not enabled:
        return
    try:
        await proxy.start()
    except AddressError as error:
        raise start_error(error) from None
