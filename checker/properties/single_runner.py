"""Single runner: a job is run by at most one client at a time (a cron job, a migration, a leader's work), and where it
has a schedule, each tick of it once.

A run lasts from when it was seen to begin to when it was seen to end, else until its client is killed, else to the end
of the trial; a client that stands still has not stopped running. A job is judged over all its runs, under whichever
locks, in the case of the first such lock. A tick that nobody ran is counted, but no lock can promise that somebody
will.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import structs

from checker.case import MS, Case
from checker.insides import met_of_others
from checker.resources import Run
from checker.verdict import Figure, Verdict, WitnessEvent, vacuous, valid
from checker.witness import in_order, of_faults, of_pauses

NAME = "single-runner"
READING = "a run lasts until it was seen to end, its client is killed or the trial ends"
ENDED = {"ended": "has ended", "killed": "is killed during", "end": "is still running at the end:"}


def judge(case: Case) -> Verdict | None:
    """Judge the jobs of this case; None where there are none.

    A trial shows nothing of a job that one client ran while no other one asked for its lock.
    """
    jobs = case.record.runs.get(case.number, {})
    if not jobs:
        return None
    met = [pair for runs in jobs.values() for pair in _together(runs)]
    longest = max(met, key=_overlap, default=None)
    figures: dict[str, Figure] = {
        "jobs": len(jobs),
        "runs": sum(map(len, jobs.values())),
        "overlapping_runs": len(met),
        "max_run_overlap_ms": round(_overlap(longest) / MS, 3) if longest else 0.0,
    }
    told = [_schedule(case, name, runs, figures) for name, runs in jobs.items() if name in case.spec.ticks]
    tally = "; ".join(told) or None
    if longest:
        return structs.replace(_invalid(case, *longest, figures), tally=tally)
    again = [pair for name, runs in jobs.items() if name in case.spec.ticks for pair in _again(runs)]
    if again:
        return structs.replace(_run_again(case, *again[0], figures), tally=tally)
    chances = [said for name, runs in jobs.items() if (said := _chance(case, name, runs))]
    if not chances:
        why = f"nobody else ran or asked to run {_names(jobs)}"
        return vacuous(NAME, case.lock, why, assumptions=[READING], figures=figures, tally=tally)
    chance = "; ".join(chances[:3]) + (f"; {len(chances) - 3} others likewise" if len(chances) > 3 else "")
    sentence = f"no job was run twice at a time: {chance}"
    return valid(NAME, case.lock, sentence, chance, assumptions=[READING], figures=figures, tally=tally)


def _names(jobs: Mapping[str, object]) -> str:
    names = list(jobs)
    return names[0] if len(names) == 1 else f"any of {len(names)} jobs"


def _together(runs: Sequence[Run]) -> Iterator[tuple[Run, Run]]:
    """For every run that began while others were under way, the one of those that lasted longest."""
    began = np.array([run.began for run in runs], np.int64)
    ended = np.array([run.ended for run in runs], np.int64)
    first, second, _ = met_of_others(began, ended, np.arange(len(runs), dtype=np.int32))
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        yield runs[one], runs[other]


def _schedule(case: Case, job: str, runs: Sequence[Run], figures: dict[str, Figure]) -> str:
    """What became of a job's ticks; adds to ``figures`` how many were run to their end by nobody, and how many runs too
    many there were."""
    ticks = case.spec.ticks[job]
    done = {run.tick for run in runs if run.how == "ended"} & set(range(ticks))
    again, together = sum(1 for _ in _again(runs)), sum(1 for _ in _together(runs))
    for name, count in (("ticks", ticks), ("ticks_missed", ticks - len(done)), ("ticks_run_again", again)):
        figures[name] = int(figures.get(name, 0)) + count
    said = f"{len(done):,} of {ticks:,} ticks of {job} run"
    for count, what in ((together, "runs beside another run"), (again, "runs of a tick that had been run")):
        said += f", {count:,} {what}" if count else ""
    return said + (f", {ticks - len(done):,} ticks missed" if len(done) < ticks else "")


def _again(runs: Sequence[Run]) -> Iterator[tuple[Run, Run]]:
    """(a tick's first run, a later one of the same tick), in order of beginning."""
    first: dict[int, Run] = {}
    for run in runs:
        if run.tick is not None and first.setdefault(run.tick, run) is not run:
            yield first[run.tick], run


def _run_again(case: Case, first: Run, second: Run, figures: dict[str, Figure]) -> Verdict:
    who = f"{first.client} and {second.client}" if first.client != second.client else f"{first.client} twice"
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"tick {first.tick} of {first.job} was run by {who}, one after the other",
        lock=case.lock,
        kind="run-again",
        witness=in_order([*_of_run(case, first), *_of_run(case, second), *of_faults(case, first.began, second.ended)]),
        faults=case.in_force(first.began, second.ended),
        assumptions=[READING],
        figures=figures,
    )


def _overlap(pair: tuple[Run, Run]) -> int:
    return min(pair[0].ended, pair[1].ended) - pair[1].began


def _chance(case: Case, job: str, runs: Sequence[Run]) -> str:
    """Who could have run it besides; empty where nobody could."""
    runners = {case.lives.process(run.client) for run in runs}
    if len(runners) > 1:
        return f"{len(runs)} runs of {job} by {len(runners)} clients"
    others = _others(case, runs, next(iter(runners)))
    return f"{len(runs)} runs of {job} by one client, while {others} others asked for the lock" if others else ""


def _others(case: Case, runs: Sequence[Run], runner: str) -> int:
    """How many other client processes had an attempt under way to acquire the runs' locks while one of them lasted."""
    record = case.record
    askers: set[int] = set()
    for number in {number for run in runs if (number := record.lock_numbers.get(run.lock)) is not None}:
        attempts, underway = record.asking(number)
        for run in runs:
            met = attempts[underway.meeting(run.began, run.ended)]
            askers |= set(np.unique(record.process[record.calls.client[met]]).tolist())
    return len(askers - {record.process_numbers.get(runner, -1)})


def _invalid(case: Case, first: Run, second: Run, figures: dict[str, Figure]) -> Verdict:
    until = min(first.ended, second.ended)
    who = f"{first.client} and {second.client}" if first.client != second.client else f"{first.client} twice"
    events = [event for run in (first, second) for event in _of_run(case, run)]
    for client in dict.fromkeys((first.client, second.client)):
        events += of_pauses(case, client, first.began, until)
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{first.job} was run by {who} at the same time, for {(until - second.began) / MS:.0f} ms",
        lock=case.lock,
        kind="two-runners",
        witness=in_order([*events, *of_faults(case, first.began, until)]),
        faults=case.in_force(first.began, until),
        assumptions=[READING],
        figures=figures,
    )


def _of_run(case: Case, run: Run) -> Iterator[WitnessEvent]:
    yield case.event(run.began, run.client, f"begins run {run.run} of {run.job}", "job", run.attempt)
    words = f"{ENDED[run.how]} run {run.run} of {run.job}"
    yield case.event(run.ended, run.client, words, "job" if run.how == "ended" else "client", run.attempt)
