"""A user's own lock, as docs/own-lock.md shows it, and things that are none."""

from own_part import ANSWER

from nuclei.locks.base import Attempt, Grant, Lock, Refused


class MyLock(Lock):
    """Mine."""

    answer = ANSWER
    defaults = {"ttl": 3.0}

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        raise Refused("never")

    def release(self) -> None: ...

    def close(self) -> None: ...


class Half(Lock):
    def acquire(self, attempt: Attempt, limit: float) -> Grant: ...


number = 3
