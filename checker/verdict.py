"""A verdict: what one property says of one history of one lock, with the evidence a person can follow.

Three values as in Porcupine and Jepsen: ``valid``, ``invalid`` with a witness, ``unknown`` with the reason. The worst
wins. Verdicts are plain data (``verdicts.json`` of a run directory); fields may be added, none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

SCHEMA_VERSION = 1

Validity = Literal["valid", "unknown", "invalid"]

Cause = Literal[
    "lease-ran-out",
    "failover",
    "restart",
    "flush",
    "eviction",
    "clock",
    "foreign-release",
    "session-end",
    "renewal-died",
    "algorithm",
    "unproven",
]
"""Why two were let in, as the observer's rows and the fault windows show it; never guessed."""

Figure = int | float | str

BADNESS: dict[str, int] = {"valid": 0, "unknown": 1, "invalid": 2}


class WitnessEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a witness, in order of true time.

    ``t``: ns of CLOCK_MONOTONIC, as in the history. ``at_ms``: ms since the trial began. ``who``: a client, a node or
    a fault. ``what``: in words. ``row``: the kind of row it was read from.
    """

    t: int
    at_ms: float
    who: str
    what: str
    row: str
    attempt: str | None = None


class FaultInForce(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault whose window the witness fell in; times in ms since the trial began, ``to_ms`` None: never healed."""

    fault: str
    name: str
    targets: list[str]
    from_ms: float
    to_ms: float | None
    evidence: str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``property`` says of ``lock``. ``sentence`` says it in one sentence.

    ``kind``, ``sub_kind``, ``cause`` describe a violation; ``reason`` says why a verdict is unknown (or by what
    opportunity it is valid). ``tally`` is what it came to where the lock protects something, in that thing's own unit
    (``paid 12 of 10: overspent by 2``). ``assumptions`` are the readings used. ``figures`` are numbers worth a column:
    counts, and times in the unit their name ends with.
    """

    property: str
    validity: Validity
    sentence: str
    lock: str = ""
    kind: str | None = None
    sub_kind: str | None = None
    cause: Cause | None = None
    reason: str | None = None
    tally: str | None = None
    witness: list[WitnessEvent] = []
    faults: list[FaultInForce] = []
    assumptions: list[str] = []
    figures: dict[str, Figure] = {}
    version: int = SCHEMA_VERSION


def valid(name: str, lock: str, sentence: str, opportunity: str, **more: Any) -> Verdict:
    """Kept; ``opportunity`` says by what chance it could have been broken. ``more``: other fields of the verdict."""
    return Verdict(property=name, validity="valid", sentence=sentence, lock=lock, reason=opportunity, **more)


def vacuous(name: str, lock: str, missing: str, **more: Any) -> Verdict:
    """Not broken, but there was no opportunity: ``missing`` says which."""
    sentence = f"{lock or 'the lock'} was not put to the test: {missing}"
    reason = f"vacuous: {missing}"
    return Verdict(property=name, validity="unknown", sentence=sentence, lock=lock, reason=reason, **more)


def worst(verdicts: Iterable[Verdict]) -> Validity:
    """The worst of several verdicts: valid < unknown < invalid. Nothing judged is unknown."""
    found: list[Validity] = [verdict.validity for verdict in verdicts]
    return max(found, key=BADNESS.__getitem__, default="unknown")
