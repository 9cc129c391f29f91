"""One ZooKeeper server as its observer sees it: its mode, the lock's children, the times it could not be seen.

Children are seen as long as they are ephemeral: no four-letter word lists persistent nodes.
"""

from __future__ import annotations

import re
import threading

from histories.vocabulary import EndReason
from histories.write import PartWriter
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.four_letters import Answer, FourLetters
from nuclei.clusters.observers.polled import Held, Look, PolledNode
from nuclei.locks.zk_session import ONE_NODE
from nuclei.platforms.base import Platform

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


def end_reason(session: str | None, was: Answer | Look | None, now: Answer | Look, *, restarted: bool) -> EndReason:
    """Why an ephemeral is gone: its session ended, somebody deleted it, or this server started without it."""
    if session not in now.sessions:
        return "session-end"
    return "restart" if restarted and was is not None else "deleted"


class ZooKeeperNodeWatch(PolledNode):
    """Watches the children of ``path`` on one server. Every server applies the same transactions, each at its own time;
    one that was cut off shows what it last heard."""

    interval = 0.2
    counted = "nodes"

    def __init__(
        self, platform: Platform, node: str, port: int, path: str, writer: PartWriter, stop: threading.Event
    ) -> None:
        super().__init__(platform, node, path, writer, stop)
        self._words = FourLetters(platform, node, port)

    def look(self, timeout: float) -> Look:
        said = self._words.ask("srvr", "dump", timeout=timeout)
        if said.mode is None:  # the loop answers but the server does not listen: it starts, or ends
            raise NoAnswer("the server does not listen")
        mine = {path: session for path, session in sorted(said.ephemerals.items()) if path.startswith(f"{self._key}/")}
        held = {path: Held(owner_of(path, session), session) for path, session in mine.items()}
        return Look(said.mode, said.run, held, {"epoch": said.epoch}, said.sessions)

    def knows(self, now: Look) -> bool:
        """A server without a leader has nothing to say about ephemerals; what it knew it will know again."""
        return now.role != "looking"

    def holding(self, now: Look) -> str:
        return f"epoch {now.counts['epoch']}; {', '.join(now.held) or 'no node of the lock'}"

    def reason(self, gone: Held, was: Look, now: Look) -> EndReason:
        return end_reason(gone.session, was, now, restarted=False)

    def reason_of_restart(self, gone: Held, was: Look, now: Look) -> EndReason:
        return end_reason(gone.session, was, now, restarted=True)

    def close(self) -> None:
        self._words.close()
