"""Duplicates: a request has one effect on a resource, however often and by whomever it was worked on.

Nobody pays the same red packet out twice, inserts the same row twice. A resource is judged over all its effects, under
whichever locks, in the case of the first such lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checker.case import Case
from checker.verdict import Figure, Verdict, WitnessEvent, vacuous, valid
from checker.witness import in_order, of_faults
from histories.rows import Effect

NAME = "duplicates"


def judge(case: Case) -> Verdict | None:
    """Judge the resources of this case; None where none of their effects names a request."""
    resources = case.record.effects.get(case.number, {})
    asked = {
        name: rows for name, all_ in resources.items() if (rows := [row for row in all_ if row.request is not None])
    }
    if not asked:
        return None
    again = [pair for rows in asked.values() for pair in _again(rows)]
    figures: dict[str, Figure] = {
        "requests": sum(len({row.request for row in rows}) for rows in asked.values()),
        "duplicates": len(again),
    }
    tally = _tally(int(figures["requests"]), again)
    if again:
        return _invalid(case, *min(again, key=lambda pair: pair[1].t), figures, tally)
    clients = {case.lives.process(row.client) for rows in asked.values() for row in rows}
    requests = f"{figures['requests']} requests on {_names(asked)}"
    if len(clients) < 2:
        why = f"only one client worked on the {requests}"
        return vacuous(NAME, case.lock, why, figures=figures, tally=tally)
    chance = f"{requests} by {len(clients)} clients"
    return valid(NAME, case.lock, f"no request had two effects: {chance}", chance, figures=figures, tally=tally)


def _tally(requests: int, again: Sequence[tuple[Effect, Effect]]) -> str:
    said = f"{requests:,} request{'s' * (requests != 1)}"
    if not again:
        return f"{said}, each with one effect" if requests != 1 else f"{said} with one effect"
    twice = len({(first.resource, first.request) for first, _ in again})
    return f"{said}: {len(again):,} effect{'s' * (len(again) != 1)} too many, for {twice:,} of them"


def _names(resources: Mapping[str, object]) -> str:
    names = list(resources)
    return names[0] if len(names) == 1 else f"{len(names)} resources"


def _again(rows: Sequence[Effect]) -> list[tuple[Effect, Effect]]:
    """(a request's first effect, a later one), in the resource's own order."""
    first: dict[str | None, Effect] = {}
    return [(first[row.request], row) for row in rows if first.setdefault(row.request, row) is not row]


def _invalid(case: Case, first: Effect, second: Effect, figures: dict[str, Figure], tally: str) -> Verdict:
    who = f"{first.client} and {second.client}" if first.client != second.client else f"{first.client} twice"
    start, end = min(first.t, second.t), max(first.t, second.t)
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"request {first.request} had two effects on {first.resource}: by {who}",
        lock=case.lock,
        kind="duplicate",
        tally=tally,
        witness=in_order([_event(case, first), _event(case, second), *of_faults(case, start, end)]),
        faults=case.in_force(start, end),
        figures=figures,
    )


def _event(case: Case, row: Effect) -> WitnessEvent:
    said = f"has effect {row.seq} on {row.resource} for request {row.request}"
    return case.event(row.t, row.client, said, "effect", row.attempt)
