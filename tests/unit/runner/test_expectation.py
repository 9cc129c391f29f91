"""What a campaign makes of results, and the exit codes of several."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.verdict import Verdict
from faults.grammar import BadArgument
from lockquake.campaign_file import read_campaign
from lockquake.expectation import Expectation, Standing, shown, standing
from lockquake.judge import EXIT_CODES, Status, worst_code
from lockquake.plan import build
from lockquake.trial import TrialResult

PLAN = build("redis-set-nx-px@redis-single")
BROKEN = Verdict(property="mutual-exclusion", validity="invalid", sentence="", kind="overstay", cause="lease-ran-out")
STALE = Verdict(property="fencing-at-ledger", validity="invalid", sentence="")
CONTROL = Expectation()
DEMO = Expectation(verdict="invalid", property="mutual-exclusion", kind="overstay", keeps=("fencing-at-ledger",))


def result(status: Status, *verdicts: Verdict) -> TrialResult:
    return TrialResult(PLAN, Path("nowhere"), status, verdicts=list(verdicts))


@pytest.mark.parametrize(
    ("expected", "came", "verdicts", "stands"),
    [
        (CONTROL, "valid", (), "as claimed"),
        (CONTROL, "invalid", (BROKEN,), "claim broken"),
        (CONTROL, "unknown", (), "unknown"),
        (CONTROL, "not exercised", (), "unknown"),
        (CONTROL, "harness error", (), "harness error"),
        (CONTROL, "unsupported", (), "unsupported"),
        (DEMO, "invalid", (BROKEN,), "as claimed"),
        (DEMO, "invalid", (STALE,), "claim broken"),
        (DEMO, "invalid", (BROKEN, STALE), "claim broken"),
        (DEMO, "valid", (), "not demonstrated"),
        (DEMO, "harness error", (BROKEN,), "harness error"),
    ],
)
def test_standing(expected: Expectation, came: Status, verdicts: tuple[Verdict, ...], stands: Standing) -> None:
    assert standing(expected, result(came, *verdicts)) == stands


def test_a_violation_of_another_kind_is_not_the_expected_one() -> None:
    assert shown(DEMO, [BROKEN]) is BROKEN
    assert shown(Expectation(verdict="invalid", kind="double-grant"), [BROKEN]) is None
    assert shown(Expectation(verdict="invalid", cause="failover"), [BROKEN]) is None


def test_the_worst_exit_code_wins_in_the_documented_order() -> None:
    assert worst_code([0, 4, 2, 3, 1]) == 1
    assert worst_code([0, 4, 2, 3]) == 3
    assert worst_code([0, 4, 2]) == 2
    assert worst_code([0, 4]) == 4
    assert worst_code([0, 0]) == 0
    assert worst_code([]) == 4
    assert EXIT_CODES["not exercised"] == 2


def test_the_quick_campaign_reads_and_covers_every_cluster_and_fault() -> None:
    campaign = read_campaign(Path(__file__).resolve().parents[3] / "campaigns/quick.toml")
    clusters = {entry.nucleus.rpartition("@")[2] for entry in campaign.trial}
    faults = {entry.plan("docker", 0).schedule[0].name for entry in campaign.trial if entry.fault != "none"}
    assert clusters == {"redis-single", "redis-sentinel", "zookeeper"}
    assert faults == {"partition", "pause-client", "kill-node", "kill-client", "failover", "pause-node"}


def test_our_own_campaigns_go_by_their_names() -> None:
    assert read_campaign(Path("quick")).name == "quick"
    with pytest.raises(BadArgument, match="cannot read the campaign slow"):
        read_campaign(Path("slow"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[trial]", "is no TOML"),
        ('name = "x"', "lacks the field 'trial'; it takes name, trial, jobs"),
        (
            'name = "x"\n[[trial]]\nnucleus = "redis-setnx@redis-single"\nfautl = "none"',
            r"\[\[trial\]\] 1 has no field 'fautl'; it takes nucleus, fault, expect",
        ),
        ('name = "x"\n[[trial]]\nnucleus = "redis-setnx"', "no nucleus"),
    ],
)
def test_a_bad_campaign_file_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(BadArgument, match=words):
        read_campaign(file)
