"""One trial: a plan executed on a rig, written to one run directory, and judged."""

from __future__ import annotations

import contextlib
import platform as machine
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from checker.online import InsideScan
from checker.properties import mutual_exclusion
from checker.verdict import Verdict
from faults.arena import Arena, NotExercised
from faults.drive import FaultDrive
from faults.watch import Interrupted, ViolationSeen, Watch
from histories.merge import merge
from histories.rows import FORMAT_VERSION, Header, Trial
from histories.write import PartWriter
from lockquake.crew import Crew, lock_key, require_no_trouble
from lockquake.judge import Status, judge
from lockquake.ledger import LedgerDesk
from lockquake.own_copy import keep_copy
from lockquake.plan import Plan, lapse, write_plan
from lockquake.rig import RUNNER_SITE, Rig
from lockquake.rundir import RunDirectory
from nuclei.locks.loading import load
from nuclei.platforms.base import HarnessError, Unsupported

Say = Callable[[str], None]
MOST_NAMED = 5
"""Of more clients than that whose work was not done, only so many are named."""
AFTERMATH = 0.5
"""Seconds for which clients go on after the violation that ends a trial: observers see what led to it that late."""


@dataclass
class TrialResult:
    """What came of a trial. ``status`` is the worst of its verdicts or what kept it from being judged; a violation that
    was found stays one. ``harness`` is what went wrong with the experiment itself, if anything did."""

    plan: Plan
    directory: Path
    status: Status
    message: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0
    harness: str = ""

    @property
    def name(self) -> str:
        """``nucleus × fault``, and the workload where it is not the usual one."""
        return self.plan.title


