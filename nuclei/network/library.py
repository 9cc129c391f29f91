"""toxiproxy-python, made fit for several servers, many threads and servers that do not answer.

The library keeps its server's address in a class, sets no time limits, follows the environment's proxies and lets a
500 pass. Its modules look the class up by name, so this one is put in its place: calls made while a server is bound in
the current context go there, with a time limit and a checked status; all other code finds the library unchanged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import msgspec
import requests
import toxiproxy.proxy
import toxiproxy.server
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from toxiproxy.api import APIConsumer, validate_response
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from nuclei.platforms.base import HarnessError

#: Connections to one server that are kept open for the next call.
_POOL = 16


class ProxyControlError(HarnessError):
    """The proxy server could not do, or did not answer, what it was asked; the sentence says what was seen."""


class ProxyHangs(ProxyControlError):
    """A call was sent and no answer came within the time limit."""


class AlreadyThere(ProxyControlError):
    """A proxy or toxic of that name exists."""


class NotThere(ProxyControlError):
    """No proxy or toxic of that name exists."""


_bound: ContextVar[Calls | None] = ContextVar("toxiproxy_calls", default=None)


class RoutedConsumer(APIConsumer):  # type: ignore[misc]
    """Stands in for the library's ``APIConsumer``: calls go to the server bound in this context, if one is.

    Code outside this module that uses the library directly finds it unchanged.
    """

    @classmethod
    def get(cls, url: str, params: Any = None, **kwargs: Any) -> Any:
        calls = _bound.get()
        return calls.send("GET", url) if calls else super().get(url, params=params, **kwargs)

    @classmethod
    def delete(cls, url: str, **kwargs: Any) -> Any:
        calls = _bound.get()
        return calls.send("DELETE", url) if calls else super().delete(url, **kwargs)

    @classmethod
    def post(cls, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Any:
        calls = _bound.get()
        if calls:
            return calls.send("POST", url, json)
        return super().post(url, data=data, json=json, **kwargs)


# The library's modules hold the class by name, so the replacement must be put where they look.
toxiproxy.server.APIConsumer = RoutedConsumer
toxiproxy.proxy.APIConsumer = RoutedConsumer


class Calls:
    """HTTP to one server: kept-open connections, a time limit, and every failure in one sentence.

    It sends through the adapter of a ``requests.Session``, not through the session: merging settings and environment
    for each call takes a third of its time (0.9 against 0.6 ms of CPU), and a cut is dozens of calls.
    """

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self.base = f"http://{host}:{port}"
        self.timeout = timeout
        # A call is never sent twice: a repeated POST of a toxic would report a conflict with itself.
        self.adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL, max_retries=0)

    def send(self, method: str, url: str, json: Any = None) -> requests.Response:
        """The answer to one call.

        Raises:
            ProxyHangs, AlreadyThere, NotThere, ProxyControlError: see there.
        """
        what = f"{method} {url} at {self.base}"
        try:
            response = self.adapter.send(self._prepare(method, url, json), timeout=self.timeout, proxies=None)
            response.content  # noqa: B018 - reads the body and gives the connection back to the pool
        except requests.Timeout as error:
            raise ProxyHangs(
                f"The proxy at {self.base} stopped answering: {method} {url} got no answer within {self.timeout:g} s; "
                f"it may be hanging, paused or overloaded. Look at its log, or restart it and populate it again."
            ) from error
        except requests.RequestException as error:
            raise ProxyControlError(
                f"The proxy at {self.base} is not reachable: {method} {url} ended with {_reason(error)}. "
                f"Check that it is running and that its control port is published on 127.0.0.1."
            ) from error
        _check(response, what)
        return response

    def _prepare(self, method: str, url: str, json: Any) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.method = method
        request.url = self.base + url.replace(">", "%3E")  # the only character of a name that a URL may not have
        request.headers = CaseInsensitiveDict({"User-Agent": "lockquake"})
        if json is not None:
            request.body = msgspec.json.encode(json)
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(request.body))
        return request

    def close(self) -> None:
        """Close the kept-open connections."""
        self.adapter.close()

    @contextlib.contextmanager
    def bound(self) -> Iterator[None]:
        """Send the library's calls made inside, in this thread, to this server."""
        token = _bound.set(self)
        try:
            yield
        finally:
            _bound.reset(token)


def _check(response: requests.Response, what: str) -> None:
    """Raise, in our words, what the library raises for 400, 404 and 409, and what it lets pass: all other failures."""
    try:
        validate_response(response)
    except ProxyExists as error:
        raise AlreadyThere(f"{what} found the name taken: {_said(response)}") from error
    except NotFound as error:
        raise NotThere(f"{what} found nothing of that name: {_said(response)}") from error
    except InvalidToxic as error:
        raise ProxyControlError(f"{what} was refused as invalid: {_said(response)}") from error
    if response.status_code >= 300:
        raise ProxyControlError(f"{what} failed with status {response.status_code}: {_said(response)}")


def _reason(error: Exception) -> str:
    """The innermost cause; requests wraps it four times."""
    cause: BaseException = error
    for _ in range(10):
        inner = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return f"{type(cause).__name__}: {cause}"


def _said(response: requests.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip()[:300] or "(no text)"
