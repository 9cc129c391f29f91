"""Campaigns: a TOML file that lists plans with what is expected of each; clusters run side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from faults.watch import Interrupted
from lockquake.batch import Rigs, Stop, run_one
from lockquake.campaign_record import Record
from lockquake.expectation import Expectation, Standing, overall, standing
from lockquake.plan import Plan, build
from lockquake.rig import Rig
from lockquake.support import require_supported
from lockquake.trial import Say, TrialResult
from nuclei.platforms.base import HarnessError, Unsupported

DEMONSTRATION_TRIES = 5
"""A demonstration may take this many trials; a control gets one."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[trial]]`` of a campaign file. ``times``: run exactly so many trials, whatever they come to; without it a
    control gets one, and a demonstration up to five until it shows."""

    nucleus: str
    fault: str | list[str] = "none"
    expect: Expectation = Expectation()
    set: list[str] = []
    clients: Annotated[int, msgspec.Meta(ge=1)] = 3
    seed: int = 1
    workload: str = "contend"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None

    @property
    def limit(self) -> int:
        """How many trials it may take."""
        return self.times or (DEMONSTRATION_TRIES if self.expect.verdict == "invalid" else 1)

    def plan(self, platform: str, number: int) -> Plan:
        """The plan of the entry's trial ``number`` (0 = first). Raises BadArgument, UnknownName."""
        faults = [self.fault] if isinstance(self.fault, str) else self.fault
        return build(
            self.nucleus,
            faults=faults,
            settings=self.set,
            workload=self.workload,
            seed=self.seed + number,
            clients=self.clients,
            platform=platform,
        )


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign file: ``jobs`` clusters run side by side."""

    name: str
    trial: list[Entry]
    jobs: Annotated[int, msgspec.Meta(ge=1)] = 2


@dataclass
class Outcome:
    """What came of one entry: its trials (``earlier`` of them by a run before this one), and how they stand together.
    ``shown``: how many came as expected; ``message``: of the last trial."""

    entry: Entry
    standing: Standing
    message: str = ""
    results: list[TrialResult] = field(default_factory=list)
    earlier: int = 0
    shown: int = 0

    @property
    def tries(self) -> int:
        """How many trials it took."""
        return len(self.results)

    @property
    def result(self) -> TrialResult | None:
        """The last trial."""
        return self.results[-1] if self.results else None


class CampaignRun:
    """Runs a campaign's entries grouped by cluster; every group keeps its cluster from trial to trial.

    What ``record`` holds already is not run again, and every trial is added to it. ``until`` (time.monotonic): no trial
    begins after it.
    """

    def __init__(
        self,
        campaign: Campaign,
        platform: str,
        record: Record,
        root: Path,
        stop: Stop,
        say: Say,
        until: float | None = None,
    ) -> None:
        self.campaign = campaign
        self.platform = platform
        self.record = record
        self.directory = record.directory
        self.root = root
        self.stop = stop
        self.until = until
        self._say = say
        self._began = time.monotonic()

    def execute(self, each: Callable[[Outcome], None]) -> list[Outcome]:
        """Run everything; ``each`` is called as entries end. Raises Interrupted when stopped."""
        groups: dict[tuple[object, ...], list[tuple[int, Entry]]] = {}
        outcomes: dict[int, Outcome] = {}
        for number, entry in enumerate(self.campaign.trial):
            try:
                plan = entry.plan(self.platform, 0)
                require_supported(plan)
                groups.setdefault(Rig.key(plan), []).append((number, entry))
            except Unsupported as error:
                outcomes[number] = Outcome(entry, "unsupported", message=str(error))
                each(outcomes[number])
        with ThreadPoolExecutor(max_workers=self.campaign.jobs) as pool:
            work = [pool.submit(self._group, entries, outcomes, each) for entries in groups.values()]
        for future in work:
            future.result()
        return [outcomes[number] for number in sorted(outcomes)]

    def _group(
        self, entries: list[tuple[int, Entry]], outcomes: dict[int, Outcome], each: Callable[[Outcome], None]
    ) -> None:
        first, cluster = entries[0][0] + 1, entries[0][1].nucleus.rpartition("@")[2]
        clients = max(entry.clients for _, entry in entries)
        home = fresh(self.directory / f"cluster-{first:02d}-{cluster}")
        with Rigs(home, self._sayer(cluster), clients) as rigs:
            for number, entry in entries:
                outcomes[number] = self._entry(number, entry, rigs)
                each(outcomes[number])

    def _entry(self, number: int, entry: Entry, rigs: Rigs) -> Outcome:
        outcome = Outcome(entry, "not measured")
        standings: list[Standing] = []
        for index in range(entry.limit):
            plan = entry.plan(self.platform, index)
            known = self.record.find(plan)
            if known is None and self._over():
                break
            try:
                result = known or self._trial(plan, number, index, rigs)
            except HarnessError as error:
                standings.append("harness error")
                outcome.message = str(error)
                break
            outcome.results.append(result)
            outcome.earlier += known is not None
            outcome.message = result.message
            standings.append(standing(entry.expect, result))
            if entry.times is None and standings[-1] != "not demonstrated":
                break
        outcome.shown = standings.count("as claimed")
        outcome.standing = overall(entry.expect, standings)
        return outcome

    def _over(self) -> bool:
        """Whether no more trials may begin. Raises Interrupted when stopped."""
        if self.stop.event.is_set():
            raise Interrupted
        return self.until is not None and time.monotonic() >= self.until

    def _trial(self, plan: Plan, number: int, index: int, rigs: Rigs) -> TrialResult:
        path = fresh(self.directory / f"{number + 1:02d}-{plan.slug}" / f"try-{index + 1}")
        result = run_one(plan, rigs, path, self.root, self.stop.event, self._sayer(plan.nucleus))
        self.record.add(result)
        return result

    def _sayer(self, about: str) -> Say:
        return lambda text: self._say(f"{time.monotonic() - self._began:6.1f} s  {about}: {text}")


def fresh(path: Path) -> Path:
    """``path``, or beside it where something is already: what a killed run left there."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
