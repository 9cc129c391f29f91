"""HTTP/1.1 as far as a control API needs it: a push parser for requests and a renderer for responses, both pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class HttpError(Exception):
    """A request that cannot be understood; the connection closes after the answer.

    Attributes:
        status: 400, 413, 431, 501 or 505.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Request:
    """One complete request. Header names are in lower case; a repeated header keeps its last value."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    keep_alive: bool = True


@dataclass(slots=True)
class Response:
    """An answer; ``body`` is ignored for 204."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def render(self, keep_alive: bool, head_only: bool = False) -> bytes:
        """The bytes on the wire."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines.extend(f"{name}: {value}" for name, value in self.headers.items())
        lines.append(f"Date: {formatdate(usegmt=True)}")
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        head = "\r\n".join(lines) + "\r\n\r\n"
        empty = head_only or self.status == HTTPStatus.NO_CONTENT
        return head.encode("latin-1") + (b"" if empty else self.body)


class RequestParser:
    """Turns bytes, in whatever pieces they come, into requests."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Request | None = None
        self._length = 0
        self._chunked = False
        self._chunks = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._buffer += data

    @property
    def wants_continue(self) -> bool:
        """The head is in, the body is not, and the client waits for "100 Continue". True only once a request."""
        head = self._head
        return head is not None and head.headers.pop("expect", "").lower() == "100-continue"

    def next(self) -> Request | None:
        """The next complete request, None when more bytes are needed.

        Raises:
            HttpError: the bytes are not a request that can be served; the parser is of no more use.
        """
        if self._head is None:
            self._head = self._take_head()
        head = self._head
        if head is None:
            return None
        body = self._take_chunks() if self._chunked else self._take_fixed()
        if body is None:
            return None
        head.body = body
        self._head = None
        return head

    def _take_head(self) -> Request | None:
        while self._buffer.startswith(b"\r\n"):  # some clients end a body with an extra line
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise HttpError(431, "request header fields too large")
        if end < 0:
            return None
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        request = _request_line(lines[0])
        for line in lines[1:]:
            name, value = _header(line)
            if name == "content-length" and request.headers.get(name, value) != value:
                raise HttpError(400, "two different Content-Length")
            request.headers[name] = value
        self._frame(request)
        return request

    def _frame(self, request: Request) -> None:
        """Decide how the body is delimited and whether the connection lives on."""
        coding = request.headers.get("transfer-encoding", "").lower()
        if coding not in ("", "chunked"):
            raise HttpError(501, f"unsupported transfer encoding {coding!r}")
        self._chunked = coding == "chunked"
        length = request.headers.get("content-length", "0")
        if self._chunked and "content-length" in request.headers:
            raise HttpError(400, "Content-Length with Transfer-Encoding")
        if not (length.isascii() and length.isdigit()):
            raise HttpError(400, "bad Content-Length")
        if len(length) > 18 or int(length) > MAX_BODY:
            raise HttpError(413, "request body too large")
        self._length = int(length)
        wish = request.headers.get("connection", "").lower()
        request.keep_alive = (request.keep_alive and "close" not in wish) or "keep-alive" in wish

    def _take_fixed(self) -> bytes | None:
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        return body

    def _take_chunks(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise HttpError(400, "bad chunk size")
                return None
            size = _chunk_size(bytes(self._buffer[:end]))
            if len(self._chunks) + size > MAX_BODY:
                raise HttpError(413, "request body too large")
            if size == 0:
                return self._take_trailer(end + 2)
            if len(self._buffer) < end + size + 4:
                return None
            if self._buffer[end + size + 2 : end + size + 4] != b"\r\n":
                raise HttpError(400, "bad chunk")
            self._chunks += self._buffer[end + 2 : end + size + 2]
            del self._buffer[: end + size + 4]

    def _take_trailer(self, start: int) -> bytes | None:
        end = self._buffer.find(b"\r\n", start)
        if end < 0:
            return None
        if end != start:
            raise HttpError(400, "trailers are not supported")
        del self._buffer[: end + 2]
        body = bytes(self._chunks)
        self._chunks.clear()
        return body


def _request_line(line: bytes) -> Request:
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[0] or not _TOKEN.issuperset(parts[0]) or not parts[1]:
        raise HttpError(400, "malformed request line")
    method, target, version = (part.decode("latin-1") for part in parts)
    if not version.startswith("HTTP/"):
        raise HttpError(400, "malformed request line")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise HttpError(505, f"unsupported version {version}")
    return Request(method, target, {}, keep_alive=version == "HTTP/1.1")


def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not name or not _TOKEN.issuperset(name):
        raise HttpError(400, "malformed header")
    return name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or not all(char in b"0123456789abcdefABCDEF" for char in digits):
        raise HttpError(400, "bad chunk size")
    return int(digits, 16)
