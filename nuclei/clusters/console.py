"""An admin console of one Redis node: a long-lived redis-cli beside the server, spoken to through a pipe.

redis-cli is the one tool every Redis image has, and an exec per command would cost 60 ms. With ``--csv`` it prints
one line per reply, with strings quoted. When its connection is closed (Sentinel does that to every client of a node
whose role it changes) it reconnects for the next command but never answers the current one; so each command is
followed by a PING with a mark of its own (a Sentinel has no ECHO), and one without an answer before its mark is asked
again. A Sentinel before Redis 7 takes no PING with a word either: there the mark is a command that does not exist, and
the error names it.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Sequence

from nuclei.platforms.base import NODE_SELF, HarnessError, Pipe, Platform

Value = str | int | None
Reply = list[Value]

OPEN_SECONDS = 2.0
"""How long a command beside a server may take to start and answer first: an exec takes 60 ms, on a busy machine more.
In a frozen or dead container it is refused at once."""

_GREET_SECONDS = 0.1
_TRIES = 3
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}
_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,]*)')
_MARK = re.compile(r""""(console-\d+)"|ERROR,"ERR unknown command [`'](console-\d+)[`'].*""")
_TOO_MANY_WORDS = "ERROR,\"ERR wrong number of arguments for 'ping' command\""
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|.)", re.DOTALL)


class NoAnswer(Exception):
    """The node did not answer: it is frozen, dead, or too busy; the message says which node and command."""


class ConsoleError(Exception):
    """The server answered with an error; the message is its own."""


