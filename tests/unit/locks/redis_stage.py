"""A Redis server that plays a script: what it answers to each command, or that it stays silent or hangs up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from nuclei.locks.base import Endpoint

Answer = str | int | None | list[object] | type[BaseException]


class Silence(BaseException):
    """Answer nothing, keep the connection."""


class HangUp(BaseException):
    """Close the connection instead of an answer."""


MASTER = ["master", 0, []]


def packed(answer: object) -> bytes:
    """RESP2. A string with a leading ``-`` is an error reply."""
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, list):
        return b"*%d\r\n" % len(answer) + b"".join(packed(part) for part in answer)
    text = str(answer).encode()
    return text + b"\r\n" if text.startswith(b"-") else b"$%d\r\n%s\r\n" % (len(text), text)


class Stage:
    """``play(words)`` gives the answer; ROLE is answered ``role``. ``heard`` are the other commands, in order."""

    def __init__(self, play: Callable[[list[str]], object] = lambda words: "OK", role: object = MASTER) -> None:
        self.play = play
        self.role = role
        self.heard: list[list[str]] = []
        self.connections: list[socket.socket] = []
        self.subscribers: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint("127.0.0.1", self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while True:
                try:
                    words = self._words(lines.readline, lines.read)
                    if words is None:
                        return
                    answer = self._answer(words)
                    if answer is Silence:
                        continue
                    if answer is HangUp:
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                    connection.sendall(packed(answer))
                    if words[0] == "SUBSCRIBE":
                        self.subscribers.append(connection)
                except OSError:
                    return

    def publish(self, channel: str, text: str) -> None:
        """A message to every connection that sent SUBSCRIBE and got its answer."""
        for connection in self.subscribers:
            connection.sendall(packed(["message", channel, text]))

    def _answer(self, words: list[str]) -> object:
        if words == ["ROLE"]:
            return self.role
        self.heard.append(words)
        return self.play(words)

    @staticmethod
    def _words(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> list[str] | None:
        head = readline()
        if not head:
            return None
        words = []
        for _ in range(int(head[1:])):
            size = int(readline()[1:])
            words.append(read(size + 2)[:-2].decode())
        return words

    def hang_up(self) -> None:
        """Close every connection from this side."""
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(2)
            assert not thread.is_alive()
