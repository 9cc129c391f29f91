"""A lease of etcd that is kept alive while its client lives, as clientv3/concurrency's Session does.

It asks at a third of the TTL. It is lost when a server says so, or when by our own clock nobody has confirmed it for a
whole TTL since the last question that was answered: servers count from when they got that one, which is later.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping

from nuclei.locks.base import LockError, Refused
from nuclei.locks.etcd_gateway import EtcdGateway, LeaseGone
from nuclei.locks.redis_watchdog import Watchdog

_LOOK = 0.1
"""Seconds between two looks at the clock."""
SHORTEST = 2
"""etcd grants no shorter lease with an election timeout of a second."""


def whole_seconds(settings: Mapping[str, float | int | str | bool]) -> int:
    """The TTL, in seconds: the setting ``ttl`` rounded up to what etcd can grant."""
    return max(SHORTEST, math.ceil(float(settings.get("ttl", SHORTEST))))


def lock_prefix(key: str) -> str:
    """What the keys of a lock's contenders begin with."""
    return f"{key.rstrip('/')}/"


class EtcdLease:
    """``lost`` is called from the keeper's thread, once per lease, before another one can be had. ``gateway`` belongs
    to this lease alone."""

    def __init__(self, gateway: EtcdGateway, seconds: int, lost: Callable[[], None]) -> None:
        self._gateway = gateway
        self._seconds = seconds
        self._lost = lost
        self._mutex = threading.Lock()
        self._id: int | None = None
        self._sent = 0.0
        self._confirmed = 0.0
        self._watchdog = Watchdog(self._keep, _LOOK, self._over)

    @property
    def current(self) -> int | None:
        """The lease there is, None where it is lost or was never granted."""
        return self._id

    def have(self) -> int:
        """The lease, granted now where there is none. Raises Refused."""
        with self._mutex:
            if self._id is None:
                began = time.monotonic()
                try:
                    said = self._gateway.ask("/v3/lease/grant", {"TTL": str(self._seconds)})
                except LockError as error:
                    raise Refused(f"no lease was granted: {error}") from error
                self._id = int(said["ID"])
                self._sent = self._confirmed = began
                self._watchdog.start()
            return self._id

    def _keep(self) -> bool:
        """Whether the lease lives, asked again where a third of its time has passed."""
        with self._mutex:
            if self._id is None:
                return False
            now = time.monotonic()
            left = self._confirmed + self._seconds - now
            if left <= 0:
                return False
            if now - self._sent < self._seconds / 3:
                return True
            return self._asked(self._id, now, left)

    def _asked(self, lease: int, now: float, left: float) -> bool:
        self._sent = now
        try:
            said = self._gateway.ask("/v3/lease/keepalive", {"ID": str(lease)}, timeout=left)
        except LeaseGone:
            return False
        except LockError:
            self._sent = now - self._seconds / 3  # nobody answered: ask the next server at once
            return time.monotonic() < self._confirmed + self._seconds
        if int(said.get("TTL", 0)) <= 0:
            return False
        self._confirmed = now
        return True

    def _over(self) -> None:
        with self._mutex:
            self._id = None
        self._lost()

    def close(self) -> None:
        """Keep it no longer: it ends by its time."""
        self._watchdog.close()
        self._gateway.close()
