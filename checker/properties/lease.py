"""The lease property: a lock is not given away while the lease or session of its holder is alive (no double grant).

For leases it rests on definite holds, which the calls alone show (CHECKERS §9): definite holds of two owners that meet
are a double grant; an order of grants in which no two leases are alive at once proves there was none. Where neither is
found the verdict is unknown and names the calls. For sessions, and beyond definite holds, the observers' rows decide.
"""

from __future__ import annotations

from checker.calls import NEVER
from checker.case import MS, Case
from checker.description import Description, describe
from checker.holds import Hold
from checker.leases import asked, certain_end
from checker.overlap import Overlap, sweep
from checker.verdict import Verdict
from checker.witness import in_order, of_faults, of_hold
from histories.spec import Spec

NAME = "lease"


def applies(spec: Spec) -> bool:
    """Locks that lapse."""
    return spec.lapses and spec.permits == 1 and not spec.read_write


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody was ever granted it."""
    if not case.holds:
        return None
    reading = _reading(case)
    met = _definite_meet(case) if case.spec.lease_ns is not None else None
    if met is not None:
        return _invalid(case, met, reading)
    doubtful: tuple[Overlap, Description] | None = None
    for overlap in sweep(case.holds, case.lives.process)[1]:
        description = describe(case, overlap)
        if description.kind == "double-grant":
            return _invalid(case, overlap, reading)
        if description.kind == "unproven":
            doubtful = doubtful or (overlap, description)
    stuck = _no_order(case) if case.spec.lease_ns is not None else None
    if doubtful is not None:
        return _unknown(case, doubtful[0].first, doubtful[0].second, doubtful[1].reading, reading)
    if stuck is not None:
        why = "definite holds do not meet, but no order of grants was found that keeps all leases apart"
        return _unknown(case, *stuck, why, reading)
    sentence = f"{case.lock} was never given away while a lease or session was alive ({len(case.holds)} grants)"
    return Verdict(property=NAME, validity="valid", sentence=sentence, lock=case.lock, assumptions=[reading])


def _reading(case: Case) -> str:
    spec = case.spec
    if spec.lease_ns is None:
        return f"session of {(spec.session_ns or 0) / MS:.0f} ms: alive until an observer saw it or its node end"
    return (
        f"lease of {spec.lease_ns / MS:.0f} ms less {spec.drift:.1%} drift and {spec.margin_ns / MS:g} ms margin, "
        "certainly alive from the acquire's return until that long after its call or the last confirmed renewal's "
        "(or after the lock says it had asked)"
    )


def _definite_meet(case: Case) -> Overlap | None:
    """Two definite holds of different owners that meet, the ones that share most of those found. A running maximum end
    per other owner, because comparing neighbours misses later overlaps."""
    furthest: list[tuple[int, Hold]] = []
    found: list[tuple[int, Overlap]] = []
    for hold in case.holds:
        end = certain_end(hold, case.spec)
        if end <= hold.entered:
            continue
        for other_end, other in furthest:
            if other.client != hold.client and other_end > hold.entered:
                found.append((min(end, other_end) - hold.entered, Overlap(other, hold)))
        kept = [entry for entry in furthest if entry[1].client != hold.client or entry[0] > end]
        kept += [] if any(entry[1].client == hold.client for entry in kept) else [(end, hold)]
        furthest = sorted(kept, key=lambda entry: -entry[0])[:2]
    return max(found, key=lambda entry: entry[0], default=(0, None))[1]


def _no_order(case: Case) -> tuple[Hold, Hold] | None:
    """Grant every hold as early as the one before allows; the pair at which that fails, None where it works.

    In order of the observed beginnings where there are any, else of the returns (scheduling jobs with start windows:
    success is a proof, failure is none, the general problem is NP-hard).
    """
    spec = case.spec
    lease = int((spec.lease_ns or 0) * (1 - spec.drift)) - spec.margin_ns
    free, before = -NEVER, None
    for hold in sorted(case.holds, key=lambda hold: _granted(case, hold)):
        start = max(asked(hold.acquire, spec), free)
        if before is not None and start > hold.entered:
            return before, hold
        renewed = [asked(call, spec) for call in hold.renewals if call.outcome == "ok"]
        lapse = max([start, *renewed]) + lease
        free = max(start, min([lapse, *(call.inv for call in hold.releases)]))
        before = hold
    return None


def _granted(case: Case, hold: Hold) -> int:
    began = [life.began for life in case.lives_of(hold.acquire) if life.began is not None]
    return max(hold.acquire.inv, min([hold.entered, *began]))


def _invalid(case: Case, overlap: Overlap, reading: str) -> Verdict:
    description = describe(case, overlap)
    first, second = overlap.first, overlap.second
    sentence = (
        f"{case.lock} was granted to {second.client} while the lease or session of {first.client} was alive: "
        f"cause {description.cause} ({description.why})"
    )
    end = max(overlap.end, overlap.start)
    events = [
        *of_hold(case, first),
        *of_hold(case, second),
        *description.evidence,
        *of_faults(case, first.entered, end),
    ]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=sentence,
        lock=case.lock,
        kind="double-grant",
        cause=description.cause,
        witness=in_order(events),
        faults=case.in_force(first.entered, end),
        assumptions=[reading, description.reading],
    )


def _unknown(case: Case, first: Hold, second: Hold, why: str, reading: str) -> Verdict:
    sentence = (
        f"whether the lease of {first.client} ({first.attempt}) was alive when {second.client} ({second.attempt}) was "
        f"granted {case.lock} is unknown: {why}"
    )
    return Verdict(
        property=NAME,
        validity="unknown",
        sentence=sentence,
        lock=case.lock,
        reason=why,
        witness=in_order([*of_hold(case, first), *of_hold(case, second)]),
        assumptions=[reading],
    )
