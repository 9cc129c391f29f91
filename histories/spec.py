"""The specification a history is judged by: what its header says the lock promised."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

DEFAULT_DRIFT = 0.01
DEFAULT_MARGIN_NS = 2_000_000
LONGEST_NS = 10 * 366 * 24 * 3600 * 10**9
MOST = (1 << 31) - 1


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """How people speak of what is taken from a resource: ``paid`` 12 of 10, ``overspent`` by 2. ``left``: how they call
    what nobody took although somebody asked for it; empty where it is no harm."""

    taken: str = "taken"
    over: str = "over"
    left: str = ""


class Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the checker must know of a lock; shapes and units are part of the file format.

    ``owners``: releases are tied to the acquirer (owner mutex) or anybody may release (anonymous mutex).
    ``lease_ns``: time to live the lock asks of the server, per grant; None where it has no lease.
    ``session_ns``: session timeout of the server, None where the lock does not live in a session.
    ``drift``: bound on the relative speed difference of two clocks (share, default 1 %).
    ``margin_ns``: what is taken off a lease for rounding and scheduling (Redlock's clock-drift term has 2 ms).
    ``refusals``: ``exact`` when one atomic server command decides, ``spurious`` when the lock may refuse while free.
    ``reentry_limit``, ``permits``: holds of one owner at once, and owners at once.
    ``fenced``: grants carry a fencing token. ``fencing_checked``: the ledger rejects stale ones.
    ``recovery_ns``: promised bound after which a lock nobody is inside of can be had again.
    ``renewals``: leases are renewed by ``calls`` the history shows, or inside a ``library``, which it does not show.
    ``budgets``: per resource, the most that may be taken from it altogether; ``wording``: how to speak of that.
    ``ticks``: per job, how many ticks its schedule has, each of which is to be run once.
    ``most_overtakes``: how many later arrivals may be granted first (0: first come, first served); ``most_woken``: how
    many waiters one release may wake. None: nothing is promised, and the number is told but not judged.
    ``model``: what the history is of: a ``lock``, or a store recorded elsewhere whose object starts as ``initial``.
    """

    model: Literal["lock", "register", "multi-register"] = "lock"
    initial: Any = None
    owners: Literal["owner", "anonymous"] = "owner"
    lease_ns: int | None = None
    session_ns: int | None = None
    drift: float = DEFAULT_DRIFT
    margin_ns: int = DEFAULT_MARGIN_NS
    refusals: Literal["exact", "spurious"] = "spurious"
    reentry_limit: int = 1
    permits: int = 1
    read_write: bool = False
    fenced: bool = False
    fencing_checked: bool = False
    recovery_ns: int | None = None
    renewals: Literal["calls", "library"] = "calls"
    budgets: dict[str, float] = {}
    wording: dict[str, Wording] = {}
    ticks: dict[str, int] = {}
    most_overtakes: int | None = None
    most_woken: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what no lock can promise."""
        for name in ("lease_ns", "session_ns", "recovery_ns", "margin_ns"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= LONGEST_NS:
                raise ValueError(f"{name} is {value}, outside 0 … {LONGEST_NS} (ten years)")
        for name in ("reentry_limit", "permits"):
            if not 1 <= getattr(self, name) <= MOST:
                raise ValueError(f"{name} is {getattr(self, name)}, outside 1 … {MOST}")
        if not 0 <= self.drift < 1:
            raise ValueError(f"drift is {self.drift}, outside 0 … 1")

    @property
    def lapses(self) -> bool:
        """Whether a hold can end without its holder's release (lease or session)."""
        return self.lease_ns is not None or self.session_ns is not None
