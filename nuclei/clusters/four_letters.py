"""Ask a ZooKeeper server beside it: its four-letter words, through one long-lived bash (no fork, no exec per question).

See "The Four Letter Words" in the ZooKeeper Administrator's Guide. Bash is in both images; its /dev/tcp opens the
connection, so nothing crosses a proxy.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from dataclasses import dataclass, field

from nuclei.clusters.console import OPEN_SECONDS, NoAnswer
from nuclei.platforms.base import NODE_HOME, NODE_SELF, HarnessError, Pipe, Platform

# mntr prints 700 lines; only those that readiness needs pass. The first field says whose answer a line belongs to.
_LOOP = r"""
host=$1 port=$2 home=$3
read -r pid <"$home/pid" && read -r stat <"/proc/$pid/stat" && set -- ${stat##*) } && echo "run ${20}"
while read -r number words; do
    for word in $words; do
        if { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null; then
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
    """The loop inside one node, opened at the first question and again after the node froze or died. Thread-safe."""

    def __init__(self, platform: Platform, node: str, port: int) -> None:
        self.node = node
        self._where = (platform, port)
        self._pipe: Pipe | None = None
        self._run = ""
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def ask(self, *words: str, timeout: float = 1.0) -> Answer:
        """The answers to some words, parsed. Raises NoAnswer when the node is frozen or dead, or too slow."""
        with self._lock:
            deadline = time.monotonic() + timeout
            fresh = self._pipe is None
            try:
                return self._exchange(words, deadline)
            except (HarnessError, EOFError) as error:
                self._drop()
                if fresh:
                    raise NoAnswer(f"{self.node} did not answer {words[0]}: {error}") from error
            except NoAnswer:
                self._drop()
                raise
            try:  # that loop died with an earlier run of the server
                return self._exchange(words, deadline)
            except (HarnessError, EOFError, NoAnswer) as error:
                self._drop()
                raise NoAnswer(f"{self.node} did not answer {words[0]}: {error}") from error

    def _exchange(self, words: tuple[str, ...], deadline: float) -> Answer:
        if self._pipe is None:
            deadline = max(deadline, time.monotonic() + OPEN_SECONDS)
        pipe = self._open(deadline)
        end = f"end {next(self._numbers)}"
        pipe.send(f"{end[4:]} {' '.join(words)}")
        lines: list[str] = []
        while (line := self._line(pipe, deadline)) != end:
            lines.append(line)
        answer = parse(lines)
        answer.run = self._run
        return answer

    def _open(self, deadline: float) -> Pipe:
        if self._pipe is None:
            platform, port = self._where
            self._pipe = platform.pipe(
                self.node, ["bash", "-c", _LOOP, "four-letters", NODE_SELF, str(port), NODE_HOME]
            )
            self._run = self._line(self._pipe, deadline).partition(" ")[2]
        return self._pipe

    def _line(self, pipe: Pipe, deadline: float) -> str:
        line = pipe.receive(max(0.001, deadline - time.monotonic()))
        if line is None:
            raise NoAnswer(f"{self.node} did not answer in time")
        return line

    def _drop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def close(self) -> None:
        """End the loop; the next question starts it again."""
        with self._lock:
            self._drop()
