"""What is said of a lock, to be held against measurement: which property is kept or lost under which fault.

A claim names its fault by a :class:`Scenario`: the words for people, and the faults and settings that a plan is made
of. Every lock's file holds its own list, put together with :func:`kept`, :func:`lost` and :func:`unclaimed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Saying = Literal["kept", "lost", "unclaimed"]
ANY_PROPERTY = "mutual-exclusion"
"""What ``unclaimed`` is about unless it names another property."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A fault family with its bound. ``words``: for people; ``faults`` and ``settings``: as ``--fault`` and ``--set``
    take them, no faults for none; ``clients``: how many contend. ``x`` is the lock's lease or session."""

    words: str
    faults: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    clients: int = 3

    @property
    def families(self) -> tuple[str, ...]:
        """The names of its faults; ``none`` without any."""
        return tuple(dict.fromkeys(fault.partition(":")[0] for fault in self.faults)) or ("none",)

    @property
    def typed(self) -> str:
        """Its faults as one would type them."""
        return " + ".join(self.faults) or "none"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a lock's authors (or those who studied it) say of one property under one fault.

    ``property``: a checker property, e.g. ``mutual-exclusion``. ``fault``: a scenario, or one fault as ``--fault``
    takes it (``pause-client:for=2x``; ``none``). ``clusters``: where it is said, all of the lock's when empty. ``kind``
    and ``cause``: how it is lost, where that is said. ``source``: the documentation, paper or issue.
    """

    property: str
    fault: Scenario | str
    verdict: Saying
    source: str
    clusters: tuple[str, ...] = ()
    kind: str | None = None
    cause: str | None = None

    def under(self) -> Scenario:
        """The fault with its bound, also where it was given as text."""
        if isinstance(self.fault, Scenario):
            return self.fault
        return STANDARD.get(self.fault) or Scenario(words=self.fault, faults=(self.fault,))


def kept(property: str, source: str, *under: Scenario, on: Sequence[str] = ()) -> tuple[Claim, ...]:
    """``property`` stays valid under each of these."""
    return tuple(
        Claim(property=property, fault=each, verdict="kept", source=source, clusters=tuple(on)) for each in under
    )


def lost(
    property: str,
    source: str,
    *under: Scenario,
    kind: str | None = None,
    cause: str | None = None,
    on: Sequence[str] = (),
) -> tuple[Claim, ...]:
    """``property`` is broken under each of these, in this way where one is named."""
    return tuple(
        Claim(property=property, fault=each, verdict="lost", source=source, clusters=tuple(on), kind=kind, cause=cause)
        for each in under
    )


def unclaimed(source: str, *under: Scenario, property: str = ANY_PROPERTY, on: Sequence[str] = ()) -> tuple[Claim, ...]:
    """Nothing is promised under any of these; ``source``: why not, or where it is left open."""
    return tuple(
        Claim(property=property, fault=each, verdict="unclaimed", source=source, clusters=tuple(on)) for each in under
    )


NO_FAULT = Scenario(words="no fault")

PAUSE_WITHIN = Scenario(words="holder paused for 0.4 of its lease or session", faults=("pause-client:for=0.4x",))
PAUSE_BEYOND = Scenario(words="holder paused for 2 leases or sessions", faults=("pause-client:for=2x",))
PAUSE_AT_WRITE = Scenario(
    words="holder paused for 2 leases or sessions just before it writes",
    faults=("pause-client:for=2x,at=before-write",),
)

HOLDER_KILLED = Scenario(words="holder killed", faults=("kill-client",))

SERVER_KILLED = Scenario(
    words="server in charge killed, then started again with what it had saved (Redis by default: nothing)",
    faults=("kill-node",),
)
SERVER_PAUSED = Scenario(words="server in charge frozen for 1.5 leases or sessions", faults=("pause-node:for=1.5x",))

CUT_WITHIN = Scenario(
    words="holder cut off from all servers for half a lease or session", faults=("partition:side=client,for=0.5x",)
)
CUT_BEYOND = Scenario(
    words="holder cut off from all servers for 1.5 leases or sessions, left within its lease",
    faults=("partition:side=client,for=1.5x",),
)
ISOLATED = Scenario(
    words="server in charge cut off from everybody for 1.5 leases or sessions",
    faults=("partition:side=primary,for=1.5x",),
)

FAILED_OVER = Scenario(words="replication cut, then the primary killed", faults=("failover",))
SPLIT_BRAIN = Scenario(
    words="the primary and one client cut off from all others", faults=("failover:recipe=split-brain",)
)
PROMOTIONS = (FAILED_OVER, SPLIT_BRAIN)

CLOCK_AHEAD = Scenario(words="clock of the server in charge jumps a minute ahead", faults=("clock:by=60s",))
CLOCK_BACK = Scenario(
    words="clock of the server in charge jumps a minute back, for less than a hold", faults=("clock:by=-60s,for=0.2x",)
)

STANDARD = {
    each.typed: each
    for each in (
        *(NO_FAULT, PAUSE_WITHIN, PAUSE_BEYOND, PAUSE_AT_WRITE, HOLDER_KILLED, SERVER_KILLED, SERVER_PAUSED),
        *(CUT_WITHIN, CUT_BEYOND, ISOLATED, *PROMOTIONS, CLOCK_AHEAD, CLOCK_BACK),
    )
}
"""By their faults as one would type them."""
