"""What locks on one node share: who can create the node holds the lock, everybody else watches it.

A holder deletes the node only if its value is the own one. That is two requests, because a ZooKeeper delete can ask for
a version but every node's first version is 0: an ephemeral node whose session ends between the two, and that somebody
else created anew by then, is deleted all the same.
"""

from __future__ import annotations

import time

from nuclei.locks.base import Attempt, Grant, Refused
from nuclei.locks.zk_lock import ZkLock
from nuclei.locks.zk_session import ONE_NODE


class ZkOneNode(ZkLock):
    """The recipe, for an ephemeral node and for a persistent one."""

    @property
    def node(self) -> str:
        """The path of the one node."""
        return f"{self.parent}/{ONE_NODE}"

    def _take(self, attempt: Attempt, deadline: float | None) -> Grant:
        while True:
            breaks = self.zk.breaks
            try:
                created = self._create(attempt)
            except Refused:  # nothing was sent
                if deadline is None or time.monotonic() >= deadline:
                    raise
                self.zk.wait_connected(deadline - time.monotonic())
                continue
            if created and not self._claim(breaks):
                raise self._withdrawn(attempt, Refused("the session broke while the node was created"))
            if created:
                return Grant(owner=attempt.owner)
            if deadline is None:
                raise Refused("busy: the node is there")
            self._wait_until_gone(self.node, deadline)
            if time.monotonic() >= deadline:
                raise Refused("not granted within the limit")

    def _create(self, attempt: Attempt) -> bool:
        """Whether the node was created. An indeterminate create leaves the attempt for release to clean up."""
        from kazoo.exceptions import NodeExistsError, NoNodeError

        self._attempt = attempt
        try:
            self.zk.create(self.node, attempt.owner.encode(), ephemeral=self.ephemeral, sequence=False)
        except NodeExistsError:
            self._forget()
            return False
        except NoNodeError:
            self._forget()
            self.zk.ensure(self.parent)
            return self._create(attempt)
        except Refused:
            self._forget()
            raise
        return True

    def _give_back(self, attempt: Attempt) -> bool:
        found = self.zk.read(self.node)
        return found is not None and found[0] == attempt.owner.encode() and self.zk.delete(self.node)
