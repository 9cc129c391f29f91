"""An owner mutex that never lapses: releases belong to the acquirer (CHECKERS §1, §3, §4). Linear time after sorting.

The lock is certainly held through a hold's core [A.ret, R.inv], so disjoint cores force the order of holds. Between
two of them it is certainly free on the forced gap (R.ret, next A.inv); an exact refusal strictly inside one is wrong.
A lost acquire of a lock that never lapses holds to the end if it took effect, so at most one matters, and it shortens
the last gap.

All locks are judged in one sweep over columns: each has its own stretch on one line of time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checker.linear.clients import read_clients
from checker.linear.cluster import Decide, DecidePlaces, Search, at_places, part_flexible
from checker.linear.findings import Findings
from checker.linear.holds import Holds, order_holds
from checker.linear.line import Line, on_one_line
from checker.linear.operations import Answer, Answers, Operations
from checker.linear.refusals import gaps_in_need, refused_while_free, tries_between
from checker.linear.tails import Tails
from checker.order import firsts


def owner_mutex(operations: Operations, decide: Decide | None = None) -> Answers:
    """Which locks' operations are not those of an owner mutex that begins free, and why.

    A client's own operations follow one another in time, and in ``operations`` where they touch.
    Exact, but for what only ``decide`` can place: several holds by lost acquires that compete for one gap with exact
    refusals, and clients that go on after a result of unknown effect. Without it those are undecided (``valid`` None).
    A witness has the rows of ``operations``.
    """
    if len(operations) == 0:
        return {}
    line = on_one_line(operations)
    findings = Findings(line)
    holds, tails = certain_holds(line, findings)
    searched = judge_refusals(line, holds, tails, findings, decide and at_places(operations, line, decide))
    return {
        int(line.locks[lock]): replace(answer, witness=tuple(line.original(np.array(answer.witness, np.intp)).tolist()))
        for lock, answer in searched.items()
    } | findings.answers()


def certain_holds(line: Line, findings: Findings) -> tuple[Holds, Tails]:
    """The holds, and all that is wrong with them whatever was refused."""
    told = read_clients(line, findings)
    holds = order_holds(line, told)
    _disjoint(line, holds, findings)
    _flexible_fit(line, holds, told.tails, findings)
    return holds, told.tails


def _disjoint(line: Line, holds: Holds, findings: Findings) -> None:
    """The first two cores that meet. Touching ones do not: the release is called before the acquire returns."""
    second = 1 + np.flatnonzero(holds.start[1:] < holds.end[:-1])
    second = second[firsts(line.lock_of(holds.acquire[second]))]
    first = second - 1
    findings.add("double-grant", "{0} certainly held it when {1} was granted it", holds.start[second],
                 holds.acquire[first], holds.acquire[second], holds.closing[first], holds.closing[second])  # fmt: skip


def _flexible_fit(line: Line, holds: Holds, tails: Tails, findings: Findings) -> None:
    """A hold by a lost acquire needs one instant of its release outside the cores of all others."""
    first, last = holds.reach(line.inv[tails.flexible_end], line.ret[tails.flexible_end])
    wrong = np.flatnonzero(first > last)
    within = first[wrong]
    findings.add("foreign-release", "{1} released it while {0} certainly held it", line.ret[tails.flexible_end[wrong]],
                 holds.acquire[within], tails.flexible[wrong], holds.closing[within],
                 tails.flexible_end[wrong])  # fmt: skip


def judge_refusals(
    line: Line, holds: Holds, tails: Tails, findings: Findings, decide: DecidePlaces | None = None
) -> dict[int, Answer]:
    """Judge exact refusals. Answers that a general search gave, or would have to give, by the k of the k-th
    lock; their witnesses have places."""
    known = findings.locks()
    if len(known) == len(line.locks):
        return {}
    tries = tries_between(line, holds)
    if len(tries.place) == 0 and not tails.loose:
        return {}
    inserted, runs = part_flexible(line, holds, tails)
    needs = gaps_in_need(line, holds, tries.take(runs.of(tries.zone) < 0), inserted)
    loose = line.lock_of(np.array([own[0] for own in tails.loose], np.intp))
    refused_while_free(line, needs.take(~np.isin(line.lock_of(needs.place), loose)), tails, findings)
    if len(runs.first) == 0 and not tails.loose:
        return {}
    search = Search(line, holds, tails, tries, runs, needs)
    known |= findings.locks()
    answers = {lock: search.judge(lock, decide) for lock in search.locks() if lock not in known}
    return {lock: answer for lock, answer in answers.items() if answer is not None}
