"""Composition: what applies follows from the spec, a checker that fails is unknown, worst wins, verdicts are data."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from checker import SCHEMA_VERSION, Verdict, check, compose, worst
from checker.registry import PROPERTIES
from histories.build import Story
from tests.unit.checker import stories
from tests.unit.checker.stories import CORPUS


def verdict(validity: str) -> Verdict:
    return Verdict(property="p", validity=validity, sentence="s")  # type: ignore[arg-type]


def test_worst_wins_and_nothing_judged_is_unknown() -> None:
    assert worst([verdict("valid"), verdict("invalid"), verdict("unknown")]) == "invalid"
    assert worst([verdict("valid"), verdict("unknown")]) == "unknown"
    assert worst([verdict("valid")]) == "valid"
    assert worst([]) == "unknown"


def test_what_applies_follows_from_the_spec() -> None:
    by_lock = {name: [v.property for v in check(make().history())] for name, (make, _) in CORPUS.items()}
    assert by_lock["quiet"] == ["mutual-exclusion", "lease", "owner-safe-release", "orphan"]
    assert by_lock["local-mutex"] == [
        "mutual-exclusion",
        "linearizability",
        "owner-safe-release",
        "lost-update",
        "orphan",
    ]
    assert "fencing-at-ledger" in by_lock["session-overstay"]
    order = [entry.name for entry in PROPERTIES]
    assert all(names == sorted(names, key=order.index) for names in by_lock.values())


def test_only_judges_what_was_asked_for_and_says_why_it_could_not() -> None:
    history = stories.quiet().history()
    assert [v.validity for v in check(history, ["lease"])] == ["valid"]
    (linear,) = check(history, ["linearizability"])
    assert (linear.validity, linear.reason) == ("unknown", "the lock's spec does not promise it")
    (belief,) = check(history, ["stale-belief"])
    assert belief.reason == "the history holds no occasion for it"
    (nothing,) = check(history, ["leese"])
    assert nothing.validity == "unknown"
    assert "mutual-exclusion" in (nothing.reason or "")


def test_a_checker_that_raises_is_unknown_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(case: object) -> Verdict:
        raise ZeroDivisionError("nobody expects this")

    broken = [replace(entry, judge=fails) if entry.name == "lease" else entry for entry in PROPERTIES]
    monkeypatch.setattr(compose, "PROPERTIES", tuple(broken))
    verdicts = {v.property: v for v in check(stories.quiet().history())}
    assert verdicts["lease"].validity == "unknown"
    assert "ZeroDivisionError: nobody expects this" in (verdicts["lease"].reason or "")
    assert verdicts["mutual-exclusion"].validity == "valid"


def test_a_history_that_cannot_be_taken_apart_is_unknown() -> None:
    history = stories.quiet().history()
    history.rows.append("no row at all")  # type: ignore[arg-type]
    (failed,) = check(history)
    assert failed.validity == "unknown"
    assert "failed" in (failed.reason or "")


def test_an_empty_history_is_vacuous() -> None:
    (only,) = check(Story().history())
    assert (only.property, only.validity) == ("mutual-exclusion", "unknown")


@pytest.mark.parametrize("name", CORPUS)
def test_verdicts_are_plain_data(name: str) -> None:
    verdicts = check(CORPUS[name][0]().history())
    data = msgspec.json.encode(verdicts)
    assert msgspec.json.decode(data, type=list[Verdict]) == verdicts
    assert all(entry["version"] == SCHEMA_VERSION for entry in msgspec.to_builtins(verdicts) if "version" in entry)
    for one in verdicts:
        assert one.sentence
        assert "\n" not in one.sentence
        if one.validity == "invalid":
            assert one.witness, one.sentence
        if one.validity == "unknown":
            assert one.reason


def test_every_property_says_what_it_means() -> None:
    names = [entry.name for entry in PROPERTIES]
    assert len(set(names)) == len(names)
    assert all(entry.meaning for entry in PROPERTIES)
