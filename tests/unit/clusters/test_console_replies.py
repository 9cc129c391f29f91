"""Reading redis-cli --csv, and talking to it when it loses its connection (with a fake in its place)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuclei.clusters.console import Console, ConsoleError, NoAnswer, parse_csv, quote
from nuclei.clusters.sentinel_view import records
from nuclei.platforms.base import HarnessError, Pipe


def as_redis_cli(value: str | int | None) -> str:
    """How redis-cli prints a value with --csv (sdscatrepr)."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    special = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}
    return (
        '"' + "".join(special.get(chr(b)) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in value.encode()) + '"'
    )


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text() | st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1))
def test_every_reply_is_read_back(values: list[str | int | None]) -> None:
    assert parse_csv(",".join(as_redis_cli(value) for value in values)) == values


def test_errors_are_raised_and_words_like_errors_are_not() -> None:
    with pytest.raises(ConsoleError, match="unknown command 'X', with"):
        parse_csv("ERROR,\"ERR unknown command 'X', with args\"")
    assert parse_csv('"ERROR","fine"') == ["ERROR", "fine"]
    assert parse_csv("") == []


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\0")))
def test_quoting_is_undone_by_reading(word: str) -> None:
    quoted = quote(word)
    assert (parse_csv(quoted) if quoted.startswith('"') else [quoted]) == [word]


def test_flat_arrays_become_records() -> None:
    assert records(["name", "a", "flags", "slave", "name", "b", "flags", "s_down"]) == [
        {"name": "a", "flags": "slave"},
        {"name": "b", "flags": "s_down"},
    ]


class FakeRedisCli(Pipe):
    """Answers like redis-cli from a script: each command's line, or None where the connection is lost.

    ``deaf`` commands are answered, but the connection is closed right after them, so the next line is lost.
    The first ``early`` lines come before the server listens."""

    def __init__(self, script: dict[str, list[str | None]], deaf: tuple[str, ...] = (), early: int = 0) -> None:
        self.early = early
        self.script = script
        self.deaf = deaf
        self.lines: list[str] = []
        self.ended = False

    def send(self, line: str) -> None:
        if self.ended:
            raise HarnessError("it has ended")
        lost = False
        for command in line.split("\n"):
            if lost:
                lost = False
                continue
            lost = command in self.deaf
            if command.startswith("PING console-"):
                self.lines += [] if self.early else [f'"{command[5:]}"']
                self.early = max(0, self.early - 1)
            else:
                answer = self.script[command].pop(0)
                self.lines += [] if answer is None else [answer]

    def receive(self, timeout: float) -> str | None:
        if self.ended:
            raise EOFError("it has ended")
        return self.lines.pop(0) if self.lines else None

    def close(self) -> None:
        self.ended = True


class OneNode:
    """A platform on which only pipes can be opened."""

    def __init__(self, *clis: FakeRedisCli) -> None:
        self.clis = list(clis)

    def pipe(self, node: str, argv: object) -> Pipe:
        if not self.clis:
            raise HarnessError("the container is paused")
        return self.clis.pop(0)


def test_a_reply_lost_with_its_connection_is_asked_for_again() -> None:
    cli = FakeRedisCli({"GET k": [None, '"v"'], "ROLE": ['"master",0,', '"slave"']})
    console = Console(OneNode(cli), "redis-1", 6391)  # type: ignore[arg-type]
    assert console.ask_all([("GET", "k"), ("ROLE",)]) == [["v"], ["slave"]]


def test_a_mark_lost_with_its_connection_is_not_waited_for() -> None:
    cli = FakeRedisCli({"CLIENT KILL": ["1"], "PING": ['"PONG"', '"PONG"']}, deaf=("CLIENT KILL",))
    console = Console(OneNode(cli), "redis-1", 6391)  # type: ignore[arg-type]
    assert console.ask_all([("PING",), ("CLIENT", "KILL")]) == [["PONG"], [1]]
    assert console.ask("PING") == ["PONG"]
    assert console.opened == 1


def test_a_server_that_does_not_listen_yet_is_waited_for() -> None:
    console = Console(OneNode(FakeRedisCli({"PING": ['"PONG"']}, early=3)), "redis-1", 6391)  # type: ignore[arg-type]
    assert console.ask("PING") == ["PONG"]


def test_a_redis_cli_that_died_with_its_server_is_replaced() -> None:
    old, new = FakeRedisCli({"PING": ['"PONG"']}), FakeRedisCli({"PING": ['"PONG"']})
    console = Console(OneNode(old, new), "redis-1", 6391)  # type: ignore[arg-type]
    assert console.ask("PING") == ["PONG"]
    old.ended = True
    assert console.ask("PING") == ["PONG"]
    assert console.opened == 2


def test_no_answer_says_so_and_the_next_question_starts_anew() -> None:
    dumb, frozen = FakeRedisCli({"PING": [None, None, None]}), OneNode()
    with pytest.raises(NoAnswer, match="closed the connection 3 times on PING"):
        Console(OneNode(dumb), "redis-1", 6391).ask("PING")  # type: ignore[arg-type]
    with pytest.raises(NoAnswer, match="container is paused"):
        Console(frozen, "redis-1", 6391).ask("PING")  # type: ignore[arg-type]
