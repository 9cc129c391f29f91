"""Owner-safe release: a release frees only the releaser's own lock.

Two kinds of proof. The observers saw the key of another client's hold being deleted while only foreign releases were
under way; or the calls alone show a release that succeeded when its own lease had certainly passed, so that what it
freed was not its own. A release that was *refused* after the lease had passed is how it should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checker.calls import NEVER, Call
from checker.case import MS, Case
from checker.foreign import culprits, deleted_life
from checker.holds import Hold
from checker.leases import possible_end
from checker.observed import Life
from checker.verdict import Verdict
from checker.witness import in_order, of_call, of_ends, of_faults, of_hold, of_pauses
from histories.spec import Spec

NAME = "owner-safe-release"


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
    releases = [call for call in case.releases if call.outcome != "fail"]
    if not releases:
        return None
    wrong = [*_foreign(case), *_late(case)]
    figures = {"releases": len(case.releases), "releases_refused": len(case.releases) - len(releases)}
    if wrong:
        return _invalid(case, wrong, figures | {"foreign_releases": len({id(found.release) for found in wrong})})
    seen = sum(1 for hold in case.holds if deleted_life(case, hold.acquire) is not None)
    sentence = (
        f"no release of {case.lock} freed what was not its own (releases {len(releases)}, seen on servers {seen})"
    )
    return Verdict(property=NAME, validity="valid", sentence=sentence, lock=case.lock, figures=dict(figures))


def _foreign(case: Case) -> Iterator[Wrong]:
    """Keys that were deleted while their holder had not called release, by somebody else who was releasing."""
    for victim in case.holds:
        life = deleted_life(case, victim.acquire)
        guilty = culprits(case, victim, life) if life is not None else []
        if guilty:
            yield Wrong(guilty[0], case.hold_of(guilty[0]), victim, life)


def _late(case: Case) -> Iterator[Wrong]:
    """Releases that succeeded after their own lease had certainly passed, unless observers saw the key live on."""
    if any(window.name.startswith("clock") for window in case.windows):
        return
    for hold in case.holds:
        end = possible_end(hold, case.spec)
        for call in hold.releases:
            if call.outcome != "ok" or call.inv <= end:
                continue
            if not any(life.ended >= call.inv for life in case.lives_of(hold.acquire)):
                yield Wrong(call, hold, None, None)


def _invalid(case: Case, wrong: list[Wrong], figures: dict[str, int]) -> Verdict:
    found = min(wrong, key=lambda one: (one.victim is None, one.release.inv))
    release, victim, own = found.release, found.victim, found.own
    late = own is not None and release.inv > possible_end(own, case.spec)
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


def _sentence(case: Case, found: Wrong) -> str:
    release, own = found.release, found.own
    late = ""
    if own is not None and release.inv > (over := possible_end(own, case.spec)):
        late = f", {(release.inv - over) / MS:.0f} ms after its own lease had certainly passed"
    if found.victim is not None and found.life is not None:
        return (
            f"{release.client} released {case.lock} and so deleted the key of {found.victim.client} on "
            f"{found.life.node}{late}"
        )
    return f"{release.client} released {case.lock} with success{late}: what it freed was not its own"
