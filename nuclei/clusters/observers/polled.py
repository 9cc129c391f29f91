"""An observer that asks a server again and again what it holds: for servers that notify nobody beside them.

What lasts shorter than the interval between two looks may be missed; what is missed is never guessed.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from histories.rows import Role, Server
from histories.vocabulary import EndReason, ServerEvent
from histories.write import PartWriter
from nuclei.clusters.base import Observer
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.observers.threads import start_all, stop_all
from nuclei.platforms.base import HarnessError, Platform

INTERVAL = 0.05
BLIND_AFTER = 0.3
_FIRST_SECONDS = 2.0


@dataclass(frozen=True)
class Held:
    """What is there under one name: its owner value, the session it lives in and its fencing token, where there are
    any."""

    owner: str | None
    session: str | None = None
    fence: int | None = None


@dataclass(frozen=True)
class Look:
    """What a server said at once. ``run`` names the run of its process; ``held``: key → what is there; ``counts``:
    whatever else tells why something ended."""

    role: str
    run: str
    held: Mapping[str, Held]
    counts: Mapping[str, int] = field(default_factory=dict)
    sessions: frozenset[str] = frozenset()


class PolledNode(ABC):
    """Watches one node until ``stop``; what is seen of it is written when it changes. ``interval``: seconds between two
    looks."""

    interval: ClassVar[float] = INTERVAL
    counted: ClassVar[str] = "held"
    """What a server that is seen again holds so many of, in words."""

    def __init__(self, platform: Platform, node: str, key: str, writer: PartWriter, stop: threading.Event) -> None:
        self.node = node
        self.seen = threading.Event()
        self.trouble = "nothing yet"
        self._platform, self._key, self._writer, self._stop = platform, key, writer, stop
        self._last: Look | None = None
        self._last_t = 0
        self._held: Mapping[str, Held] = {}
        self._role: str | None = None
        self._blind = False

    @abstractmethod
    def look(self, timeout: float) -> Look:
        """Ask the server. Raises NoAnswer."""

    @abstractmethod
    def reason(self, gone: Held, was: Look, now: Look) -> EndReason:
        """Why what was held is not there any more, although the server's process is the same."""

    def reason_of_restart(self, gone: Held, was: Look, now: Look) -> EndReason:
        """Why it is not there any more when the process is another one."""
        return "restart"

    def knows(self, now: Look) -> bool:
        """Whether what it said to be held counts: a server without a leader may have to learn it again."""
        return True

    def holding(self, now: Look) -> str:
        """What it holds, in words for the evidence of a role."""
        owners = ", ".join(sorted(str(held.owner) for held in now.held.values()))
        return f"holds owner={owners}" if owners else "holds nothing"

    @abstractmethod
    def close(self) -> None:
        """End what runs beside the server; idempotent."""

    def work(self) -> None:
        """The thread's body; whatever happens to the server, it goes on until it is told to stop."""
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                look = self.look(BLIND_AFTER if self._last else _FIRST_SECONDS)
            except NoAnswer as error:
                self._lost(str(error))
            else:
                self._take(look)
            self._stop.wait(max(0.0, began + self.interval - time.monotonic()))

    def _take(self, now: Look) -> None:
        t = time.monotonic_ns()
        if self._blind:
            self._blind = False
            said = f"{now.role}, process started at {now.run}, {len(now.held)} {self.counted}"
            self._server(t, "seeing", evidence=said)
        self._write_role(t, now)
        if self.knows(now):
            self._compare(t, now)
            self._held = now.held
        self._last, self._last_t = now, t
        self.seen.set()

    def _compare(self, t: int, now: Look) -> None:
        for name, held in self._held.items():
            if now.held.get(name) != held:
                self._server(t, "ended", name, held, self._why(held, now))
        for name, held in now.held.items():
            if self._held.get(name) != held:
                self._server(t, "began", name, held)

    def _why(self, gone: Held, now: Look) -> EndReason:
        assert self._last is not None
        if now.run != self._last.run:
            return self.reason_of_restart(gone, self._last, now)
        return self.reason(gone, self._last, now)

    def _write_role(self, t: int, now: Look) -> None:
        restarted = self._last is not None and self._last.run != now.run
        if now.role == self._role and not restarted:
            return
        evidence = f"{'restarted; ' if restarted else ''}{self.holding(now)}"
        row = Role(t=t, node=self.node, role=now.role, was=self._role, run_id=now.run or None, evidence=evidence)
        self._writer.write(row)
        self._role = now.role

    def _lost(self, why: str) -> None:
        """The server does not answer: from the last look on nothing is known."""
        self.trouble = why
        if self._stop.is_set() or self._last is None:
            return
        state = self._state()
        if not self._blind:
            self._blind = True
            self._server(self._last_t, "blind", evidence=f"no answer within {BLIND_AFTER * 1000:g} ms, node {state}")
        if self._role != "down" and state == "exited":
            self._writer.write(Role(t=time.monotonic_ns(), node=self.node, role="down", was=self._role, evidence=state))
            self._role = "down"

    def _state(self) -> str:
        try:
            return self._platform.state(self.node)
        except HarnessError as error:
            return f"unknown ({error})"

    def _server(
        self,
        t: int,
        event: ServerEvent,
        name: str = "",
        held: Held | None = None,
        reason: EndReason | None = None,
        evidence: str | None = None,
    ) -> None:
        held = held or Held(None)
        row = Server(
            t=t,
            node=self.node,
            event=event,
            key=name or self._key,
            owner=held.owner,
            session=held.session,
            fence=held.fence,
            reason=reason,
            evidence=evidence,
        )
        self._writer.write(row)


class PollingObserver(Observer):
    """Watches several nodes, each in a thread. ``make``: the watch of each, given the event that ends it."""

    def __init__(self, make: Callable[[threading.Event], Sequence[PolledNode]]) -> None:
        self._stop = threading.Event()
        self._watches = make(self._stop)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; returns when every node was seen once. Raises HarnessError after 10 s."""
        self._threads = start_all(self._watches, self.stop)

    def stop(self) -> None:
        """End all threads; a server that does not answer delays it by less than half a second."""
        self._stop.set()
        stop_all(self._threads, self._watches)