class TrialRun:
    """The steps of one trial. ``stop`` ends it early from a signal handler; everything is healed all the same."""

    def __init__(self, plan: Plan, rig: Rig, path: Path, stop: threading.Event, say: Say) -> None:
        self.plan = plan
        self.rig = rig
        self.key = lock_key(plan)
        self.say = say
        self.directory = RunDirectory(path)
        self.writer = PartWriter(self.directory.part("runner"))
        self.watch = Watch(stop, InsideScan(plan.spec()) if plan.until_violation else None)
        self.crew = Crew(plan, rig, self.directory, self.watch, self.writer)
        self.ledger = LedgerDesk(rig.platform.endpoint(RUNNER_SITE, "ledger"))
        self.drives: list[FaultDrive] = []
        self.begun = False
        self.began = 0.0
        self.ended_early = ""

    def execute(self) -> TrialResult:
        """Run, heal, save, judge. Raises Interrupted, and what nobody expected, after everything was healed and
        saved."""
        began = time.monotonic()
        status, message = "valid", ""
        write_plan(self.plan, self.directory.path / "plan.json")
        keep_copy(self.plan.lock, self.directory.path)
        self._header()
        self.begun = True
        self.rig.platform.watch_others()
        try:
            self._steps()
        except NotExercised as error:
            status, message = "not exercised", str(error)
        except Unsupported as error:
            status, message = "unsupported", str(error)
        except HarnessError as error:
            status, message = "harness error", str(error)
        except BaseException as error:
            interrupted = isinstance(error, Interrupted | KeyboardInterrupt)
            self._problems()
            self._finish("interrupted" if interrupted else f"harness error: {type(error).__name__}: {error}")
            self._judge("valid", "")
            raise
        status, message = self._finish_as(status, message)
        result = self._judge(status, message)
        result.seconds = time.monotonic() - began
        return result

    def _finish_as(self, status: str, message: str) -> tuple[str, str]:
        """Save everything; what others did to our nodes explains a harness error, and makes one of anything else."""
        problems = self._problems()
        if problems and status in {"valid", "not exercised", "harness error"}:
            status, message = "harness error", "; ".join(filter(None, [*problems, message]))
        self._finish(f"{status}: {message}" if status != "valid" else self.ended_early)
        return status, message

    def _steps(self) -> None:
        self.watch.check()
        evidence = self.rig.cluster.reset(self.key)
        self.say(f"reset: {evidence}")
        self.ledger.reset(checked=self.plan.spec().fencing_checked, counters=self.plan.stakes().counters)
        observer = self.rig.cluster.observer(self.key, self.writer)
        with contextlib.ExitStack() as stack:
            stack.callback(observer.stop)
            stack.callback(self.crew.end)
            self.watch.check()
            observer.start()
            seconds = self.crew.start()
            self.say(f"{len(self.crew.clients)} clients ready in {seconds:.1f} s")
            self._mark("started")
            self.began = time.monotonic()
            self.crew.work()
            try:
                self._work()
            except ViolationSeen as seen:
                self.ended_early = f"a violation was seen: {seen}"
                self.say(f"{self.ended_early}; the trial ends here")
                self.watch.sleep(AFTERMATH)
            require_no_trouble(self.crew)

    def _work(self) -> None:
        """Everything that happens while the clients work. Raises ViolationSeen after everything was healed."""
        try:
            self._faults()
        finally:
            self._heal()
        self._quiet()

    def _faults(self) -> None:
        spec = self.plan.spec()
        arena = Arena(
            cluster=self.rig.cluster,
            clients=self.crew.clients,
            sites=self.crew.sites,
            watch=self.watch,
            writer=self.writer,
            random=self.plan.stream("faults"),
            key=self.key,
            lapse=lapse(spec),
            lease=spec.lease_ns / 1e9 if spec.lease_ns else None,
            shared=spec.permits > 1 or spec.read_write,
            say=self.say,
        )
        began = time.monotonic()
        self.watch.sleep(float(self.plan.trial_settings["warmup"]))
        for number, fault in enumerate(self.plan.schedule, 1):
            drive = FaultDrive(f"f{number}", fault, arena)
            self.drives.append(drive)
            drive.run()
            require_no_trouble(self.crew)
        if not self.plan.ends:
            self.watch.sleep(began + float(self.plan.trial_settings["work"]) - time.monotonic())

    def _heal(self) -> None:
        """Heal every fault that was begun, whatever went wrong; the first failure is reported after all were tried."""
        failures = []
        for drive in reversed(self.drives):
            try:
                drive.heal()
            except (HarnessError, Unsupported, Interrupted) as error:
                failures.append(str(error) or "interrupted")
        self.rig.platform.links.restore_all()
        if failures:
            raise HarnessError(f"a fault could not be healed: {failures[0]}")

    def _quiet(self) -> None:
        """Let every surviving client come to the end of its work, or where the workload has no end of its own, of an
        attempt it began after the last heal."""
        since = time.monotonic_ns()
        self._mark("quiet")
        if self.plan.ends:
            self._work_done()
            return
        bound = (self.plan.spec().recovery_ns or 0) / 1e9 + float(self.plan.trial_settings["quiet"])
        survivors = self.crew.surviving()

        def everybody_tried() -> bool:
            tried = not self.watch.untried_since(since, survivors)
            return tried and self.watch.granted_since(since) is not None

        self.watch.until(everybody_tried, time.monotonic() + bound)

    def _work_done(self) -> None:
        """Wait until every surviving client's work is done. Raises HarnessError with what is left at the deadline."""
        limit = float(self.plan.trial_settings["deadline"])
        while self.crew.working():
            require_no_trouble(self.crew)
            if time.monotonic() >= self.began + limit:
                left = self.crew.give_up()
                more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
                raise HarnessError(
                    f"the work of {self.plan.workload} was not done within {limit:g} s: "
                    f"{', '.join(left[:MOST_NAMED])}{more}; give it longer (--set trial.deadline=SECONDS) or less to do"
                )
            self.watch.sleep(0.05)
        self.say(f"all work done after {time.monotonic() - self.began:.1f} s")

    def _problems(self) -> list[str]:
        """What went wrong beside the plan: what others did, what the cluster reports, a ledger that does not answer."""
        found: list[str] = []
        for look in (self.rig.platform.disturbances, self.rig.cluster.problems, self._ledger):
            try:
                found += look()
            except HarnessError as error:
                found.append(str(error))
        return found[:2]

    def _finish(self, why: str) -> None:
        """End the trial and save what there is; a log that cannot be read is no reason to lose the rest."""
        self._mark("ended", why or None)
        self._logs()
        self.writer.close()
        merge(self.directory.path)

    def _ledger(self) -> list[str]:
        for row in self.ledger.rows():
            self.writer.write(row)
        return []

    def _logs(self) -> None:
        for described in self.rig.cluster.wiring([]).nodes:
            node = self.rig.platform.place(described.name).settle(described)
            for path, text in node.files.items():
                self.directory.config(node.name, path).write_text(text, encoding="utf-8")
            try:
                log = self.rig.platform.logs(node.name)
            except HarnessError as error:
                log = f"(not to be had: {error})"
            self.directory.log(node.name).write_text(log, encoding="utf-8")

    def _judge(self, status: str, message: str) -> TrialResult:
        judged = judge(self.directory.path)
        if self.ended_early and not _confirmed(judged.verdicts):
            status, message = "harness error", f"{self.ended_early}, but the whole history does not show it"
        keep = status == "valid" or judged.status == "invalid"
        came: Status = judged.status if keep else status  # type: ignore[assignment]
        result = TrialResult(self.plan, self.directory.path, came, message or judged.message, judged.verdicts)
        if "harness error" in {status, judged.status} or (came == "invalid" and judged.message):
            result.harness = result.message
        return result

    def _header(self) -> None:
        now, wall = time.monotonic_ns(), time.time_ns()
        self.writer.write(
            Header(
                t=now,
                version=FORMAT_VERSION,
                spec=self.plan.spec(),
                plan=msgspec.to_builtins(self.plan),
                seed=self.plan.seed,
                clock={"name": "CLOCK_MONOTONIC", "wall_ns": wall},
                platform=self.rig.platform.name,
                versions=versions(load(self.plan.lock).libraries) | self.rig.cluster.versions(),
            )
        )

    def _mark(self, state: str, why: str | None = None) -> None:
        self.writer.write(Trial(t=time.monotonic_ns(), state=state, why=why))  # type: ignore[arg-type]


def _confirmed(verdicts: list[Verdict]) -> bool:
    """Whether the whole history shows the violation that ended the trial."""
    return any(v.property == mutual_exclusion.NAME and v.validity == "invalid" for v in verdicts)


def versions(libraries: Sequence[str] = ()) -> dict[str, str]:
    """Versions of what took part on this side: Python, kernel, our package, the client libraries, the lock's own."""
    found = {"python": machine.python_version(), "kernel": machine.release()}
    for package in ("lockquake", "redis", "kazoo", "docker", "testcontainers", "toxiproxy-python", *libraries):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
