"""One ZooKeeper server as its observer sees it: its mode, the lock's children, the times it could not be seen.

Children are seen as long as they are ephemeral: no four-letter word lists persistent nodes.
"""

from __future__ import annotations

import re
import threading
import time

from histories.rows import Role, Server
from histories.vocabulary import EndReason, ServerEvent
from histories.write import PartWriter
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.four_letters import Answer, FourLetters
from nuclei.locks.zk_session import ONE_NODE
from nuclei.platforms.base import HarnessError, Platform

INTERVAL = 0.2
"""Seconds between two readings."""
BLIND_AFTER = 0.3
_SEQUENCE = re.compile(r"-?\d{10}$")
_UUID = re.compile(r"[0-9a-f]{32}")


def owner_of(path: str, session: str | None = None) -> str | None:
    """What a child's name says before its sequence number, if it has one (recipes put a mark of the attempt there). One
    that is nothing but a uuid has none, however many digits it ends with.

    The name of a node that all contenders create says nothing, and no four-letter word tells what is in it: there it is
    the session, which servers call the node's ephemeralOwner."""
    name = path.rpartition("/")[2]
    if name == ONE_NODE:
        return session
    return name if _UUID.fullmatch(name) else _SEQUENCE.sub("", name) or None


def end_reason(session: str, was: Answer | None, now: Answer, *, restarted: bool) -> EndReason:
    """Why an ephemeral is gone: its session ended, somebody deleted it, or this server started without it."""
    if session not in now.sessions:
        return "session-end"
    return "restart" if restarted and was is not None else "deleted"


class ZooKeeperNodeWatch:
    """Watches one server until ``stop``; what can be seen of it is written when it changes."""

    def __init__(
        self, platform: Platform, node: str, port: int, path: str, writer: PartWriter, stop: threading.Event
    ) -> None:
        self.node = node
        self.seen = threading.Event()
        self.trouble = "nothing yet"
        self._platform, self._prefix, self._writer, self._stop = platform, f"{path}/", writer, stop
        self._words = FourLetters(platform, node, port)
        self._children: dict[str, str] = {}
        self._last: Answer | None = None
        self._last_t = 0
        self._role: str | None = None
        self._blind = False

    def work(self) -> None:
        """The thread's body; whatever happens to the server, it goes on until it is told to stop."""
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                answer = self._words.ask("srvr", "dump", timeout=BLIND_AFTER if self._last else 2.0)
            except NoAnswer as error:
                self._lost(str(error))
            else:
                self._take(answer)
            self._stop.wait(max(0.0, began + INTERVAL - time.monotonic()))

    def close(self) -> None:
        """End what runs beside the server."""
        self._words.close()

    def _take(self, now: Answer) -> None:
        t = time.monotonic_ns()
        if now.mode is None:  # the loop answers but the server does not listen: it starts, or ends
            self._lost("the server does not listen")
            return
        restarted = self._last is not None and self._last.run != now.run
        if self._blind:
            self._blind = False
            self._server(
                t, "seeing", evidence=f"{now.mode}, process started at {now.run}, {len(self._mine(now))} nodes"
            )
        self._write_role(t, now, restarted)
        # A server without a leader has nothing to say about ephemerals; what it knew it will know again.
        if now.mode != "looking":
            self._compare(t, now, restarted)
        self._last, self._last_t = now, t
        self.seen.set()

    def _mine(self, answer: Answer) -> dict[str, str]:
        return {path: session for path, session in answer.ephemerals.items() if path.startswith(self._prefix)}

    def _compare(self, t: int, now: Answer, restarted: bool) -> None:
        children = self._mine(now)
        for path, session in self._children.items():
            if children.get(path) != session:
                reason = end_reason(session, self._last, now, restarted=restarted)
                self._server(t, "ended", path, session, reason)
        for path, session in sorted(children.items()):
            if self._children.get(path) != session:
                self._server(t, "began", path, session)
        self._children = children

    def _write_role(self, t: int, now: Answer, restarted: bool) -> None:
        if now.mode == self._role and not restarted:
            return
        held = ", ".join(sorted(self._mine(now))) or "no node of the lock"
        evidence = f"{'restarted; ' if restarted else ''}epoch {now.epoch}; {held}"
        role = now.mode or "down"
        self._writer.write(
            Role(t=t, node=self.node, role=role, was=self._role, run_id=now.run or None, evidence=evidence)
        )
        self._role = role

    def _lost(self, why: str) -> None:
        """The server does not answer: from the last reading on nothing is known."""
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
        path: str = "",
        session: str | None = None,
        reason: EndReason | None = None,
        evidence: str | None = None,
    ) -> None:
        owner = owner_of(path, session) if path else None
        key = path or self._prefix[:-1]
        self._writer.write(
            Server(
                t=t,
                node=self.node,
                event=event,
                key=key,
                owner=owner,
                session=session,
                reason=reason,
                evidence=evidence,
            )
        )
