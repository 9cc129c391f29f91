"""A holder that hears nothing of its loss: what is left to protect a resource is the check there."""

from __future__ import annotations

from nuclei.locks import chubby_sequencer
from nuclei.locks.chubby_sequencer import ChubbySequencer


class DeafSequencer(ChubbySequencer):
    """``chubby-sequencer`` whose client ignores every word about its session."""

    defaults = chubby_sequencer.LOCK.defaults
    clusters = chubby_sequencer.LOCK.clusters
    spec = staticmethod(chubby_sequencer.spec)

    def _broke(self, state: str) -> None: ...
