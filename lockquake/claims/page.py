"""The claims table as a Markdown page: a table per lock, its sources, and below them what stands against a claim."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from lockquake.claims import numbers
from lockquake.claims.cells import BRIEF
from lockquake.claims.findings import Finding, judged, surprises
from lockquake.claims.measure import Row
from lockquake.trial import TrialResult
from nuclei.locks.claims import Claim

COLUMNS = (
    "cluster",
    "fault",
    "platform",
    "claimed",
    "observed",
    "violations per 1,000 holds",
    "kind and cause",
    "harm",
    "recovery in ms, median (range)",
)
NOT_MEASURED = "not measured"
HEADINGS = {
    "claim broken": "Claims that do not hold",
    "not demonstrated": "Claimed to be lost, and never seen to be",
    "unknown": "Could not be judged",
    "harness error": "The experiment itself failed",
}
WIDTH = 119
LONGEST = 200
SHORT = ", ".join(f"`{key}={value}`" for key, value in BRIEF.items())


INTRODUCTION = (
    "Made by `{command}` from real trials on real servers; not to be edited. A claim is what a lock's "
    "documentation, its authors or a paper say of one property under one fault (`lockquake claims`, and each file "
    "in `nuclei/locks/`); `x` in a fault is the lock's lease or session. *Observed* is in how many of so many "
    "trials it came as claimed. Violations are pairs of holds that overlapped; recovery counts from the proven "
    "heal of the last fault to the next grant. Settings are the defaults but for {short}, where the lock has them "
    "and neither the fault nor the row says otherwise."
)


def page(rows: Sequence[Row], command: str) -> str:
    """The whole page. ``command``: what makes it again."""
    parts = [
        "# Claims against measurement",
        _wrapped(INTRODUCTION.format(command=command, short=SHORT)),
        *_summary(rows),
        *(part for lock in dict.fromkeys(row.cell.lock.name for row in rows) for part in _lock(lock, rows)),
        *_findings(rows),
        *_beside(rows),
    ]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _summary(rows: Sequence[Row]) -> Iterator[str]:
    standings = Counter(finding.standing for row in rows for finding in row.findings)
    measured = [row for row in rows if judged(row.results)]
    trials = Counter(len(judged(row.results)) for row in measured)
    depth = ", ".join(f"{cells} with {count}" for count, cells in sorted(trials.items()))
    yield _wrapped(
        f"{len(measured)} of {len(rows)} cells measured ({depth or 'none'} trials each); claims: "
        + ", ".join(f"{count} {standing}" for standing, count in standings.most_common())
        + "."
    )
    versions: dict[str, set[str]] = {}
    for row in rows:
        for name, version in row.versions.items():
            if name == "kernel":  # of the machine, and no part of what is tested
                continue
            versions.setdefault(name, set()).add(version)
    if versions:
        told = (f"{name} {' and '.join(sorted(versions[name]))}" for name in sorted(versions))
        yield _wrapped(f"Versions: {', '.join(told)}.")
    loads = [load for row in rows for load in row.loads]
    if loads:
        yield f"Load average of the machine ({os.cpu_count()} cores) at the trials: {numbers.middle(loads)}."


def _lock(lock: str, rows: Sequence[Row]) -> Iterator[str]:
    mine = [row for row in rows if row.cell.lock.name == lock]
    sources = list(dict.fromkeys(claim.source for row in mine for claim in row.cell.claims))
    yield f"## {lock}"
    head = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    yield "\n".join([*head, *(f"| {' | '.join(_cells(row, sources))} |" for row in mine)])
    if sources:
        yield "\n".join(f"{number}. {source}" for number, source in enumerate(sources, 1))


def _cells(row: Row, sources: Sequence[str]) -> list[str]:
    trials = judged(row.results)
    scenario = row.cell.scenario
    settings = "".join(f" `{setting}`" for setting in scenario.settings)
    rate = numbers.violations_per_1000_holds(trials)
    return [
        row.cell.cluster,
        f"{scenario.words}: `{scenario.typed}`{settings}" if scenario.faults else f"{scenario.words}{settings}",
        ", ".join(sorted({result.plan.platform for result in trials})),
        "<br>".join(_claimed(claim, sources) for claim in row.cell.claims) or "nothing",
        "<br>".join(_observed(row)),
        "" if rate is None else f"{rate:.1f}",
        "<br>".join(f"{how} ({count})" for how, count in numbers.ways(trials)),
        "<br>".join(f"{count} {words}" for words, count in numbers.harm(trials)),
        numbers.middle(numbers.recovery(trials)),
    ]


def _claimed(claim: Claim, sources: Sequence[str]) -> str:
    how = " ".join(part for part in (claim.kind, claim.cause and f"by {claim.cause}") if part)
    verdict = f"**{claim.verdict}**" if claim.verdict == "lost" else claim.verdict
    return f"{claim.property} {verdict}{f' ({how})' if how else ''} [{sources.index(claim.source) + 1}]"


def _observed(row: Row) -> Iterator[str]:
    trials = judged(row.results)
    if not trials:
        failed = row.failed or next((result.message for result in row.results), "")
        yield f"unsupported: {row.unsupported}" if row.unsupported else _failure(failed) if failed else NOT_MEASURED
        return
    yield from (finding.observed() for finding in row.findings)
    if not row.cell.claims and not surprises(row.cell, row.results):
        yield f"nothing broken in {len(trials)}"
    for name, count in surprises(row.cell, row.results).items():
        if name not in {claim.property for claim in row.cell.claims}:
            yield f"{name} broken {count} of {len(trials)}"


def _failure(message: str) -> str:
    return f"harness error: {' '.join(message.split())[:LONGEST]}".replace("|", "/")


def against(rows: Sequence[Row]) -> list[tuple[Row, Finding]]:
    """Findings that stand against their claims, or could not be judged though trials were made."""
    return [(row, f) for row in rows for f in row.findings if f.counts and f.standing != NOT_MEASURED]


def _findings(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Findings"
    found = against(rows)
    if not found:
        yield "Nothing that was measured stands against a claim."
    for standing, heading in HEADINGS.items():
        some = [sentence(row, finding) for row, finding in found if finding.standing == standing]
        if some:
            yield f"### {heading}"
            yield "\n".join(f"- {each}" for each in some)


def sentence(row: Row, finding: Finding) -> str:
    """One finding: what was claimed by whom, what came, and the first trial that shows it."""
    claim = finding.claim
    told = f"{row.cell.nucleus}, {row.cell.scenario.words}: {claim.property} is claimed to be {claim.verdict} "
    told += f"({claim.source}); observed: {finding.observed()}"
    if finding.standing == "claim broken":
        verdict, trial = finding.verdicts[0]
        return f"{told}. {verdict.sentence} (seed {trial.plan.seed})"
    return f"{told}{_why(row.results)}"


def _why(results: Sequence[TrialResult]) -> str:
    """What the trials came to, where that explains a finding."""
    came = Counter(result.status for result in results)
    message = next((result.message for result in results if result.message), "")
    return f"; trials: {', '.join(f'{count} {status}' for status, count in came.items())}" + (
        f" ({message})" if message else ""
    )


def _beside(rows: Sequence[Row]) -> Iterator[str]:
    lines = []
    for row in rows:
        broken = surprises(row.cell, row.results)
        if broken:
            told = ", ".join(f"{name} {count} of {len(judged(row.results))}" for name, count in broken.items())
            lines.append(f"- {row.cell.nucleus}, {row.cell.scenario.words}: {told}")
    if lines:
        yield "## Broken, though nothing was claimed of it"
        yield "\n".join(lines)
