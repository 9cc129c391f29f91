"""The properties there are, when each applies, and how it is judged. What applies follows from the header's spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checker.case import Case
from checker.properties import (
    conservation,
    duplicates,
    fairness,
    fencing_at_grant,
    fencing_at_ledger,
    herd,
    lease,
    linearizability,
    lost_update,
    mutual_exclusion,
    owner_safe_release,
    re_entry,
    recovery,
    refusal,
    self_block,
    single_runner,
    stale_belief,
)
from checker.verdict import Verdict
from histories.spec import Spec


@dataclass(frozen=True)
class Property:
    """``meaning``: what keeping it means. ``when``: which locks and histories it is judged for, in words.

    ``judge`` gives None where the history holds no occasion for the property (nobody was told of a loss, …)."""

    name: str
    meaning: str
    when: str
    applies: Callable[[Spec], bool]
    judge: Callable[[Case], Verdict | None]
    liveness: bool = False
    """It says that something good must come in time, which a fault that was never healed excuses."""
    of_stores: bool = False
    """It is judged for registers and key-value stores too."""

    def is_for(self, spec: Spec) -> bool:
        """Whether it is judged for what the spec describes."""
        return (spec.model == "lock" or self.of_stores) and self.applies(spec)


def _always(spec: Spec) -> bool:
    return True


PROPERTIES: tuple[Property, ...] = (
    Property(
        mutual_exclusion.NAME,
        "no two clients are inside at once",
        "every lock",
        _always,
        mutual_exclusion.judge,
    ),
    Property(
        linearizability.NAME,
        "some order of effects explains every answer",
        "locks that never lapse; registers and key-value stores",
        linearizability.applies,
        linearizability.judge,
        of_stores=True,
    ),
    Property(
        lease.NAME,
        "not given away while the holder's lease or session is alive",
        "mutexes that lapse",
        lease.applies,
        lease.judge,
    ),
    Property(
        refusal.NAME,
        "nobody is refused while the lock is certainly free",
        "mutexes whose refusals are exact, once somebody was refused",
        refusal.applies,
        refusal.judge,
    ),
    Property(
        re_entry.NAME,
        "the holder gets in again, up to the limit and no further",
        "re-entrant mutexes, once somebody inside asked again",
        re_entry.applies,
        re_entry.judge,
    ),
    Property(
        owner_safe_release.NAME,
        "a release frees only the releaser's own lock",
        "locks with owners, once a release may have taken effect",
        owner_safe_release.applies,
        owner_safe_release.judge,
    ),
    Property(
        fencing_at_grant.NAME,
        "fencing tokens grow from grant to grant",
        "fenced locks",
        fencing_at_grant.applies,
        fencing_at_grant.judge,
    ),
    Property(
        fencing_at_ledger.NAME,
        "no accepted write has a stale fencing token",
        "fenced locks, once a write with a token reached the ledger",
        fencing_at_ledger.applies,
        fencing_at_ledger.judge,
    ),
    Property(
        lost_update.NAME,
        "no accepted write overwrites an update that its writer had not read",
        "locks for one writer, once two clients wrote what they computed from the ledger's value",
        lost_update.applies,
        lost_update.judge,
    ),
    Property(
        conservation.NAME,
        "nobody gets more out of a resource than was in it",
        "specs that name budgets",
        conservation.applies,
        conservation.judge,
    ),
    Property(
        duplicates.NAME,
        "a request has one effect on a resource",
        "every lock, once an effect named its request",
        _always,
        duplicates.judge,
    ),
    Property(
        single_runner.NAME,
        "a job is run by one client at a time",
        "every lock, once a run of a job began",
        _always,
        single_runner.judge,
    ),
    Property(
        stale_belief.NAME,
        "who is told of a loss leaves within 500 ms",
        "every lock, once somebody was told while inside",
        _always,
        stale_belief.judge,
    ),
    Property(
        recovery.RECOVERY,
        "obtainable again within the promised bound after the last heal (or the last fault)",
        "locks that promise a bound, once a fault was asked for",
        recovery.applies,
        recovery.judge_recovery,
        liveness=True,
    ),
    Property(
        recovery.ORPHAN,
        "never out of reach while nobody is inside and nobody may still own it",
        "every lock, once somebody tried to acquire it",
        _always,
        recovery.judge_orphan,
        liveness=True,
    ),
    Property(
        self_block.NAME,
        "nobody is kept out by its own key for longer than a lease lasts",
        "locks with owners whose values an observer saw, once somebody was refused",
        self_block.applies,
        self_block.judge,
        liveness=True,
    ),
    Property(
        fairness.NAME,
        "who waits is not overtaken by more later arrivals than promised",
        "locks that promise a number",
        fairness.applies,
        fairness.judge,
    ),
    Property(
        herd.NAME,
        "a release wakes no more waiters than promised",
        "locks that promise a number",
        herd.applies,
        herd.judge,
    ),
)
"""In the order of reports."""


def find(name: str) -> Property | None:
    """The property of that name."""
    return next((entry for entry in PROPERTIES if entry.name == name), None)
