"""The control API's side of a TCP connection: keep-alive, pipelining in order, an idle limit."""

from __future__ import annotations

import asyncio
from collections import deque

from .api import Api
from .http1 import HttpError, Request, RequestParser, Response
from .log import Log

#: Seconds a control connection may be silent, and requests it may have waiting, before it is closed.
_IDLE_LIMIT = 60.0
_MAX_WAITING = 1000


class ControlProtocol(asyncio.Protocol):
    """One client of the API.

    Args:
        gate: held while a request is answered, so that two clients' changes never interleave.
    """

    def __init__(self, api: Api, log: Log, gate: asyncio.Lock, open_connections: set[ControlProtocol]) -> None:
        self._api = api
        self._log = log
        self._gate = gate
        self._open = open_connections
        self._parser = RequestParser()
        self._waiting: deque[Request] = deque()
        self._refusal: HttpError | None = None
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)
        self._await_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left; a change that is being made is finished."""
        self._open.discard(self)
        self._transport = None
        self._waiting.clear()
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """End the connection, at the server's end."""
        if self._transport is not None:
            self._transport.abort()

    def eof_received(self) -> bool:
        """The client said all it wants to say; it still gets its answers."""
        self._ended = True
        if self._task is None and self._transport is not None:
            self._transport.close()
        return True

    def data_received(self, data: bytes) -> None:
        """Parse, and answer what is complete."""
        if self._refusal is not None or self._transport is None:
            return
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._parser.feed(data)
        try:
            while (request := self._parser.next()) is not None:
                self._waiting.append(request)
                if len(self._waiting) > _MAX_WAITING:
                    raise HttpError(400, "too many pipelined requests")
        except HttpError as error:
            self._refusal = error
        if self._parser.wants_continue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        try:
            while self._waiting:
                request = self._waiting.popleft()
                async with self._gate:
                    response = await self._respond(request)
                if self._transport is None:
                    return
                self._transport.write(response.render(request.keep_alive, request.method == "HEAD"))
                if not request.keep_alive or (self._ended and not self._waiting):
                    self._transport.close()
                    return
            self._refuse()
        finally:
            self._task = None
            self._await_next()

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._api.answer(request)
        except Exception as error:
            # A defect of ours must show in the answer, not as a connection that stays silent.
            self._log.line("internal error", method=request.method, target=request.target, error=repr(error))
            return Response(500, b'{"error":"internal error","status":500}\n', {"Content-Type": "application/json"})

    def _refuse(self) -> None:
        if self._refusal is not None and self._transport is not None:
            body = f"{self._refusal.status} {self._refusal}\n".encode()
            headers = {"Content-Type": "text/plain; charset=utf-8"}
            self._transport.write(Response(self._refusal.status, body, headers).render(False))
            self._transport.close()

    def _await_next(self) -> None:
        if self._transport is not None and not self._transport.is_closing() and self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(_IDLE_LIMIT, self._transport.close)
