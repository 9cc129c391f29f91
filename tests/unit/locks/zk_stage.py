"""A ZooKeeper on a tree in memory: what the servers hold, sessions on it that break when told, and a lock's client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from kazoo.exceptions import NodeExistsError

from nuclei.locks import zk_lock
from nuclei.locks.base import Attempt, Grant, LockContext, Refused, Surroundings
from nuclei.locks.zk_lock import ZkLock


class Tree:
    """What the servers hold: children of one parent, the parent's value with its version, and watches on children."""

    def __init__(self) -> None:
        self.sequence = 0
        self.value: tuple[bytes, int] = (b"", 0)
        self.children: dict[str, bytes] = {}
        self.watches: dict[str, list[Callable[[Any], None]]] = {}

    def remove(self, name: str) -> bool:
        there = self.children.pop(name, None) is not None
        for woken in self.watches.pop(name, []) if there else []:
            woken(SimpleNamespace(type="DELETED"))
        return there


class Zk:
    """A session on the tree; ``before`` and ``after`` are called with each request's name and may break things or
    raise."""

    def __init__(self, tree: Tree, on_break: Callable[[str], None]) -> None:
        self.tree = tree
        self.on_break = on_break
        self.breaks = 0
        self.timeout = 0.05
        self.before: Callable[[str], None] = lambda what: None
        self.after: Callable[[str], None] = lambda what: None
        self.up = threading.Event()
        self.up.set()

    def break_off(self, back: bool = True, state: str = "SUSPENDED") -> None:
        self.up.clear()
        self.breaks += 1
        self.on_break(state)
        if back:
            self.up.set()

    @property
    def connected(self) -> bool:
        return self.up.is_set()

    def wait_connected(self, seconds: float) -> bool:
        return self.up.wait(max(0.0, seconds))

    def _ask(self, what: str, act: Callable[[], Any]) -> Any:
        if not self.up.is_set():
            raise Refused(f"{what} was not sent")
        self.before(what)
        answer = act()
        self.after(what)
        return answer

    def open(self) -> None: ...

    def ensure(self, path: str) -> None: ...

    def create(self, path: str, value: bytes, *, ephemeral: bool = True, sequence: bool = True) -> tuple[str, int]:
        def act() -> tuple[str, int]:
            parent, _, name = path.rpartition("/")
            if not sequence and name in self.tree.children:
                raise NodeExistsError
            self.tree.sequence += 1
            name += f"{self.tree.sequence:010d}" if sequence else ""
            self.tree.children[name] = value
            return f"{parent}/{name}", 1000 + self.tree.sequence

        return self._ask("create", act)

    def children(self, path: str) -> list[str]:
        return self._ask("children", lambda: sorted(self.tree.children, reverse=True))

    def read(self, path: str) -> tuple[bytes, int] | None:
        def act() -> tuple[bytes, int] | None:
            if path.count("/") == 1:
                return self.tree.value
            value = self.tree.children.get(path.rpartition("/")[2])
            return None if value is None else (value, 0)

        return self._ask("read", act)

    def write_with(self, node: str, path: str, value: bytes, version: int, *, delete: bool) -> bool:
        def act() -> bool:
            name = node.rpartition("/")[2]
            if name not in self.tree.children or self.tree.value[1] != version:
                return False
            self.tree.value = (value, version + 1)
            if delete:
                self.tree.remove(name)
            return True

        return self._ask("multi", act)

    def watch(self, path: str, woken: Callable[[Any], None]) -> bool:
        name = path.rpartition("/")[2]

        def act() -> bool:
            if name in self.tree.children:
                self.tree.watches.setdefault(name, []).append(woken)
            return name in self.tree.children

        return self._ask("watch", act)

    def delete(self, path: str) -> bool:
        return self._ask("delete", lambda: self.tree.remove(path.rpartition("/")[2]))

    def close(self) -> None: ...


class Taker:
    """A lock on the tree and what it reported."""

    def __init__(
        self, tree: Tree, make: Callable[[LockContext], ZkLock], client: str, monkeypatch: pytest.MonkeyPatch,
        **settings: float,
    ) -> None:  # fmt: skip
        self.lost: list[str] = []
        self.woken: list[str] = []
        self.tries = 0
        self.client = client
        monkeypatch.setattr(zk_lock, "ZkSession", lambda surroundings, random, broke: Zk(tree, broke))
        surroundings = Surroundings(cluster="zookeeper", endpoints={}, nodes={}, settings=dict(settings))
        context = LockContext(
            key="k", client=client, surroundings=surroundings, random=Random(1), on_lost=self.lost.append,
            on_wake=self.woken.append,
        )  # fmt: skip
        self.lock = make(context)
        self.zk: Zk = self.lock.zk  # type: ignore[assignment]

    def attempt(self) -> Attempt:
        self.tries += 1
        return Attempt(f"{self.client}-{self.tries}", f"owner-{self.client}-{self.tries}")

    def take(self, limit: float | None = None) -> Grant:
        attempt = self.attempt()
        return self.lock.try_acquire(attempt) if limit is None else self.lock.acquire(attempt, limit)


def once(what: str, act: Callable[[], Any]) -> Callable[[str], None]:
    """Do it at the first request of that name."""
    left = [act]

    def before(asked: str) -> None:
        if asked == what and left:
            left.pop()()

    return before


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act
