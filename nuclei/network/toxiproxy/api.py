"""The control API: which method and path does what, and how results and errors are written down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import unquote

from . import VERSION, toxics
from .collection import Collection
from .errors import ApiError
from .http1 import Request, Response
from .proxy import Proxy

Handler = Callable[[Request, Sequence[str]], Awaitable[Response]]


class Api:
    """Answers requests on a collection of proxies. Changes are made one after the other."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._numbers = itertools.count(1)
        self._routes: tuple[tuple[tuple[str, ...], dict[str, Handler]], ...] = (
            (("proxies",), {"GET": self._proxies, "POST": self._create}),
            (("populate",), {"POST": self._populate}),
            (
                ("proxies", "*"),
                {"GET": self._show, "POST": self._update, "PATCH": self._update, "DELETE": self._remove},
            ),
            (("proxies", "*", "toxics"), {"GET": self._toxics, "POST": self._add_toxic}),
            (
                ("proxies", "*", "toxics", "*"),
                {
                    "GET": self._toxic,
                    "POST": self._update_toxic,
                    "PATCH": self._update_toxic,
                    "DELETE": self._remove_toxic,
                },
            ),
            (("reset",), {"POST": self._reset}),
            (("version",), {"GET": self._version}),
            (("metrics",), {"GET": self._metrics}),
        )

    async def answer(self, request: Request) -> Response:
        """The response to any request; never raises for what a client sent."""
        path = [unquote(part) for part in request.target.partition("?")[0].split("/")]
        handlers, names = self._find(path)
        if handlers is None:
            return _plain(404, "404 page not found")
        handler = handlers.get(request.method)
        if handler is None:
            return Response(405, headers={"Allow": ", ".join(handlers)})
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            # A page in a browser must not be able to drive the proxy of the machine it is shown on.
            return _plain(403, "User agent not allowed")
        try:
            response = await handler(request, names)
        except ApiError as error:
            response = _plain(error.status, _compact(error.document()))
        response.headers["X-Toxiproxy-Request-Id"] = f"{next(self._numbers):016x}"
        return response

    def _find(self, path: list[str]) -> tuple[dict[str, Handler] | None, list[str]]:
        if path[0]:
            return None, []
        parts = path[1:]
        for pattern, handlers in self._routes:
            if len(pattern) == len(parts) and all(
                (want == "*" and part and "/" not in part) or want == part
                for want, part in zip(pattern, parts, strict=True)
            ):
                return handlers, [part for want, part in zip(pattern, parts, strict=True) if want == "*"]
        return None, []

    async def _proxies(self, request: Request, names: Sequence[str]) -> Response:
        return _json(200, {name: proxy.document() for name, proxy in sorted(self._collection.proxies.items())})

    async def _create(self, request: Request, names: Sequence[str]) -> Response:
        return _json(201, (await self._collection.create(request.body)).document())

    async def _populate(self, request: Request, names: Sequence[str]) -> Response:
        done: list[Proxy] = []
        answer: dict[str, object] = {}
        status = 201
        try:
            await self._collection.populate(request.body, done)
        except ApiError as error:
            answer, status = error.document(), error.status
        answer["proxies"] = [proxy.document() for proxy in done] or None
        return _json(status, answer)

    async def _show(self, request: Request, names: Sequence[str]) -> Response:
        return _json(200, self._collection.get(names[0]).document())

    async def _update(self, request: Request, names: Sequence[str]) -> Response:
        return _json(200, (await self._collection.update(names[0], request.body)).document())

    async def _remove(self, request: Request, names: Sequence[str]) -> Response:
        await self._collection.remove(names[0])
        return Response(204)

    async def _toxics(self, request: Request, names: Sequence[str]) -> Response:
        return _json(200, [toxic.document() for toxic in self._collection.get(names[0]).all_toxics()])

    async def _add_toxic(self, request: Request, names: Sequence[str]) -> Response:
        proxy = self._collection.get(names[0])
        toxic = toxics.read_new(request.body)
        proxy.add_toxic(toxic)
        return _json(200, toxic.document())

    async def _toxic(self, request: Request, names: Sequence[str]) -> Response:
        return _json(200, self._collection.get(names[0]).toxic(names[1]).document())

    async def _update_toxic(self, request: Request, names: Sequence[str]) -> Response:
        return _json(200, self._collection.get(names[0]).update_toxic(names[1], request.body).document())

    async def _remove_toxic(self, request: Request, names: Sequence[str]) -> Response:
        self._collection.get(names[0]).remove_toxic(names[1])
        return Response(204)

    async def _reset(self, request: Request, names: Sequence[str]) -> Response:
        await self._collection.reset()
        return Response(204)

    async def _version(self, request: Request, names: Sequence[str]) -> Response:
        body = f'{{"version": "{VERSION}"}}\n'.encode()
        return Response(200, body, {"Content-Type": "application/json;charset=utf-8"})

    async def _metrics(self, request: Request, names: Sequence[str]) -> Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return Response(200, self._collection.metrics().encode(), headers)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _json(status: int, value: object) -> Response:
    # Lone surrogates, which JSON escapes can smuggle into a name, have no UTF-8 form.
    return Response(status, _compact(value).encode("utf-8", "replace"), {"Content-Type": "application/json"})


def _plain(status: int, text: str) -> Response:
    # Go's http.Error: text/plain even for a JSON body, and a line end.
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return Response(status, f"{text}\n".encode("utf-8", "replace"), headers)
