"""Adapters that each break one promise of the contract, otherwise sound: ``lockquake conform`` must notice."""

from __future__ import annotations

import time

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, LockContext, Refused
from nuclei.locks.redis_lock import TIMES
from nuclei.locks.redis_set_nx_px import RedisSetNxPx
from nuclei.locks.redis_set_nx_px import spec as lease_spec


class Sound(RedisSetNxPx):
    """The lock that the others break."""

    defaults = {"ttl": 2.0, **TIMES}
    spec = staticmethod(lease_spec)


class GivesToAll(Sound):
    """Overwrites the holder."""

    def take(self, attempt: Attempt) -> Grant | None:
        self.redis.command("SET", self.key, attempt.owner, "PX", self.ttl_ns // 1_000_000)
        return Grant(owner=attempt.owner)


class Raises(Sound):
    """Its "busy" is no word of the contract."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        try:
            return super().acquire(attempt, limit)
        except Refused as error:
            raise ValueError("busy") from error


class Impatient(Sound):
    """Does not wait."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        return super().acquire(attempt, 0.0)


class CertainOfALostReply(Sound):
    """A time-out is "not granted" to it."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        try:
            return super().acquire(attempt, limit)
        except Indeterminate as error:
            raise Refused("no answer") from error


class CertainOfALostRelease(Sound):
    """So is "released"."""

    def release(self) -> None:
        try:
            super().release()
        except Indeterminate:
            return


class AlwaysReleased(Sound):
    """Does not look what the server answered."""

    def give_back(self, attempt: Attempt | None) -> bool:
        super().give_back(attempt)
        return True


class BlindDelete(Sound):
    """Whatever is there."""

    def give_back(self, attempt: Attempt | None) -> bool:
        return bool(self.redis.command("DEL", self.key))


class ReleasesOnClose(Sound):
    """Well meant."""

    def close(self) -> None:
        try:
            self.release()
        except (Refused, Indeterminate):
            pass
        super().close()


class SlowToClose(Sound):
    """Waits for something."""

    def close(self) -> None:
        time.sleep(6)
        super().close()


class NamesAnother(Sound):
    """Its grant does not name what it wrote."""

    writes_owner = False

    def take(self, attempt: Attempt) -> Grant | None:
        return Grant(owner=attempt.id) if super().take(attempt) else None


class EntersAgain(Sound):
    """Remembers that it holds the lock, and says nothing of that in its spec."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._inside = False

    def try_acquire(self, attempt: Attempt) -> Grant:
        if not self._inside:
            super().try_acquire(attempt)
            self._inside = True
        return Grant(owner=attempt.owner)


class SameToken(Sound):
    """Fencing tokens that do not grow."""

    @staticmethod
    def spec(settings: dict[str, float]) -> Spec:
        return Spec(lease_ns=int(settings["ttl"] * 1e9), fenced=True)

    def take(self, attempt: Attempt) -> Grant | None:
        return Grant(owner=attempt.owner, fence=7) if super().take(attempt) else None


class BelievesTooLong(Sound):
    """Counts its lease from somewhere else."""

    def take(self, attempt: Attempt) -> Grant | None:
        grant = super().take(attempt)
        return grant and Grant(owner=grant.owner, lease_until=(grant.lease_until or 0) + 2_000_000_000)


class TellsTwice(Sound):
    """One loss, two calls."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        grant = super().acquire(attempt, limit)
        self.context.on_lost("it will be")
        self.context.on_lost("said so")
        return grant


class NotForThreads(Sound):
    """Gives back what was asked for last, by whatever thread."""

    safe_for = frozenset({"threads"})

    def take(self, attempt: Attempt) -> Grant | None:
        self._asked = attempt
        return super().take(attempt)

    def give_back(self, attempt: Attempt | None) -> bool:
        return super().give_back(self._asked)
