"""Campaigns: a TOML file that lists plans with what is expected of each; clusters run side by side."""

from __future__ import annotations

import contextlib
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from faults.grammar import BadArgument
from faults.watch import Interrupted
from lockquake.batch import Rigs, Stop, run_one
from lockquake.expectation import Expectation, Standing, standing
from lockquake.plan import Plan, build
from lockquake.rig import Rig
from lockquake.support import require_supported
from lockquake.trial import Say, TrialResult
from nuclei.platforms.base import HarnessError, Unsupported

DEMONSTRATION_TRIES = 5
"""A demonstration may take this many trials; a control gets one."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[trial]]`` of a campaign file."""

    nucleus: str
    fault: str | list[str] = "none"
    expect: Expectation = Expectation()
    set: list[str] = []
    clients: int = 3
    seed: int = 1
    workload: str = "contend"

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
    jobs: int = 2


@dataclass
class Outcome:
    """What came of one entry: its last trial, and how it stands. ``tries``: trials it took."""

    entry: Entry
    standing: Standing
    tries: int = 0
    result: TrialResult | None = None
    message: str = ""
    directories: list[Path] = field(default_factory=list)


PLACES = (Path(__file__).parent / "campaigns", Path(__file__).parent.parent / "campaigns")
"""Where our own campaigns are: inside an installed package, beside it in a checkout."""


def read_campaign(path: Path) -> Campaign:
    """Read a campaign file, or one of our own by its name (``quick``), and check that every entry makes a plan.

    Raises BadArgument, UnknownName."""
    if not path.exists():
        path = next((own for own in (place / f"{path.name}.toml" for place in PLACES) if own.is_file()), path)
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        campaign = msgspec.convert(data, Campaign)
    except OSError as error:
        raise BadArgument(f"cannot read the campaign {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadArgument(f"{path} is no campaign: {error}") from error
    for entry in campaign.trial:
        with contextlib.suppress(Unsupported):
            entry.plan("docker", 0)
    return campaign


class CampaignRun:
    """Runs a campaign's entries grouped by cluster; every group keeps its cluster from trial to trial."""

    def __init__(self, campaign: Campaign, platform: str, directory: Path, root: Path, stop: Stop, say: Say) -> None:
        self.campaign = campaign
        self.platform = platform
        self.directory = directory
        self.root = root
        self.stop = stop
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
        with ThreadPoolExecutor(max_workers=max(1, self.campaign.jobs)) as pool:
            work = [pool.submit(self._group, entries, outcomes, each) for entries in groups.values()]
        for future in work:
            future.result()
        return [outcomes[number] for number in sorted(outcomes)]

    def _group(
        self, entries: list[tuple[int, Entry]], outcomes: dict[int, Outcome], each: Callable[[Outcome], None]
    ) -> None:
        cluster = entries[0][1].nucleus.rpartition("@")[2]
        clients = max(entry.clients for _, entry in entries)
        with Rigs(self.directory / f"cluster-{cluster}", self._sayer(cluster), clients) as rigs:
            for number, entry in entries:
                if self.stop.event.is_set():
                    raise Interrupted
                outcomes[number] = self._entry(number, entry, rigs)
                each(outcomes[number])

    def _entry(self, number: int, entry: Entry, rigs: Rigs) -> Outcome:
        outcome = Outcome(entry, "unknown")
        limit = DEMONSTRATION_TRIES if entry.expect.verdict == "invalid" else 1
        for index in range(limit):
            plan = entry.plan(self.platform, index)
            path = self.directory / f"{number + 1:02d}-{plan.slug}" / f"try-{index + 1}"
            try:
                result = run_one(plan, rigs, path, self.root, self.stop.event, self._sayer(plan.nucleus))
            except HarnessError as error:
                outcome.standing, outcome.message = "harness error", str(error)
                return outcome
            outcome.result, outcome.tries = result, index + 1
            outcome.directories.append(result.directory)
            outcome.standing, outcome.message = standing(entry.expect, result), result.message
            if outcome.standing != "not demonstrated":
                break
        return outcome

    def _sayer(self, about: str) -> Say:
        return lambda text: self._say(f"{time.monotonic() - self._began:6.1f} s  {about}: {text}")