def quote(word: str) -> str:
    """One argument as redis-cli's line splitter reads it."""
    if re.fullmatch(r"[A-Za-z0-9_.:/*@=+-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def parse_csv(line: str) -> Reply:
    """One line of ``redis-cli --csv``; nested arrays come flattened. Raises ConsoleError for an error reply."""
    values: Reply = []
    at = 0
    while at < len(line):
        found = _FIELD.match(line, at)
        assert found is not None  # the second alternative matches anything
        values.append(_string(found[1]) if found[1] is not None else _word(found[2]))
        at = found.end() + 1
    if values and values[0] == "ERROR" and not line.startswith('"'):
        raise ConsoleError(str(values[-1]))
    return values


def _string(text: str) -> str:
    def unescape(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 3 else _ESCAPES.get(code, code)

    # redis-cli escapes every byte that is not printable ASCII, so the text is bytes in disguise.
    return _ESCAPE.sub(unescape, text).encode("latin-1", "replace").decode(errors="replace")


def _mark_in(line: str) -> str | None:
    """The mark that a line is the answer to, None for any other line."""
    found = _MARK.fullmatch(line)
    return (found[1] or found[2]) if found else None


def _word(text: str) -> Value:
    if text == "NULL":
        return None
    return int(text) if re.fullmatch(r"-?\d+", text) else text


class Console:
    """redis-cli inside ``node``, connected to its own server on ``port``. Opened at the first use, and again after
    the node was frozen or restarted. Thread-safe.

    ``prelude``: a command that goes before every question, because what it does belongs to a connection, and those come
    and go: READONLY, without which a replica in a Redis Cluster does not read."""

    def __init__(self, platform: Platform, node: str, port: int, prelude: Sequence[str] = ()) -> None:
        self.node = node
        self._prelude = [prelude] if prelude else []
        self._platform = platform
        self._port = port
        self._pipe: Pipe | None = None
        self._numbers = itertools.count()
        self._marking = "PING "
        self._lock = threading.Lock()
        self.opened = 0
        """How often redis-cli was started; a reader that sees it change knows that the server may be another."""

    def ask(self, *words: str | float, timeout: float = 1.0) -> Reply:
        """One command and its reply. Raises NoAnswer, ConsoleError."""
        return self.ask_all([words], timeout)[0]

    def ask_all(self, commands: Sequence[Sequence[str | float]], timeout: float = 1.0) -> list[Reply]:
        """Several commands sent at once, and their replies in order. Raises NoAnswer, ConsoleError."""
        return [parse_csv(lines[0]) for lines in self._lines(commands, timeout)]

    def text(self, *words: str | float, timeout: float = 1.0) -> list[str]:
        """A command whose reply is text of many lines (INFO, CLIENT LIST). Raises NoAnswer, ConsoleError."""
        lines = self._lines([words], timeout)[0]
        if lines[0].startswith("ERROR,"):
            parse_csv(lines[0])
        return lines

    def info(self, section: str, timeout: float = 1.0) -> dict[str, str]:
        """An INFO section as name → value. Raises NoAnswer, ConsoleError."""
        lines = self.text("INFO", section, timeout=timeout)
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _lines(self, commands: Sequence[Sequence[str | float]], timeout: float) -> list[list[str]]:
        with self._lock:
            for _ in range(_TRIES):
                answers = self._exchange([*self._prelude, *commands], timeout)
                if all(answers):
                    return answers[len(self._prelude) :]
            raise NoAnswer(f"{self.node} closed the connection {_TRIES} times on {commands[0][0]}")

    def _exchange(self, commands: Sequence[Sequence[str | float]], timeout: float) -> list[list[str]]:
        # One mark more than commands: the connection may also be closed between the last reply and its mark.
        marks = [f"console-{next(self._numbers)}" for _ in range(len(commands) + 1)]
        words = [" ".join(quote(str(word)) for word in command) for command in commands]
        opened = self._pipe is None
        try:
            pipe = self._open()
            asked = [f"{self._marking}{mark}" for mark in marks]
            lines = [line for command, mark in zip(words, asked, strict=False) for line in (command, mark)]
            pipe.send("\n".join([*lines, asked[-1]]))
            return self._answers(pipe, marks, time.monotonic() + timeout)
        except (HarnessError, EOFError, NoAnswer) as error:
            self._drop()
            if not opened and not isinstance(error, NoAnswer):
                return [[] for _ in commands]  # that redis-cli died with an earlier run of the server
            raise NoAnswer(f"{self.node} did not answer {commands[0][0]}: {error}") from error

    def _answers(self, pipe: Pipe, marks: Sequence[str], deadline: float) -> list[list[str]]:
        """The lines before each mark but the last, none where a reply was lost. Raises NoAnswer, EOFError."""
        places = {mark: place for place, mark in enumerate(marks, 1)}
        answers: list[list[str]] = [[] for _ in marks]
        at = 0
        while at < len(marks) - 1:
            line = pipe.receive(max(0.001, deadline - time.monotonic()))
            if line is None:
                raise NoAnswer("time is up")
            mark = _mark_in(line)
            if mark is None:
                answers[at].append(line)
            else:
                at = places.get(mark, at)  # one of an earlier question is passed over
        return answers[: len(marks) - 1]

    def _open(self) -> Pipe:
        if self._pipe is None:
            self._pipe = self._platform.pipe(self.node, ["redis-cli", "-h", NODE_SELF, "-p", str(self._port), "--csv"])
            self.opened += 1
            self._greet(self._pipe)
        return self._pipe

    def _greet(self, pipe: Pipe) -> None:
        """Wait until redis-cli runs and has found its server, which may be starting: what it is told before it has is
        lost. Raises NoAnswer, EOFError."""
        mark = f"console-{next(self._numbers)}"
        deadline = time.monotonic() + OPEN_SECONDS
        while time.monotonic() < deadline:
            pipe.send(f"{self._marking}{mark}")
            said = pipe.receive(_GREET_SECONDS) or ""
            if _mark_in(said) == mark:
                return
            if said == _TOO_MANY_WORDS:
                self._marking = ""
        raise NoAnswer(f"nobody listens on port {self._port}, or it is frozen")

    def _drop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def close(self) -> None:
        """End redis-cli; the next question starts it again."""
        with self._lock:
            self._drop()
