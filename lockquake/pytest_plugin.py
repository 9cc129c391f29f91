"""The pytest plugin: markers, options and the fixture ``lockquake``. Light: nothing of ours is imported at load.

Options have an ini and an environment twin; the command line wins over the environment, the environment over the ini:
``--lockquake-platform`` / ``lockquake_platform`` / ``LOCKQUAKE_PLATFORM``, and likewise ``seed`` and ``rundir``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Bench, Lockquake

MARKERS = {
    "partition": "links between servers or to clients carry nothing for a while",
    "pause": "a server or the holder of the lock stands still and goes on later",
    "kill": "a server or the holder of the lock is killed with SIGKILL",
    "failover": "another server takes over while a client holds the lock",
    "clock": "the wall clock of a server jumps, ahead or back",
}
OPTIONS = {
    "platform": ("auto", "where servers run: auto, docker or process"),
    "seed": ("1", "seed of all random draws"),
    "rundir": ("runs", "where run directories go"),
}
UNKNOWN = {
    "fail": "a verdict of unknown fails the test",
    "skip": "a verdict of unknown skips the test",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lockquake", "distributed locks under faults")
    for name, (default, text) in OPTIONS.items():
        group.addoption(f"--lockquake-{name}", default=None, metavar=name.upper(), help=f"{text} (default: {default})")
        parser.addini(f"lockquake_{name}", help=text, default=default)
    group.addoption(
        "--lockquake-unknown", choices=list(UNKNOWN), default=None, help="fail (default) or skip on unknown"
    )
    parser.addini("lockquake_unknown", help="fail or skip on a verdict of unknown", default="fail")


def pytest_configure(config: pytest.Config) -> None:
    for name, text in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text} (lockquake)")


def option(config: pytest.Config, name: str) -> str:
    """An option's value: command line, else environment, else ini, else default."""
    given = config.getoption(f"--lockquake-{name}") or os.environ.get(f"LOCKQUAKE_{name.upper()}")
    return str(given or config.getini(f"lockquake_{name}"))


@pytest.fixture(scope="session")
def lockquake_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """All clusters of the test session, each started at its first use and stopped at the end."""
    from lockquake.siblings import Stranger, require_ours

    try:
        require_ours()
    except Stranger as error:
        raise pytest.UsageError(str(error)) from error
    yield from bench_on(request.config, option(request.config, "platform"))


def bench_on(config: pytest.Config, platform: str) -> Iterator[Bench]:
    """A bench as the options say, but on this platform, stopped at the end: for a fixture of one's own that overrides
    ``lockquake_bench``."""
    from lockquake.testing import Bench

    seed = option(config, "seed")
    if not seed.lstrip("-").isdigit():
        raise pytest.UsageError(f"--lockquake-seed={seed}: a whole number is needed")
    bench = Bench(platform, int(seed), Path(option(config, "rundir")))
    yield bench
    bench.stop()
    if bench.said:
        config.stash[CHOICES] = (*config.stash.get(CHOICES, ()), *bench.said)


@pytest.fixture
def lockquake(lockquake_bench: Bench, request: pytest.FixtureRequest) -> Lockquake:
    """Run trials of a lock: ``lockquake.keeps("LOCK@CLUSTER", "FAULT")``, ``lockquake.shows(…)``, or ``.run(…)``."""
    from lockquake.testing import Lockquake

    bound = Lockquake(lockquake_bench, request.node.name, option(request.config, "unknown"))
    request.node.stash[TRIALS] = bound.sections
    return bound


CHOICES = pytest.StashKey[tuple[str, ...]]()
TRIALS = pytest.StashKey[list[tuple[str, str]]]()
_NOTHING: list[tuple[str, str]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """On failure the report holds the picture, the run directory and the command that runs the plan again; a fault
    of the harness is an error, not a failure of the lock."""
    report: pytest.TestReport = yield
    if report.when == "call" and report.failed:
        sections: list[tuple[str, str]] = item.stash.get(TRIALS, _NOTHING)
        report.sections.extend(sections)
        # By name: what was not imported by a test cannot have been raised by it, and is not imported here.
        raised = {kind.__name__ for kind in type(call.excinfo.value).__mro__} if call.excinfo else set()
        if raised & {"HarnessError", "HarnessFailure"}:
            vars(report)["lockquake_harness"] = True
            if TRIALS in item.stash and call.excinfo is not None:
                report.longrepr = f"harness error: {call.excinfo.value}"  # our own stack says nothing to a user
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which platform the trials ran on, and why; which were repeated."""
    choices: tuple[str, ...] = config.stash.get(CHOICES, ())
    for choice in dict.fromkeys(choices):
        terminalreporter.write_line(f"lockquake: {choice}")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count what the harness could not do as an error."""
    if getattr(report, "lockquake_harness", False) and report.failed:
        return "error", "E", "ERROR"
    return None
