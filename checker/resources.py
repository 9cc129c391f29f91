"""What happened at the places a lock protects: effects of resources, values of counters and runs of jobs, and to which
case they belong.

A resource or job may be used under several locks, so everything about it is judged together, once: in the case of the
first lock (in order of first use) that any of its rows names; in the first case of all where they name none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from checker.lives import Lives
from histories.columns import NEVER
from histories.rows import Effect, Event, Job, Ledger

Effects = dict[int, dict[str, list[Effect]]]
"""Per number of a lock, the resources judged in its case, each with its effects in its own order."""

Runs = dict[int, dict[str, list["Run"]]]
"""Per number of a lock, the jobs judged in its case, each with its runs in order of beginning."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job, [``began``, ``ended``] in ns. ``how`` it ended: ``ended`` (seen), ``killed`` (with its client),
    ``end`` (of the trial). ``tick``: which of its schedule's it was for, where that is known."""

    job: str
    run: str
    client: str
    lock: str
    attempt: str
    began: int
    ended: int
    how: str
    tick: int | None = None


def counter_of(value: object) -> str:
    """The name of the counter a ledger's value is of (``{NAME: value}``); empty for the one without a name."""
    return str(next(iter(value))) if isinstance(value, dict) and len(value) == 1 else ""


def read_counters(rows: Iterable[Event]) -> dict[str, list[Ledger]]:
    """The accepted writes (appended records are none) of each counter of the ledger, in its own order."""
    found: dict[str, list[Ledger]] = defaultdict(list)
    for row in sorted((row for row in rows if isinstance(row, Ledger)), key=lambda row: row.seq):
        if row.accepted and row.op == "write":
            found[counter_of(row.value)].append(row)
    return found


Thing = TypeVar("Thing", Effect, Run)


def read_effects(rows: Iterable[Event], locks: Mapping[str, int]) -> Effects:
    """The effects of a history. ``locks``: their numbers, in order of first use."""
    resources: dict[str, list[Effect]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Effect):
            resources[row.resource].append(row)
    for effects in resources.values():
        effects.sort(key=lambda row: row.seq)
    return _homed(resources, locks)


def read_runs(rows: Iterable[Event], locks: Mapping[str, int], lives: Lives, end: int) -> Runs:
    """The runs of a history, whose rows are in order of time; ``end``: of the trial (ns).

    A run whose end nobody saw lasts until its client is killed, or to the end of the trial. One whose beginning nobody
    saw is left out. The same beginning told twice is one run.
    """
    began: dict[tuple[str, str], Job] = {}
    ended: dict[tuple[str, str], int] = {}
    for row in rows:
        if isinstance(row, Job):
            key = (row.job, row.run)
            if row.state == "began":
                began.setdefault(key, row)
            elif key in began:
                ended.setdefault(key, row.t)
    jobs: dict[str, list[Run]] = defaultdict(list)
    for key, row in began.items():
        until, how = _end(row, ended.get(key), lives, end)
        jobs[row.job].append(Run(row.job, row.run, row.client, row.lock, row.attempt, row.t, until, how, row.tick))
    return _homed(jobs, locks)


def _end(row: Job, seen: int | None, lives: Lives, end: int) -> tuple[int, str]:
    if seen is not None:
        return seen, "ended"
    killed = lives.killed(row.client) if row.client else NEVER
    if row.t <= killed <= end:
        return killed, "killed"
    return max(row.t, end), "end"


def _homed(things: Mapping[str, list[Thing]], locks: Mapping[str, int]) -> dict[int, dict[str, list[Thing]]]:
    homes: dict[int, dict[str, list[Thing]]] = defaultdict(dict)
    for name, rows in things.items():
        homes[min((locks[row.lock] for row in rows if row.lock in locks), default=0)][name] = rows
    return homes
