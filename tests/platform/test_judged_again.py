"""What a trial wrote is enough to redo every later step: the verdicts from the files, and the plan once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lockquake.judge import judge
from lockquake.plan import read_plan

if TYPE_CHECKING:
    from lockquake.testing import Lockquake


def test_files_alone_give_the_same_verdicts_with_and_without_the_merged_file(lockquake: Lockquake) -> None:
    result = lockquake.run("redis-set-nx-px@redis-single", "pause-client")
    first = (result.directory / "verdicts.json").read_bytes()
    assert msgspec.json.encode(judge(result.directory).verdicts) == msgspec.json.encode(result.verdicts)
    (result.directory / "history.jsonl").unlink()
    from_parts = judge(result.directory)
    assert from_parts.status == result.status == "invalid"
    assert (result.directory / "verdicts.json").read_bytes() == first
    assert read_plan(result.directory) == result.plan


def test_a_run_directory_holds_everything(lockquake: Lockquake) -> None:
    directory = lockquake.run("redis-set-nx-px@redis-single").directory
    names = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert {"plan.json", "history.jsonl", "verdicts.json", "report.txt"} <= names
    assert {"parts/runner.jsonl", "parts/c1.jsonl", "logs/redis-1.log", "config/redis-1/redis.conf"} <= names
