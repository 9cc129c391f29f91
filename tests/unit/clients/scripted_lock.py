"""A lock made of one file, as a user would bring it, whose endings a test can dictate.

Settings: ``directory`` of the lock's file; ``acquires`` and ``releases``: endings in turn, separated by blanks, after
which (or where ``ok`` stands) the lock behaves. ``lost-unsent`` and ``lost-done``: indeterminate without or with its
effect. ``soon-lost``: granted, and reported lost 30 ms later. ``noisy``: prints to stdout first. ``unreachable``: how
many connections fail at first.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, Refused


class Scripted(Lock):
    """O_EXCL creates the file for one taker only; the file holds the owner value."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        settings = context.surroundings.settings
        self.file = Path(str(settings["directory"])) / "held"
        self.acquires = str(settings.get("acquires", "")).split() if "." not in context.client else []
        self.releases = str(settings.get("releases", "")).split() if "." not in context.client else []
        self.unreachable = int(settings.get("unreachable", 0))
        self.owner = ""
        self.timers: list[threading.Timer] = []

    def connect(self) -> None:
        if self.unreachable > 0:
            self.unreachable -= 1
            raise Refused("nobody there")

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        ending = self.acquires.pop(0) if self.acquires else "ok"
        if ending == "noisy":
            print("a library that talks")
            os.system("echo a child that talks")
        if ending == "refused":
            raise Refused("busy, says the script")
        if ending == "crash":
            raise ZeroDivisionError("a bug in the lock")
        self.owner = attempt.owner
        if ending == "lost-unsent":
            raise Indeterminate("no reply")
        self._create(attempt, limit)
        if ending == "lost-done":
            raise Indeterminate("no reply")
        if ending == "soon-lost":
            timer = threading.Timer(0.03, self.context.on_lost, ["SUSPENDED"])
            timer.start()
            self.timers.append(timer)
        return Grant(owner=attempt.owner, fence=time.monotonic_ns())

    def _create(self, attempt: Attempt, limit: float) -> None:
        deadline = time.monotonic() + limit
        while True:
            try:
                fd = os.open(self.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                if time.monotonic() >= deadline:
                    raise Refused("busy") from None
                time.sleep(0.002)
                continue
            os.write(fd, attempt.owner.encode())
            os.close(fd)
            return

    def renew(self) -> Grant:
        return Grant(owner=self.owner)

    def release(self) -> None:
        ending = self.releases.pop(0) if self.releases else "ok"
        if ending == "lost-unsent":
            raise Indeterminate("no reply")
        if not self.file.exists() or self.file.read_text() != self.owner:
            raise Refused("not held")
        self.file.unlink()
        if ending == "lost-done":
            raise Indeterminate("no reply")

    def close(self) -> None:
        for timer in self.timers:
            timer.cancel()
            timer.join()
