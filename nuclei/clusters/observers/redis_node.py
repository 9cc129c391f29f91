"""One Redis node as its observer sees it: the key, the role, the run, and the times it could not see."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from histories.rows import Role, Server
from histories.vocabulary import EndReason
from nuclei.clusters.console import Console, ConsoleError, NoAnswer
from nuclei.clusters.observers.holdings import Holdings, Notice
from nuclei.clusters.observers.key_events import KeyEvents
from nuclei.clusters.observers.readings import Reading, unnotified_end
from nuclei.platforms.base import HarnessError, Platform

INTERVAL = 0.08
"""Seconds between two readings when nothing is notified."""
BLIND_AFTER = 0.3
# One atomic step: the owner, the key's remaining time, and a mark among the notifications (see key_events). The owner
# is the value; of a hash it is the field (several in order), because what a field holds is a count that changes.
_LOOK = """local value = false
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  local fields = redis.call('HKEYS', KEYS[1])
  table.sort(fields)
  value = table.concat(fields, ' ')
else
  value = redis.call('GET', KEYS[1])
end
local left = redis.call('PTTL', KEYS[1])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return {value, left}"""
_SCRIPT = " ".join(_LOOK.split())
_ROLES = {"master": "primary", "slave": "replica"}


class RowWriter(Protocol):
    """Takes the rows of an observer."""

    def write(self, row: Role | Server) -> object:
        """Take one row. May be called by several threads."""


class RedisNodeWatch:
    """Watches one node until ``stop``. ``seen`` is set after the first reading; ``trouble`` is the last failure."""

    def __init__(
        self,
        platform: Platform,
        node: str,
        port: int,
        key: str,
        writer: RowWriter,
        stop: threading.Event,
        prelude: Sequence[str] = (),
    ) -> None:
        self.node = node
        self.seen = threading.Event()
        self.trouble = "nothing yet"
        self._platform, self._key, self._writer, self._stop = platform, key, writer, stop
        self._console = Console(platform, node, port, prelude)
        self._events = KeyEvents(platform, node, port, key)
        self._holdings = Holdings()
        self._last: Reading | None = None
        self._origin: Reading | None = None  # the first reading of the value that is there now
        self._blind = False
        self._role: str | None = None
        self._marks = 0

    def work(self) -> None:
        """The thread's body; whatever happens to the node, it goes on until it is told to stop."""
        pause = 0.0
        while not self._stop.is_set():
            notices = self._wait(pause)
            try:
                reading = self._read()
            except (NoAnswer, ConsoleError) as error:
                self._lost(str(error))
                pause = INTERVAL
                continue
            self._take(reading, notices + self._before_the_mark())
            pause = INTERVAL if reading.ttl < 0 else min(INTERVAL, (reading.ttl + 0.5) / 1000)

    def close(self) -> None:
        """End what runs beside the server."""
        self._events.close()
        self._console.close()

    def _wait(self, pause: float) -> list[Notice]:
        """Notifications, at the first of them or after ``pause`` seconds."""
        try:
            # While the node is silent nothing can be subscribed to; the console finds out when it answers again.
            if not self._blind and self._events.open(BLIND_AFTER):
                return self._events.drain(pause)
        except EOFError:
            return []
        self._stop.wait(pause)
        return []

    def _read(self) -> Reading:
        """Ask the node. Raises NoAnswer, ConsoleError."""
        opened = self._console.opened
        self._marks += 1
        look, role = self._console.ask_all(
            [("EVAL", _SCRIPT, 1, self._key, self._events.marks, self._marks), ("ROLE",)], timeout=BLIND_AFTER
        )
        t = time.monotonic_ns()
        value, ttl = look[:1], look[1:]
        word = _ROLES.get(str(role[0]), str(role[0]))
        got = str(value[0]) if value[0] is not None else None
        before = self._last
        settled = before is not None and not self._blind and self._console.opened == opened and word == before.role
        if before is not None and settled and got == self._holdings.owner:
            return Reading(t, got, int(ttl[0] or 0), word, before.run_id, before.replication, before.flushes)
        return self._identified(Reading(t, got, int(ttl[0] or 0), word, "", "", 0))

    def _identified(self, reading: Reading) -> Reading:
        """With which run of the server answered, whose data it follows, and how often it was flushed: what explains
        an end that nobody notified. Read only when something changed."""
        server = self._console.info("server", timeout=BLIND_AFTER)
        replication = self._console.info("replication", timeout=BLIND_AFTER)
        commands = self._console.info("commandstats", timeout=BLIND_AFTER)
        calls = [text for name, text in commands.items() if name in {"cmdstat_flushall", "cmdstat_flushdb"}]
        reading.run_id = server["run_id"]
        reading.replication = replication.get("master_replid", "")
        reading.flushes = sum(int(text.split("calls=", 1)[1].split(",", 1)[0]) for text in calls)
        return reading

    def _before_the_mark(self) -> list[Notice]:
        """The notifications that came before the reading just made; none where the subscription is down."""
        with contextlib.suppress(EOFError):
            return self._events.until_mark(str(self._marks), BLIND_AFTER) or []
        return []

    def _take(self, reading: Reading, notices: list[Notice]) -> None:
        if self._blind:
            self._see(reading)
        self._write_role(reading)
        otherwise = unnotified_end(self._origin, self._last, reading)
        for change in self._holdings.fold(notices, reading.value, reading.t, otherwise):
            self._server(change.t, change.event, change.owner, change.reason, change.evidence)
            if change.event == "began":
                self._origin = reading
        self._last = reading
        self._blind = False
        self.seen.set()

    def _write_role(self, now: Reading) -> None:
        before = self._last
        run_changed = before is not None and before.run_id != now.run_id
        if now.role == self._role and not run_changed:
            return
        holds = "key absent" if now.value is None else f"holds owner={now.value}"
        evidence = f"{'restarted; ' if run_changed else ''}{holds}"
        self._writer.write(
            Role(t=now.t, node=self.node, role=now.role, was=self._role, run_id=now.run_id, evidence=evidence)
        )
        self._role = now.role

    def _lost(self, why: str) -> None:
        """The node does not answer: from the last reading on nothing is known."""
        self.trouble = why
        self._events.close()
        if self._stop.is_set() or self._last is None:
            return
        state = self._state()
        if not self._blind:
            self._blind = True
            self._server(self._last.t, "blind", None, None, f"no answer within {BLIND_AFTER * 1000:g} ms, node {state}")
        if self._role != "down" and state == "exited":
            self._writer.write(Role(t=time.monotonic_ns(), node=self.node, role="down", was=self._role, evidence=state))
            self._role = "down"

    def _state(self) -> str:
        try:
            return self._platform.state(self.node)
        except HarnessError as error:
            return f"unknown ({error})"

    def _see(self, now: Reading) -> None:
        holds = "key absent" if now.value is None else f"key holds owner={now.value}"
        self._server(now.t, "seeing", None, None, f"role {now.role}, run {now.run_id}, {holds}")

    def _server(self, t: int, event: str, owner: str | None, reason: EndReason | None, evidence: str | None) -> None:
        self._writer.write(
            Server(
                t=t,
                node=self.node,
                event=event,  # type: ignore[arg-type]
                key=self._key,
                owner=owner,
                reason=reason,
                evidence=evidence,
            )
        )
