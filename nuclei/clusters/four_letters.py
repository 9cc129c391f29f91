"""Ask a ZooKeeper server beside it: its four-letter words, through a loop in a shell.

See "The Four Letter Words" in the ZooKeeper Administrator's Guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nuclei.clusters.line_loop import RUN, LineLoop
from nuclei.platforms.base import Platform

# mntr prints 700 lines; only those that readiness needs pass. The first field says whose answer a line belongs to.
_LOOP = rf"""{RUN}
while read -r number words; do
    for word in $words; do
        if {{ exec 3<>"/dev/tcp/$host/$port"; }} 2>/dev/null; then
            printf %s "$word" >&3
            while IFS= read -r line <&3; do
                if [ "$word" != mntr ] || [[ $line == zk_synced_followers* ]]; then printf '%s %s\n' "$word" "$line"; fi
            done
            exec 3>&-
        fi
    done
    echo "end $number"
done
"""


@dataclass
class Answer:
    """What one server said. ``mode``: ``leader``, ``follower``, ``standalone``, or ``looking`` while it does not serve;
    None when it does not even listen. ``ephemerals``: path → session. ``run``: start time of the server process."""

    mode: str | None = None
    zxid: int = 0
    synced: int = 0
    run: str = ""
    version: str = ""
    sessions: frozenset[str] = frozenset()
    ephemerals: dict[str, str] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The upper half of the last transaction id: which leader's reign it is."""
        return self.zxid >> 32


def parse(lines: list[str]) -> Answer:
    """The lines of srvr, dump and mntr, each with its word in front."""
    answer = Answer()
    sessions: set[str] = set()
    session = ""
    for line in lines:
        word, _, text = line.partition(" ")
        if word in {"srvr", "mntr"}:
            _parse_status(answer, text)
        elif re.fullmatch(r"0x[0-9a-f]+\t\d+ms", text):
            sessions.add(text.split("\t")[0])
        elif re.fullmatch(r"0x[0-9a-f]+:", text):
            session = text[:-1]
            sessions.add(session)
        elif text.startswith("\t/") and session:
            answer.ephemerals[text[1:]] = session
        elif text.startswith("Connections dump"):
            session = ""
    answer.sessions = frozenset(sessions)
    return answer


def _parse_status(answer: Answer, text: str) -> None:
    name, _, value = text.partition(": ")
    if name == "Mode":
        answer.mode = value
    elif name == "Zxid":
        answer.zxid = int(value, 16)
    elif name == "Zookeeper version":
        answer.version = value.split("-")[0]
    elif "not currently serving requests" in text:
        answer.mode = "looking"
    elif text.startswith("zk_synced_followers\t"):
        answer.synced = int(float(text.split("\t")[1]))


class FourLetters:
    """The questions to one node. Thread-safe."""

    def __init__(self, platform: Platform, node: str, port: int) -> None:
        self.node = node
        self._loop = LineLoop(platform, node, port, _LOOP)

    def ask(self, *words: str, timeout: float = 1.0) -> Answer:
        """The answers to some words, parsed. Raises NoAnswer when the node is frozen or dead, or too slow."""
        answer = parse(self._loop.ask(" ".join(words), timeout))
        answer.run = self._loop.run
        return answer

    def close(self) -> None:
        """End the loop; the next question starts it again."""
        self._loop.close()
