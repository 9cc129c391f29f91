"""What a Redis server does for the one key ``k`` of a textbook lock, and how a lock is made against it."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from redis_stage import HangUp, Silence, Stage

from nuclei.locks.base import Attempt, Lock, LockContext, Surroundings
from nuclei.locks.loading import load

FAST = {"op_timeout": 0.15, "retry": 0.01}

Script = Callable[..., object]


class PlayedKey:
    """``value``; ``expires``: what the last EXPIRE or PX said; ``heard``: the commands' first words.

    ``moods``: command → ``mute`` (executed, no answer), ``deaf`` (neither) or an error reply such as ``-OOM full``;
    any other command is answered. ``scripts``: text → what it does with its keys and arguments. ``before`` is called
    with each command before it is executed."""

    def __init__(self, scripts: dict[str, Script] | None = None) -> None:
        self.value: str | None = None
        self.expires: str | None = None
        self.heard: list[str] = []
        self.moods: dict[str, str] = {}
        self.confirming = 1
        self.scripts = scripts or {}
        self.before: Callable[[str], None] = lambda command: None

    def play(self, words: list[str]) -> object:
        mood = self.moods.get(words[0], "ok")
        self.heard.append(words[0])
        self.before(words[0])
        if mood == "deaf":
            return Silence
        if mood.startswith("-"):
            return mood
        answer = self._execute(words)
        return HangUp if mood == "mute" else answer

    def set_if_absent(self, value: str) -> bool:
        """SETNX; whether it was absent."""
        absent = self.value is None
        self.value = value if absent else self.value
        return absent

    def delete_if(self, held: bool) -> int:
        """Delete the key where ``held``; how many were deleted."""
        deleted = held and self.value is not None
        self.value = None if deleted else self.value
        return int(deleted)

    def _execute(self, words: list[str]) -> object:
        match words:
            case ["SETNX", "k", value]:
                return int(self.set_if_absent(value))
            case ["SET", "k", value, "NX", "PX", milliseconds]:
                done = self.set_if_absent(value)
                self.expires = milliseconds if done else self.expires
                return "OK" if done else None
            case ["EXPIRE", "k", seconds]:
                self.expires = seconds if self.value is not None else self.expires
                return int(self.value is not None)
            case ["GET", "k"]:
                return self.value
            case ["GETSET", "k", value]:
                before, self.value = self.value, value
                return before
            case ["DEL", "k"]:
                return self.delete_if(True)
            case ["WAIT", replicas, _]:
                return min(self.confirming, int(replicas))
            case ["EVAL", script, count, *rest]:
                return self.scripts[script](rest[: int(count)], rest[int(count) :])
        return f"-ERR unknown command {words}"


def compare_and_delete(key: PlayedKey) -> Script:
    """The script that most locks free their key with."""
    return lambda keys, arguments: key.delete_if(key.value == arguments[0])


def compare_and_extend(key: PlayedKey) -> Script:
    """The script that renews a lease."""

    def extend(keys: list[str], arguments: list[str]) -> int:
        if key.value != arguments[0]:
            return 0
        key.expires = arguments[1]
        return 1

    return extend  # type: ignore[return-value]


def lock_on(server: Stage, name: str, client: str = "c1", **settings: float | bool) -> Lock:
    """The lock called ``name`` of one client, on a server that plays; not connected yet."""
    surroundings = Surroundings(
        cluster="redis-single", endpoints={"redis-1": server.endpoint}, nodes={"redis": ["redis-1"]},
        settings={**FAST, **settings},
    )  # fmt: skip
    return load(name).make(LockContext(key="k", client=client, surroundings=surroundings, random=Random(1)))


def attempt(owner: str) -> Attempt:
    """An attempt with this owner value."""
    return Attempt(f"{owner}-1", owner)


def past() -> str:
    """A deadline of a second ago, as locks whose value is a deadline write it."""
    return f"{time.time() - 1:.6f}"
