"""How long a lease is certainly alive, and when it is certainly over, as far as the calls tell (CHECKERS §9).

A lease runs from when the server executed the command, which is not before the call, so clocks run from ``inv`` for
what is certain; and not after the return, so from ``ret`` for what is possible. An acquire that waits asks many times
within one call: where it tells until when it holds (``lease_until``), it thereby tells when it had asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.belongings import NOBODYS, belongings
from checker.holds import Holds
from histories.columns import ENDING, NEVER, NONE, Calls
from histories.spec import Spec
from histories.vocabulary import Operation

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Leases:
    """Per hold of a lock, times in ns.

    ``asked``: when the granted command had certainly not been sent yet. ``renewed``: the same of its last confirmed
    renewal, else of the acquire. ``alive``: until when its lease is certainly alive, releases apart; ``entered`` where
    the lock has no lease. ``certain``: the end of the definite hold, which begins at ``entered``: until then the lock
    is certainly the holder's; ``entered``, where only a session lapses, of which calls tell nothing. ``possible``: the
    latest moment at which the lease may still have been alive; NEVER where nothing bounds it. ``letting_go``: the
    first release's call, ``freed``: the first successful release's return; NEVER where there was none.
    """

    asked: Ints
    renewed: Ints
    alive: Ints
    certain: Ints
    possible: Ints
    letting_go: Ints
    freed: Ints


def read_leases(calls: Calls, holds: Holds, spec: Spec) -> Leases:
    """The leases of one lock's holds."""
    releases, released = _of_holds(calls, holds, "release")
    renewals, prolonged = _of_holds(calls, holds, "renew")
    letting_go, freed = np.full(len(holds), NEVER), np.full(len(holds), NEVER)
    np.minimum.at(letting_go, released, calls.inv[releases])
    ok = calls.outcome[releases] == ENDING["ok"]
    np.minimum.at(freed, released[ok], calls.ret[releases[ok]])
    asked = _asked(calls, holds.acquire, spec)
    ok = calls.outcome[renewals] == ENDING["ok"]
    renewed = asked.copy()
    np.maximum.at(renewed, prolonged[ok], _asked(calls, renewals[ok], spec))
    if spec.lease_ns is None:
        certain = holds.entered if spec.lapses else np.minimum(holds.left, letting_go)
        never = np.full(len(holds), NEVER)
        return Leases(asked, renewed, holds.entered, certain, never, letting_go, freed)
    alive = renewed + int(spec.lease_ns * (1 - spec.drift)) - spec.margin_ns
    perhaps = calls.outcome[renewals] != ENDING["fail"]
    since = holds.entered.copy()
    np.maximum.at(since, prolonged[perhaps], calls.ret[renewals[perhaps]])
    over = since + int(spec.lease_ns * (1 + spec.drift)) + spec.margin_ns
    possible = np.where((since >= NEVER) | (spec.renewals == "library"), NEVER, over)
    return Leases(asked, renewed, alive, np.minimum(letting_go - spec.margin_ns, alive), possible, letting_go, freed)


def _asked(calls: Calls, rows: NDArray[np.intp], spec: Spec) -> Ints:
    """When these granted commands had certainly not been sent yet: the call, or what the lock itself says of it."""
    inv, until = calls.inv[rows], calls.lease_until[rows]
    if spec.lease_ns is None:
        return inv
    said = np.minimum(np.maximum(inv, until - spec.lease_ns), calls.ret[rows])
    return np.where(until == NONE, inv, said)


def _of_holds(calls: Calls, holds: Holds, op: Operation) -> tuple[NDArray[np.intp], Ints]:
    """(the calls of that operation that belong to a hold, the numbers of their holds)."""
    rows = np.flatnonzero(calls.is_op(op))
    number = belongings(calls, holds, rows)
    return rows[number != NOBODYS], number[number != NOBODYS]
