"""The corpus: saved histories give the verdicts written down for them, and are what the stories tell.

``LOCKQUAKE_UPDATE=1 pytest tests/unit/checker/test_corpus.py`` writes the files again after a story was changed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checker import check
from checker.harness import harness_problems, not_exercised
from histories.read import History, read
from tests.unit.checker.stories import CORPUS, Expected

DIRECTORY = Path(__file__).resolve().parents[3] / "histories" / "corpus"


def saved(name: str) -> History:
    path = DIRECTORY / f"{name}.jsonl"
    if os.environ.get("LOCKQUAKE_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        CORPUS[name][0]().save(path)
    return read(path)


@pytest.mark.parametrize("name", CORPUS)
def test_saved_history_gives_its_verdicts(name: str) -> None:
    history, expected = saved(name), CORPUS[name][1]
    verdicts = {verdict.property: verdict for verdict in check(history)}
    assert {key: verdicts[key].validity for key in expected.verdicts} == expected.verdicts, [
        verdict.sentence for verdict in verdicts.values()
    ]
    if (exclusion := verdicts.get("mutual-exclusion")) is not None:
        described = Expected(expected.verdicts, exclusion.kind, exclusion.sub_kind, exclusion.cause)
        assert described == expected, exclusion.sentence
    assert not any(verdict.reason and "failed" in verdict.reason for verdict in verdicts.values())


@pytest.mark.parametrize("name", CORPUS)
def test_saved_history_is_what_the_story_tells(name: str) -> None:
    history, told = saved(name), CORPUS[name][0]().history()
    assert history.rows == told.rows
    assert history.header == told.header


@pytest.mark.parametrize("name", CORPUS)
def test_the_experiments_themselves_are_in_order(name: str) -> None:
    history = saved(name)
    assert harness_problems(history) == []
    assert not_exercised(history) == []


def test_every_saved_history_is_judged() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.jsonl")} == set(CORPUS)
