"""What the pytest fixture ``lockquake`` offers to tests of a lock."""

from __future__ import annotations

import functools
import inspect
import shlex
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from checker.verdict import Verdict
from lockquake.batch import Rigs, run_one
from lockquake.expectation import Expectation, shown
from lockquake.plan import Plan, Setting, build
from lockquake.rundir import batch_directory
from lockquake.support import choose_for, require_supported
from lockquake.trial import TrialResult
from nuclei import registry
from nuclei.platforms.base import HarnessError, Unsupported
from nuclei.platforms.choice import Choice

DEMONSTRATION_TRIES = 5


class HarnessFailure(Exception):
    """The experiment itself failed; the test says nothing about the lock (reported as error, not as failure)."""


class Bench:
    """The clusters of a test session, kept from test to test."""

    def __init__(self, platform: str, seed: int, root: Path) -> None:
        self.wanted = platform
        self.seed = seed
        self.root = root
        self.log: list[str] = []
        self.said: list[str] = []
        """For the summary: which platform was taken, and why, once it was; trials that were repeated."""
        self.stop_event = threading.Event()
        self._rigs: Rigs | None = None

    @functools.cached_property
    def choice(self) -> Choice:
        """The platform of the session, and why; ``auto`` is resolved at the first trial."""
        clusters = registry.clusters()
        try:
            choice = choose_for(self.wanted, sorted(clusters))
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from error
        self.said.append(str(choice))
        return choice

    @property
    def rigs(self) -> Rigs:
        """Started lazily: collecting tests must not need a server."""
        if self._rigs is None:
            self._rigs = Rigs(batch_directory(self.root, "pytest-clusters"), self.log.append, clients=5)
        return self._rigs

    def stop(self) -> None:
        """Stop all clusters."""
        if self._rigs is not None:
            self._rigs.stop()


class Lockquake:
    """Trials for one test. ``nucleus`` is ``LOCK@CLUSTER``, where LOCK is a registered name or ``FILE.py:Class``; a
    lock class may be given instead, together with ``on="CLUSTER"``."""

    def __init__(self, bench: Bench, test: str, unknown: str) -> None:
        self.bench = bench
        self.test = test
        self.unknown = unknown
        self.sections: list[tuple[str, str]] = []
        self._repeated = False

    def run(
        self,
        nucleus: str | type,
        fault: str | Sequence[str] = "none",
        *,
        on: str | None = None,
        settings: Mapping[str, Setting] | Sequence[str] = (),
        clients: int = 3,
        seed: int | None = None,
        workload: str = "contend",
    ) -> TrialResult:
        """One trial, judged. Raises HarnessFailure when the experiment failed, BadArgument for what it cannot read.

        Skips the test where the platform cannot inject the fault, with the reason."""
        try:
            plan = build(
                _nucleus(nucleus, on),
                faults=[fault] if isinstance(fault, str) else fault,
                settings=settings,
                workload=workload,
                seed=self.bench.seed if seed is None else seed,
                clients=clients,
                platform=self.bench.choice.name,
            )
            require_supported(plan)
        except Unsupported as error:
            pytest.skip(f"unsupported: {error}")
        return self._trial(plan)

    def keeps(self, nucleus: str | type, fault: str | Sequence[str] = "none", **options: object) -> TrialResult:
        """A control: one trial that must be valid, whose verdict is never asked for twice. Fails the test with the
        witness otherwise. An experiment that failed as such (HarnessFailure) has no verdict: it is repeated once, and
        the session's summary says so."""
        try:
            result = self.run(nucleus, fault, **options)  # type: ignore[arg-type]
        except HarnessFailure as failure:
            self._will_repeat(failure)
            result = self.run(nucleus, fault, **options)  # type: ignore[arg-type]
        if result.status == "invalid":
            broken = [v.sentence for v in result.verdicts if v.validity == "invalid"]
            pytest.fail("\n".join(broken), pytrace=False)
        if result.status != "valid":
            reasons = [v.sentence for v in result.verdicts if v.validity == "unknown"]
            reason = result.message or "; ".join(reasons)
            if self.unknown == "skip":
                pytest.skip(f"unknown: {reason}")
            pytest.fail(f"unknown: {reason}", pytrace=False)
        return result

    def shows(
        self,
        nucleus: str | type,
        fault: str | Sequence[str] = "none",
        *,
        property: str = "mutual-exclusion",
        kind: str | None = None,
        cause: str | None = None,
        tries: int = DEMONSTRATION_TRIES,
        **options: object,
    ) -> Verdict:
        """A demonstration: up to ``tries`` trials until the violation shows; fails the test when it cannot be shown.
        One of them may fail as an experiment (HarnessFailure); the session's summary says so."""
        wanted = Expectation(verdict="invalid", property=property, kind=kind, cause=cause)
        came: list[str] = []
        first = options.pop("seed", None)
        seed = self.bench.seed if first is None else int(str(first))
        for number in range(tries):
            try:
                result = self.run(nucleus, fault, seed=seed + number, **options)  # type: ignore[arg-type]
            except HarnessFailure as failure:
                self._will_repeat(failure)
                came.append("harness error")
                continue
            found = shown(wanted, result.verdicts)
            if found:
                return found
            came.append(result.message or result.status)
        pytest.fail(f"{wanted.text()} did not show in {tries} trials; they came to: {', '.join(came)}", pytrace=False)

    def _will_repeat(self, failure: HarnessFailure) -> None:
        """Note it for the summary; a second one in the same test is no bad luck any more."""
        if self._repeated:
            raise failure
        self._repeated = True
        self.bench.said.append(f"{self.test} repeated a trial after a harness error: {failure}")

    def _trial(self, plan: Plan) -> TrialResult:
        path = batch_directory(self.bench.root, f"{self.test}-{plan.slug}")
        result = run_one(plan, self.bench.rigs, path, self.bench.root, self.bench.stop_event, self.bench.log.append)
        self.sections.append((f"lockquake {result.name}", _section(result)))
        if result.status == "unsupported":
            pytest.skip(f"unsupported: {result.message}")
        if result.status == "harness error":
            raise HarnessFailure(f"{result.message} (run directory {result.directory})")
        return result


def _nucleus(lock: str | type, on: str | None) -> str:
    if isinstance(lock, str):
        return lock if on is None else f"{lock}@{on}"
    if on is None:
        raise pytest.UsageError(f'say which cluster {lock.__name__} runs on: on="redis-single"')
    return f"{Path(inspect.getfile(lock)).resolve()}:{lock.__qualname__}@{on}"


def _section(result: TrialResult) -> str:
    report = result.directory / "report.txt"
    text = report.read_text(encoding="utf-8") if report.is_file() else result.message
    again = f"lockquake run --plan {shlex.quote(str(result.directory))}"
    return f"{text}\nrun directory: {result.directory}\nrun it again:  {again}"
