"""What a campaign has measured so far, so that it can go on: one JSON line per trial, on disk before it counts.

A trial is known by its plan (seed, settings and platform included), the version of Lockquake and the code of its lock.
What changes in any of these leaves the others' trials as they are.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from checker.verdict import Verdict
from faults.grammar import BadArgument
from histories.read import MERGED
from histories.rows import Header
from lockquake.campaign_sources import lock_digest
from lockquake.judge import Status
from lockquake.plan import Plan
from lockquake.trial import TrialResult

FILE = Path("record") / "trials.jsonl"
"""In a directory of its own: beside the run directories `lockquake check` would take it for a history."""


class Measured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. ``trial``: its fingerprint; ``load``: the machine's load average over a minute as it ended;
    ``verdicts``: without their witnesses, which are in ``directory`` (seen from the campaign's)."""

    trial: str
    nucleus: str
    faults: str
    seed: int
    platform: str
    status: Status
    message: str = ""
    harness: str = ""
    seconds: float = 0.0
    directory: str = ""
    versions: dict[str, str] = {}
    load: float = 0.0
    verdicts: list[Verdict] = []


def fingerprint(plan: Plan) -> str:
    """What a trial is known by."""
    parts = (msgspec.json.encode(plan, order="sorted"), version("lockquake").encode(), lock_digest(plan.lock).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:24]


class Record:
    """The trials in ``directory``; safe to use from several threads. Raises BadArgument when another campaign writes
    there, or for a line that is no trial. A last line that was cut off by a kill is dropped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FILE
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.measured: dict[str, Measured] = {}
        self._mutex = threading.Lock()
        self._file = _locked(self.path)
        try:
            self._load()
        except BaseException:
            self._file.close()
            raise
        _sync_directory(self.path.parent)

    def find(self, plan: Plan) -> TrialResult | None:
        """The plan's trial as it was measured; None where it was not, or where the experiment itself went wrong: that
        says little, and is run again."""
        with self._mutex:
            line = self.measured.get(fingerprint(plan))
        if line is None or line.harness or line.status == "harness error":
            return None
        where = self.directory / line.directory
        return TrialResult(plan, where, line.status, line.message, list(line.verdicts), line.seconds, line.harness)

    def line(self, plan: Plan) -> Measured | None:
        """The plan's trial as it is kept, with the versions of what took part; None where it was not measured."""
        with self._mutex:
            return self.measured.get(fingerprint(plan))

    def add(self, result: TrialResult) -> None:
        """Keep a trial; it is on disk when this returns."""
        line = Measured(
            trial=fingerprint(result.plan),
            nucleus=result.plan.nucleus,
            faults=result.plan.faults,
            seed=result.plan.seed,
            platform=result.plan.platform,
            status=result.status,
            message=result.message,
            harness=result.harness,
            seconds=round(result.seconds, 2),
            directory=os.path.relpath(result.directory, self.directory),
            versions=_versions(result.directory),
            load=round(os.getloadavg()[0], 1),
            verdicts=[msgspec.structs.replace(verdict, witness=[], faults=[]) for verdict in result.verdicts],
        )
        with self._mutex:
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self.measured[line.trial] = line

    def close(self) -> None:
        """Let others write there."""
        self._file.close()

    def _load(self) -> None:
        *lines, rest = self._file.read().split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                found = msgspec.json.decode(line, type=Measured)
            except msgspec.DecodeError as error:
                raise BadArgument(f"{self.path}: line {number} is no trial ({error}); take it out to go on") from error
            self.measured[found.trial] = found
        if rest:
            self._file.truncate(sum(len(line) + 1 for line in lines))
            self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _locked(path: Path) -> IO[bytes]:
    file = path.open("a+b")
    file.seek(0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise BadArgument(
            f"another campaign is writing to {path.parent.parent}; wait for it, or name another place"
        ) from error
    return file


def _sync_directory(directory: Path) -> None:
    """A new file's name has to reach the disk, too."""
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _versions(directory: Path) -> dict[str, str]:
    """As the history's header says; nothing where a trial got no further than that."""
    try:
        with (directory / MERGED).open("rb") as lines:
            return msgspec.json.decode(lines.readline(), type=Header).versions
    except (OSError, msgspec.DecodeError):
        return {}
