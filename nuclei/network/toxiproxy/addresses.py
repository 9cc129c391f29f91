"""``host:port`` strings: parsed, resolved and listened on, with errors in the words Go uses for them."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket

from .errors import AddressError

_BACKLOG = 1024


def split(address: str) -> tuple[str, int]:
    """Host (without brackets, may be empty) and port.

    Raises:
        AddressError: no port, more than one colon without brackets, or a port that is no number below 65536.
    """
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        raise AddressError(f"address {address}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressError(f"address {address}: too many colons in address")
    if port and not (port.isascii() and port.isdigit()):
        raise AddressError(f"lookup tcp/{port}: unknown port")
    number = int(port or "0")
    if number > 65535:
        raise AddressError(f"address {port}: invalid port")
    return host, number


def join(host: str, port: int) -> str:
    """The inverse of :func:`split`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolve(address: str) -> tuple[str, int]:
    """Numeric host and port; IPv4 is preferred, an empty host stays empty (every address).

    Raises:
        AddressError: it cannot be parsed or the name is unknown.
    """
    host, port = split(address)
    if not host or _is_numeric(host):
        return host, port
    if host == "localhost":  # no resolver thread for the name everybody uses
        return "127.0.0.1", port
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressError(f"lookup {host}: no such host") from None
    numeric = [str(entry[4][0]) for entry in found if entry[0] == socket.AF_INET] or [str(found[0][4][0])]
    return numeric[0], port


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


async def listen(address: str) -> socket.socket:
    """A non-blocking listening socket on ``address``; port 0 lets the kernel choose.

    Raises:
        AddressError: "listen tcp ...: bind: address already in use" and the like.
    """
    try:
        host, port = await resolve(address)
    except AddressError as error:
        raise AddressError(f"listen tcp: {error}") from None
    dual_stack = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual_stack or ":" in host else socket.AF_INET
    try:
        return _bound(family, host, port, dual_stack)
    except OSError as error:
        words = os.strerror(error.errno).lower() if error.errno else str(error)
        raise AddressError(f"listen tcp {join(host, port)}: bind: {words}") from None


def _bound(family: socket.AddressFamily, host: str, port: int, dual_stack: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual_stack)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def of(listener: socket.socket) -> str:
    """The address a listener really has, as ``host:port``."""
    host, port = listener.getsockname()[:2]
    return join(str(host), int(port))
