"""A lock that guards nothing, and lets all but ``c1`` wait a second before their first grant: so ``c1`` is inside alone
for long enough that a fault can be brought into force."""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Lock, LockContext

ALONE = 1.0


class Late(Lock):
    """Grants at once, but for the first grant of the others."""

    @staticmethod
    def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
        """A mutex that is to be had again within two seconds."""
        return Spec(recovery_ns=2_000_000_000)

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._wait = 0.0 if context.client == "c1" else ALONE

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        wait, self._wait = self._wait, 0.0
        time.sleep(wait)
        return Grant()

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass
