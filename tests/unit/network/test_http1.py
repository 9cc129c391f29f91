"""The HTTP parser: any split of the bytes, any nonsense, every limit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuclei.network.toxiproxy.http1 import MAX_BODY, MAX_HEAD, HttpError, Request, RequestParser, Response

POST = b'POST /proxies?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\nUser-Agent:  a b \r\n\r\n{"a":1}'
GET = b"GET /version HTTP/1.1\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"


def parse(*pieces: bytes) -> list[Request]:
    parser = RequestParser()
    found = []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next()) is not None:
            found.append(request)
    return found


def outcome(*pieces: bytes) -> int:
    """The status the bytes would be refused with, 200 when they are not."""
    try:
        parse(*pieces)
    except HttpError as error:
        return error.status
    return 200


def test_a_request_with_a_body() -> None:
    (request,) = parse(POST)
    assert (request.method, request.target, request.body) == ("POST", "/proxies?x=1", b'{"a":1}')
    assert request.headers["user-agent"] == "a b"
    assert request.keep_alive


@settings(deadline=None)
@given(st.data())
def test_the_pieces_the_bytes_come_in_do_not_matter(data: st.DataObject) -> None:
    stream = POST + b"\r\n" + GET + CHUNKED + POST
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=30)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [(request.method, request.body) for request in parse(*pieces)] == [
        ("POST", b'{"a":1}'),
        ("GET", b""),
        ("POST", b"abc0123456789"),
        ("POST", b'{"a":1}'),
    ]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_random_bytes_give_requests_or_a_refusal(pieces: list[bytes]) -> None:
    assert outcome(*pieces) in (200, 400, 413, 431, 501, 505)


@settings(deadline=None)
@given(
    prefix=st.integers(0, len(POST)),
    junk=st.binary(max_size=20),
    skip=st.integers(0, 20),
    original=st.sampled_from([POST, CHUNKED, GET]),
)
def test_damaged_requests_give_requests_or_a_refusal(prefix: int, junk: bytes, skip: int, original: bytes) -> None:
    assert outcome(original[:prefix] + junk + original[prefix + skip :]) in (200, 400, 413, 431, 501, 505)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\nnonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1 extra\r\n\r\n", 400),
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"G\x00T / HTTP/1.1\r\n\r\n", 400),
        (b"GET / FTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: empty\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nspace : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n", 431),
        (b"x" * (MAX_HEAD + 1), 431),
    ],
)
def test_refusals(data: bytes, status: int) -> None:
    assert outcome(data) == status


@pytest.mark.parametrize(
    ("version", "header", "alive"),
    [
        (b"1.1", b"", True),
        (b"1.0", b"", False),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_keep_alive(version: bytes, header: bytes, alive: bool) -> None:
    (request,) = parse(b"GET / HTTP/" + version + b"\r\n" + header + b"\r\n")
    assert request.keep_alive is alive


def test_a_client_that_waits_for_continue_is_told_once() -> None:
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert parser.next() is None
    assert parser.wants_continue
    assert not parser.wants_continue
    parser.feed(b"ab")
    request = parser.next()
    assert request is not None
    assert request.body == b"ab"


def test_a_rendered_response() -> None:
    text = Response(201, b"{}", {"Content-Type": "application/json"}).render(True)
    assert text.startswith(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nDate: ")
    assert text.endswith(b"\r\nContent-Length: 2\r\n\r\n{}")


def test_no_content_has_neither_length_nor_body() -> None:
    text = Response(204, b"ignored").render(False)
    assert b"Content-Length" not in text
    assert text.endswith(b"Connection: close\r\n\r\n")
