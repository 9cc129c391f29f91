"""One client process that a check tells what to call, one call at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from histories.rows import AnyRow, Call, Return
from histories.vocabulary import Operation
from lockquake.conform.outcome import Failed, Undecided
from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Do, Quit, Result
from nuclei.platforms.base import HarnessError

LONGEST_CALL = 40.0
"""Seconds a call may take beyond its own limit: libraries that repeat a lost request take that long by themselves."""
START_LIMIT, _ASK_TO_END = 40.0, 2.0


@dataclass(frozen=True)
class Reply:
    """How a call ended: its ``return`` row, and the seconds it took."""

    row: Return
    seconds: float

    @property
    def granted(self) -> bool:
        """It worked."""
        return self.row.outcome == "ok"

    @property
    def refused(self) -> bool:
        """It certainly did not."""
        return self.row.outcome == "fail"

    @property
    def words(self) -> str:
        """How it ended, with the lock's own words."""
        ending = {"ok": "worked", "fail": "was refused", "info": "was indeterminate"}.get(
            self.row.outcome, "never ended"
        )
        return f"{ending} ({self.row.error})" if self.row.error else ending


class Taker:
    """A client at a site of its own. What an adapter does that is no ending of a call fails the check."""

    def __init__(self, name: str, process: ClientProcess) -> None:
        self.name = name
        self.process = process
        self._calls: dict[tuple[str, int], int] = {}
        self._latest: tuple[int, Return] | None = None
        self._mutex = threading.Lock()
        self._under_way: Operation = "acquire"
        process.on_row(self._note)

    def _note(self, row: AnyRow) -> None:
        with self._mutex:
            if isinstance(row, Call):
                self._calls[row.client, row.call] = row.t
            elif isinstance(row, Return):
                self._latest = (self._calls.get((row.client, row.call), row.t), row)

    def ready(self) -> None:
        """Wait until it is configured and connected."""
        try:
            self.process.ready(START_LIMIT)
        except HarnessError as error:
            raise self._explained("connect", error) from error

    def do(self, op: Operation, limit: float = 0.0) -> Reply:
        """Make a call and wait for its end."""
        self.begin(op, limit)
        reply = self.end(limit + LONGEST_CALL)
        if reply is None:
            raise Undecided(f"{op} of {self.name} did not come back within {limit + LONGEST_CALL:g} s")
        return reply

    def begin(self, op: Operation, limit: float = 0.0) -> None:
        """Make a call and go on."""
        self._under_way = op
        self.process.send(Do(op=op, limit=limit))

    def end(self, seconds: float) -> Reply | None:
        """The end of the call that was begun; None when it does not come within ``seconds``."""
        op = self._under_way
        try:
            result = self.process.expect(Result, seconds)
        except HarnessError as error:
            if self.process.trouble is None and self.process.alive:
                return None
            raise self._explained(op, error) from error
        with self._mutex:
            assert self._latest is not None
            called, row = self._latest
        return Reply(row, (result.t - called) / 1e9)

    def take(self, limit: float = 5.0) -> Reply:
        """Acquire, which nothing stands in the way of. Raises Failed where it is not granted."""
        reply = self.do("acquire", limit)
        if not reply.granted:
            raise Failed(f"acquire of {self.name} {reply.words}, although nobody held the lock and nothing was cut")
        return reply

    def give_back(self) -> Reply:
        """Release what is held, with nothing in the way. Raises Failed where that does not work."""
        reply = self.do("release")
        if not reply.granted:
            raise Failed(f"release of {self.name} {reply.words}, although it held the lock and nothing was cut")
        return reply

    def quit(self) -> None:
        """Ask it to close its lock and to exit; does not wait."""
        self.process.send(Quit())

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self.process.end(_ASK_TO_END)

    def _explained(self, op: str, error: HarnessError) -> Failed | Undecided:
        trouble = self.process.trouble
        if trouble:
            return Failed(f"{op} raised {trouble}, which is neither Refused nor Indeterminate")
        if not self.process.alive:
            return Failed(f"the client's process ended during {op}; see {self.process.stderr}")
        return Undecided(f"{op} of {self.name}: {error}")
