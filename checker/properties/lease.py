"""The lease property: a lock is not given away while the lease or session of its holder is alive (no double grant).

For leases it rests on definite holds, which the calls alone show (CHECKERS §9): definite holds of two owners that meet
are a double grant; so are grants that fit in no order in which no two leases are alive at once; one such order proves
there was none. Only where too many orders would have to be tried the verdict is unknown, and names the calls. For
sessions, and beyond definite holds, the observers' rows decide.
"""

from __future__ import annotations

import numpy as np

from checker.case import MS, Case
from checker.description import Description, describe
from checker.holds import Hold
from checker.insides import met_of_others
from checker.lease_order import Impossible, out_of_any_order
from checker.opportunity import two_held
from checker.overlap import Overlap
from checker.verdict import Verdict, vacuous, valid
from checker.witness import in_order, of_faults, of_hold
from histories.spec import Spec

NAME = "lease"
SHOWN = 6
"""How many holds at most a witness shows that is about the order of several."""


def applies(spec: Spec) -> bool:
    """Locks that lapse."""
    return spec.lapses and spec.permits == 1 and not spec.read_write


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody was ever granted it."""
    if not len(case.holds):
        return None
    reading = _reading(case)
    met = _definite_meet(case) if case.spec.lease_ns is not None else None
    if met is not None:
        return _invalid(case, met, reading)
    doubtful: tuple[Overlap, Description] | None = None
    for overlap in case.overlaps():
        description = describe(case, overlap)
        if description.kind == "double-grant":
            return _invalid(case, overlap, reading)
        if description.kind == "unproven":
            doubtful = doubtful or (overlap, description)
    stuck = _out_of_order(case) if case.spec.lease_ns is not None else None
    if stuck is not None and stuck.decided:
        return _no_order(case, stuck.numbers, reading)
    if doubtful is not None:
        return _unknown(case, doubtful[0].first, doubtful[0].second, doubtful[1].reading, reading)
    if stuck is not None:
        first, second, *_ = (case.hold(number) for number in stuck.numbers)
        why = f"too many of {len(stuck.numbers)} grants took longer than a lease lasts to try all orders"
        return _unknown(case, first, second, why, reading)
    chance = two_held(case)
    if chance.missing:
        return vacuous(NAME, case.lock, chance.missing, assumptions=[reading])
    sentence = f"{case.lock} was never given away while a lease or session was alive ({len(case.holds)} grants)"
    return valid(NAME, case.lock, sentence, chance.words, assumptions=[reading])


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
    """Two definite holds of different owners that meet, the ones that share most."""
    some = np.flatnonzero(case.leases.certain > case.holds.entered)
    begin, end = case.holds.entered[some], case.leases.certain[some]
    first, second, _ = met_of_others(begin, end, case.holds.client[some])
    if len(second) == 0:
        return None
    most = int(np.argmax(np.minimum(end[first], end[second]) - begin[second]))
    return case.overlap(int(some[first[most]]), int(some[second[most]]))


def _out_of_order(case: Case) -> Impossible | None:
    """Grants for which there is no order that keeps the leases apart."""
    spec, leases = case.spec, case.leases
    ttl = int((spec.lease_ns or 0) * (1 - spec.drift)) - spec.margin_ns
    return out_of_any_order(leases.asked, case.holds.entered, leases.renewed, leases.letting_go, ttl)


def _no_order(case: Case, numbers: list[int], reading: str) -> Verdict:
    """Leases that no order keeps apart: which of them was given away too early nobody can tell."""
    holds = [case.hold(number) for number in numbers[:SHOWN]]
    names = ", ".join(dict.fromkeys(hold.client for hold in holds))
    start, end = min(hold.acquire.inv for hold in holds), max(hold.entered for hold in holds)
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{len(numbers)} grants of {case.lock} ({names}) fit in no order that keeps their leases apart",
        lock=case.lock,
        kind="double-grant",
        cause="unproven",
        witness=in_order([event for hold in holds for event in of_hold(case, hold)]),
        faults=case.in_force(start, end),
        assumptions=[reading, "each lease began at some moment between when it was asked for and its acquire's return"],
    )


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
