"""The toxics that lose bytes or decide when a connection ends: timeout, reset_peer, limit_data, slow_close."""

from __future__ import annotations

from .stage import Account, Receiver, Stage
from .toxics import Toxic


class Timeout(Stage):
    """Drops everything; closes after ``timeout`` ms without data, never when that is 0 (a black hole).

    The end of the stream passes at once: a FIN crosses this toxic unless slow_close is in the chain too.
    """

    __slots__ = ()

    def start(self) -> None:
        """Start the clock with the connection, or when the toxic is added."""
        self._restart()

    def feed(self, data: bytes, stamp: float) -> None:
        """Drop, and start the clock anew, as the original does."""
        self.account.drop(len(data))
        if not self.closed:
            self._restart()

    def _restart(self) -> None:
        milliseconds = self.toxic.attributes["timeout"]
        if milliseconds > 0:
            self.after(milliseconds / 1000, self.close)


class ResetPeer(Stage):
    """Discards the first chunk, waits ``timeout`` ms, closes. Whether that is RST or FIN is the connection's affair."""

    __slots__ = ()

    def feed(self, data: bytes, stamp: float) -> None:
        """Light the fuse with the first chunk; later ones are dropped."""
        self.account.drop(len(data))
        self._light()

    def end(self) -> None:
        """The end of the stream lights the fuse as well."""
        self.ended = True
        self._light()

    def _light(self) -> None:
        if self.closed or self.timer is not None:
            return
        milliseconds = self.toxic.attributes["timeout"]
        if milliseconds > 0:
            self.after(milliseconds / 1000, self.close)
        else:
            self.close()

    def release(self) -> None:
        """A burning fuse cannot be put out by removing the toxic: the chunk is lost, so close now."""
        if self.timer is not None:
            self.close()


class LimitData(Stage):
    """Passes ``bytes`` bytes of each connection, cuts the chunk that goes beyond, closes when the limit is reached."""

    __slots__ = ("passed",)

    def __init__(self, toxic: Toxic, account: Account, receiver: Receiver) -> None:
        super().__init__(toxic, account, receiver)
        self.passed = 0

    def feed(self, data: bytes, stamp: float) -> None:
        """Pass on what the limit allows."""
        if self.closed:
            self.account.drop(len(data))
            return
        room = max(0, self.toxic.attributes["bytes"] - self.passed)
        if len(data) > room:
            self.account.drop(len(data) - room)
            data = data[:room]
        if data:
            self.passed += len(data)
            self.next.feed(data, stamp)
        if self.passed >= self.toxic.attributes["bytes"]:
            self.close()


class SlowClose(Stage):
    """Passes data; the end of the stream waits ``delay`` ms, or until the toxic is removed."""

    __slots__ = ()

    def end(self) -> None:
        """Hold the end back."""
        if not self.ended:
            self.ended = True
            self.after(self.toxic.attributes["delay"] / 1000, self.close)
