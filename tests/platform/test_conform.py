"""``lockquake conform`` on real servers: our locks keep the contract, and adapters that break it are caught by the
check that is meant for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.conform.outcome import Outcome
    from lockquake.plan import Plan
    from lockquake.rig import Rig

ROOT = Path(__file__).resolve().parents[2]
BROKEN = Path(__file__).with_name("broken_adapters.py")

ENDINGS = ("waiter-served", "second-release", "foreign-release", "re-entry")
SOUND = {
    "redis-set-nx-px@redis-single": (
        *ENDINGS, "busy-refused", "try-immediate", "limit-kept", "lapsed-release", "acquire-reply-lost",
        "acquire-request-lost", "release-reply-lost", "release-request-lost", "release-repeated", "close-prompt",
        "close-keeps", "owner-value",
    ),
    "redis-fenced@redis-single": ("fencing", "acquire-reply-lost", "lease-until"),
    "redis-reentrant@redis-single": ("foreign-release", "re-entry", "release-reply-lost"),
    "redlock@redis-masters": (*ENDINGS, "acquire-reply-lost"),
    "zk-sequential@zookeeper": (*ENDINGS, "acquire-reply-lost", "fencing"),
    "redis-py@redis-single": ("busy-refused", "second-release", "threads", "fork", "asyncio"),
    "redis-py-asyncio@redis-single": ("foreign-release", "release-repeated", "close-prompt"),
    "python-redis-lock@redis-single": ("waiter-served", "foreign-release", "re-entry"),
    "pottery@redis-masters": ("busy-refused", "second-release", "re-entry"),
}  # fmt: skip
CAUGHT = (
    ("GivesToAll", "busy-refused", "granted the lock while the first one held it"),
    ("Raises", "busy-refused", "raised ValueError: busy, which is neither Refused nor Indeterminate"),
    ("Impatient", "limit-kept", "with a limit of 2 s came back after 0"),
    ("CertainOfALostReply", "acquire-reply-lost", "but the servers hold its key"),
    ("CertainOfALostRelease", "release-request-lost", "says that it worked, but no request reached a server"),
    ("AlwaysReleased", "second-release", "a second release worked"),
    ("BlindDelete", "foreign-release", "freed the holder's"),
    ("BlindDelete", "lapsed-release", "freed the next holder's lock"),
    ("ReleasesOnClose", "close-keeps", "close gave the lock back"),
    ("SlowToClose", "close-prompt", "took 6"),
    ("NamesAnother", "owner-value", "but the servers hold"),
    ("EntersAgain", "re-entry", "a second acquire of the holder worked"),
    ("SameToken", "fencing", "they must grow"),
    ("BelievesTooLong", "lease-until", "ms longer than it was seen on redis-1"),
    ("TellsTwice", "told-once", "one loss was told 2 times"),
    ("NotForThreads", "threads", "thread"),
)

Conform = Callable[..., list["Outcome"]]


@pytest.fixture(scope="module")
def rigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Plan], Rig]]:
    """Clusters on platform process, each started once."""
    from lockquake.rig import Rig
    from lockquake.support import require_supported
    from nuclei.platforms.base import Unsupported

    started: dict[str, Rig] = {}

    def rig(plan: Plan) -> Rig:
        try:
            require_supported(plan)
        except Unsupported as error:
            pytest.skip(str(error))
        if plan.cluster not in started:
            started[plan.cluster] = Rig(plan, tmp_path_factory.mktemp(plan.cluster), lambda text: None)
        return started[plan.cluster]

    yield rig
    for each in started.values():
        each.stop()


@pytest.fixture
def conform(rigs: Callable[[Plan], Rig], tmp_path: Path) -> Conform:
    """Make some checks of a lock: (nucleus, names)."""
    from lockquake.conform.bench import Bench
    from lockquake.conform.checks import CHECKS, outcomes
    from lockquake.plan import build
    from lockquake.rundir import RunDirectory

    def make(nucleus: str, names: tuple[str, ...]) -> list[Outcome]:
        plan = build(nucleus, clients=3, platform="process")
        bench = Bench(plan, rigs(plan), RunDirectory(tmp_path / "run"), own_lease=False)
        return list(outcomes(bench, tuple(check for check in CHECKS if check.name in names)))

    return make


@pytest.mark.parametrize("nucleus", SOUND)
def test_locks_that_keep_the_contract(conform: Conform, nucleus: str) -> None:
    found = conform(nucleus, SOUND[nucleus])
    assert len(found) == len(SOUND[nucleus])
    assert [outcome for outcome in found if outcome.verdict != "pass"] == []


@pytest.mark.parametrize(("adapter", "check", "words"), CAUGHT)
def test_an_adapter_that_breaks_it_is_caught(conform: Conform, adapter: str, check: str, words: str) -> None:
    [found] = conform(f"{BROKEN}:{adapter}@redis-single", (check,))
    assert found.verdict == "fail", found.sentence
    assert words in found.sentence


def test_redis_py_forgets_its_token_before_it_releases(conform: Conform) -> None:
    """redis-py #4258: after a lost request the second release finds no token, and the key stays for its lease."""
    [found] = conform("redis-py@redis-single", ("release-repeated",))
    assert found.verdict == "fail", found.sentence
    assert "not held: Cannot release a lock that's not owned or is already unlocked" in found.sentence


def test_the_command_says_what_failed_and_exits_with_1(tmp_path: Path) -> None:
    arguments = [f"{BROKEN}:BlindDelete", "--check", "foreign-release", "--check", "fencing", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "lockquake", "conform", *arguments, "--platform", "process", "--runs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert said["nucleus"].endswith("BlindDelete@redis-single")
    assert [(row["check"], row["verdict"]) for row in said["checks"]] == [
        ("foreign-release", "fail"),
        ("fencing", "not applicable"),
    ]
    assert json.loads((Path(said["directory"]) / "conform.json").read_text()) == said["checks"]
