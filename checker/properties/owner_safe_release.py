"""Owner-safe release: a release frees only the releaser's own lock.

Two kinds of proof. The observers saw the key of another client's hold being deleted while only foreign releases were
under way; or the calls alone show a release that succeeded when its own lease had certainly passed, so that what it
freed was not its own. A release that was *refused* after the lease had passed is how it should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from checker.case import MS, Case
from checker.foreign import culprits, deleted_life
from checker.holds import Hold
from checker.observed import Life
from checker.verdict import Verdict, valid
from checker.witness import in_order, of_call, of_ends, of_faults, of_hold, of_pauses
from histories.columns import ENDING, NEVER, Call
from histories.spec import Spec

NAME = "owner-safe-release"
MOST = 400
"""So many deleted keys of others are enough to choose the one that is shown."""


@dataclass(frozen=True)
class Wrong:
    """A release that freed what was not its own. ``victim``: whose key it deleted, where observers saw it."""

    release: Call
    own: Hold | None
    victim: Hold | None
    life: Life | None


def applies(spec: Spec) -> bool:
    """Locks whose releases belong to the acquirer."""
    return spec.owners == "owner"


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where no release may have taken effect."""
    called = case.calls.is_op("release")
    count, effective = int(called.sum()), int((called & (case.calls.outcome != ENDING["fail"])).sum())
    if not effective:
        return None
    wrong = [*islice(_foreign(case), MOST), *_late(case)]
    figures = {"releases": count, "releases_refused": count - effective}
    if wrong:
        return _invalid(case, wrong, figures | {"foreign_releases": len({found.release.row for found in wrong})})
    seen = sum(1 for hold in _deleted(case) if deleted_life(case, hold.acquire) is not None)
    sentence = f"no release of {case.lock} freed what was not its own (releases {effective}, seen on servers {seen})"
    return valid(NAME, case.lock, sentence, f"{effective} releases that may have taken effect", figures=dict(figures))


def _foreign(case: Case) -> Iterator[Wrong]:
    """Keys that were deleted while their holder had not called release, by somebody else who was releasing."""
    for victim in _deleted(case):
        life = deleted_life(case, victim.acquire)
        guilty = culprits(case, victim, life) if life is not None else []
        if guilty:
            yield Wrong(guilty[0], case.hold_by_attempt(guilty[0].attempt), victim, life)


def _deleted(case: Case) -> Iterator[Hold]:
    """The holds whose keys observers may have seen deleted: none, where they saw nothing deleted."""
    if any(life.reason == "deleted" for life in case.observed.lives):
        yield from case.all_holds()


def _late(case: Case) -> Iterator[Wrong]:
    """Releases that succeeded after their own lease had certainly passed, unless observers saw the key live on."""
    if case.spec.lease_ns is None or any(window.name.startswith("clock") for window in case.windows):
        return
    done = case.calls.is_op("release") & case.calls.ended("ok") & (case.belongs >= 0)
    rows = np.flatnonzero(done)
    late = case.calls.inv[rows] > case.leases.possible[case.belongs[rows]]
    for call in case.made(rows[late]):
        hold = case.hold(int(case.belongs[call.row]))
        if not any(life.ended >= call.inv for life in case.keys.of(hold.acquire)):
            yield Wrong(call, hold, None, None)


def _invalid(case: Case, wrong: list[Wrong], figures: dict[str, int]) -> Verdict:
    found = min(wrong, key=lambda one: (one.victim is None, one.release.inv))
    release, victim, own = found.release, found.victim, found.own
    late = own is not None and release.inv > _over(case, own)
    start = min(release.inv, victim.entered if victim else NEVER, own.entered if own else NEVER)
    end = max(min(release.ret, case.end), victim.left if victim else 0)
    events = [*of_call(case, release)]
    for hold in (own, victim):
        if hold is not None:
            events += [*of_hold(case, hold), *of_ends(case, hold.acquire, start, end)]
    events += [*of_pauses(case, release.client, start, end), *of_faults(case, start, end)]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=_sentence(case, found),
        lock=case.lock,
        kind="foreign-release" if victim else "late-release",
        cause="lease-ran-out" if late else None,
        witness=in_order(events),
        faults=case.in_force(release.inv, min(release.ret, case.end)) or case.in_force(start, end),
        assumptions=["an observer's sighting is never earlier than what it saw"],
        figures=dict(figures),
    )


def _over(case: Case, own: Hold) -> int:
    """When the lease of a hold was certainly over, ns."""
    return int(case.leases.possible[own.number])


def _sentence(case: Case, found: Wrong) -> str:
    release, own = found.release, found.own
    late = ""
    if own is not None and release.inv > (over := _over(case, own)):
        late = f", {(release.inv - over) / MS:.0f} ms after its own lease had certainly passed"
    if found.victim is not None and found.life is not None:
        return (
            f"{release.client} released {case.lock} and so deleted the key of {found.victim.client} on "
            f"{found.life.node}{late}"
        )
    return f"{release.client} released {case.lock} with success{late}: what it freed was not its own"
