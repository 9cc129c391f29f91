"""The experiments that run in a client's process, on locks that need no server."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from lockquake.conform.probe import Probe
from nuclei.locks.base import Attempt, LockContext, Refused, Surroundings

LOCKS = Path(__file__).with_name("in_process.py")


def probe(lock: str, look: str, told: list[str] | None = None) -> Probe:
    surroundings = Surroundings(
        cluster="none", endpoints={}, nodes={}, settings={"probe_lock": f"{LOCKS}:{lock}", "probe_look": look}
    )
    on_lost = told.append if told is not None else lambda how: None
    made = Probe(LockContext("k", "c1", surroundings, Random(1), on_lost))
    made.connect()
    return made


@pytest.mark.parametrize(("lock", "look"), [("Shared", "threads"), ("Shared", "fork"), ("Shared", "asyncio")])
def test_what_may_be_shared(lock: str, look: str) -> None:
    probe(lock, look).acquire(Attempt("c1-1", "a"), 1)


@pytest.mark.parametrize(
    ("lock", "look", "words"),
    [
        ("ForAll", "threads", "two threads of one process were inside at once"),
        ("OneThread", "threads", "a thread's call raised RuntimeError: another thread"),
        ("ForAll", "fork", "the child was given the lock that its parent holds"),
        ("OneProcess", "fork", "the child's call raised something else"),
        ("OwnLoop", "asyncio", r"a call raised RuntimeError: asyncio.run\(\) cannot be called"),
    ],
)
def test_what_may_not(lock: str, look: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        probe(lock, look).acquire(Attempt("c1-1", "a"), 1)


def test_losses_are_counted_and_passed_on() -> None:
    told: list[str] = []
    made = probe("Shared", "told", told)
    made.acquire(Attempt("c1-1", "a"), 1)
    made.release()
    for _ in range(2):
        made.close()
    assert told == ["closed", "closed"]
    with pytest.raises(Refused, match=r"^2$"):
        made.renew()
