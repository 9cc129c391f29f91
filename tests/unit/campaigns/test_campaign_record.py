"""What a campaign has measured is on disk trial by trial, and is known again by plan, version and the lock's code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from checker.verdict import Verdict, WitnessEvent
from faults.grammar import BadArgument
from lockquake import campaign_record
from lockquake.campaign_record import FILE, Record, fingerprint
from lockquake.campaign_sources import what_it_does
from lockquake.cli.check import expand
from lockquake.judge import Status
from lockquake.plan import Plan, build
from lockquake.trial import TrialResult

NUCLEUS = "redis-set-nx-px@redis-single"
SEEN = WitnessEvent(t=1, at_ms=0.0, who="c1", what="is granted", row="return")
BROKEN = Verdict(
    property="mutual-exclusion", validity="invalid", sentence="two inside", kind="overstay", witness=[SEEN]
)


def plan(seed: int = 1, ttl: str = "2s") -> Plan:
    return build(NUCLEUS, faults=["pause-client"], settings=[f"lock.ttl={ttl}"], seed=seed)


def result(of: Plan, where: Path, status: Status = "invalid") -> TrialResult:
    return TrialResult(of, where / "run", status, "said", [BROKEN], 1.5)


def test_a_trial_is_found_again_without_its_witness(tmp_path: Path) -> None:
    with Record(tmp_path) as record:
        record.add(result(plan(), tmp_path))
    with Record(tmp_path) as again:
        found = again.find(plan())
        assert again.find(plan(seed=2)) is None
        assert again.find(plan(ttl="3s")) is None
    assert found is not None
    assert (found.status, found.message, found.seconds) == ("invalid", "said", 1.5)
    assert found.directory.resolve() == tmp_path / "run"
    assert [(v.property, v.kind, v.witness) for v in found.verdicts] == [("mutual-exclusion", "overstay", [])]


def test_a_trial_in_which_the_experiment_went_wrong_is_kept_and_run_again(tmp_path: Path) -> None:
    with Record(tmp_path) as record:
        record.add(result(plan(), tmp_path, "harness error"))
        assert record.find(plan()) is None
        disturbed = result(plan(), tmp_path)
        disturbed.harness = "somebody paused a node"
        record.add(disturbed)
        assert record.find(plan()) is None
        record.add(result(plan(), tmp_path, "valid"))
        assert record.find(plan()) is not None
    assert (tmp_path / FILE).read_bytes().count(b"\n") == 3


def test_a_line_cut_off_by_a_kill_is_dropped_and_others_go_on(tmp_path: Path) -> None:
    with Record(tmp_path) as record:
        record.add(result(plan(1), tmp_path))
        record.add(result(plan(2), tmp_path))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-20])
    with Record(tmp_path) as again:
        assert again.find(plan(1)) is not None
        assert again.find(plan(2)) is None
        again.add(result(plan(2), tmp_path))
    assert (tmp_path / FILE).read_bytes() == whole


def test_a_line_that_is_no_trial_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text('{"trial": 3}\n')
    with pytest.raises(BadArgument, match="line 1 is no trial"):
        Record(tmp_path)
    (tmp_path / FILE).write_text("")
    Record(tmp_path).close()


def test_it_is_no_history_to_check(tmp_path: Path) -> None:
    with Record(tmp_path) as record:
        record.add(result(plan(), tmp_path))
    with pytest.raises(BadArgument, match="holds no histories"):
        expand((tmp_path,))


def test_two_campaigns_do_not_write_to_one_place(tmp_path: Path) -> None:
    with Record(tmp_path), pytest.raises(BadArgument, match="another campaign is writing"):
        Record(tmp_path)
    Record(tmp_path).close()


def test_another_version_or_another_code_of_the_lock_is_another_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    before, other = fingerprint(plan()), fingerprint(build("redis-setnx@redis-single"))
    monkeypatch.setattr(campaign_record, "lock_digest", lambda name: "changed" if name == plan().lock else "as before")
    changed = fingerprint(plan())
    assert changed != before
    monkeypatch.setattr(campaign_record, "version", lambda name: "99")
    assert len({before, changed, fingerprint(plan()), other, fingerprint(build("redis-setnx@redis-single"))}) == 5


LOCK = '''
"""What it is."""
from nuclei.locks.claims import kept, NO_FAULT
CLOSE = Scenario(words="a pause")
def take():
    """Take it."""
    return command("SET")  # once
LOCK = LockEntry(name="mine", claims=(*kept("mutual-exclusion", "a paper", NO_FAULT),))
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("What it is.", "What it was.", True),
        ("Take it.", "Do.", True),
        ("  # once", "", True),
        ("a paper", "a book", True),
        ("a pause", "another pause", True),
        ("kept, NO_FAULT", "kept, PAUSE_WITHIN", True),
        ('"SET"', '"GET"', False),
        ('name="mine"', 'name="yours"', False),
    ],
)
def test_only_what_a_lock_does_counts_for_its_digest(old: str, new: str, same: bool) -> None:
    assert old in LOCK
    digests = {what_it_does(ast.parse(LOCK)), what_it_does(ast.parse(LOCK.replace(old, new)))}
    assert len(digests) == (1 if same else 2)
