"""A campaign over claims that is killed at its worst moment goes on where it was: no trial is lost, none runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PLATFORMS = ("process",)
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 180.0
TIMES = 3
CHOSEN = ["redis-set-nx-px", "--cluster", "redis-single", "--fault", "none"]


def start(place: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "lockquake", "claims", *CHOSEN, "--measure", str(place), "--times", str(TIMES)]
    return subprocess.Popen(
        [*argv, "--platform", "process", "--json"],
        cwd=place.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trials(place: Path) -> list[dict[str, Any]]:
    """The whole lines of the record, without those that ended as harness errors and had to be run again."""
    file = place / "record" / "trials.jsonl"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [line for line in map(json.loads, lines) if line["status"] != "harness error"]


@pytest.mark.usefixtures("platform_name")
def test_a_killed_campaign_goes_on_with_the_trials_it_lacks(tmp_path: Path) -> None:
    place = tmp_path / "measured"
    campaign = start(place)
    try:
        deadline = time.monotonic() + LIMIT
        while not trials(place):
            assert campaign.poll() is None, campaign.communicate()
            assert time.monotonic() < deadline, "no trial was recorded"
            time.sleep(0.05)
    finally:
        campaign.send_signal(signal.SIGKILL)
        campaign.communicate(timeout=LIMIT)
    before = trials(place)
    assert len(before) < TIMES
    for _ in range(TIMES):  # a trial that the machine was too busy for is run again
        again = start(place)
        out, err = again.communicate(timeout=LIMIT)
        after = trials(place)
        if len(after) == TIMES:
            break
    assert again.returncode == 0, err
    assert after[: len(before)] == before
    assert len({trial["trial"] for trial in after}) == len(after) == TIMES
    (row,) = json.loads(out)
    assert (row["fault"], row["trials"]) == ("none", TIMES)
    assert {finding["standing"] for finding in row["findings"]} == {"as claimed"}
    assert "| redis-single | no fault | process |" in (place / "claims.md").read_text()
