"""A campaign file that says something else than it may is refused in one sentence that names what it may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.grammar import BadArgument
from lockquake.campaign_file import read_campaign
from nuclei.registry import UnknownName

HEAD = 'name = "x"\n[[trial]]\nnucleus = "redis-setnx@redis-single"\n'
SECOND = HEAD + HEAD.partition("\n")[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "x"', r"the file lacks the field 'trial'; it takes name, trial, jobs"),
        ('name = "x"\njob = 2\ntrial = []', r"the file has no field 'job'; it takes name, trial, jobs"),
        ('name = "x"\njobs = 0\ntrial = []', r"jobs of the file is to be a whole number from 1"),
        ('name = "x"\ntrial = 3', r"trial of the file is to be tables, each headed \[\[trial\]\]"),
        (SECOND + "time = 2", r"\[\[trial\]\] 2 has no field 'time'; it takes nucleus, .*, times"),
        (SECOND + "times = 0", r"times of \[\[trial\]\] 2 is to be a whole number from 1"),
        (HEAD + "set = [3]", r"set of \[\[trial\]\] 1 is to be a list of settings"),
        (HEAD + 'expect = "invalid"', r"expect of \[\[trial\]\] 1 is to be a table such as"),
        (HEAD + 'expect = { verdict = "bad" }', r"verdict of expect of \[\[trial\]\] 1 is to be valid, invalid or any"),
        (
            HEAD + 'expect = { propety = "x" }',
            r"expect of \[\[trial\]\] 1 has no field 'propety'; it takes verdict, prop",
        ),
        (HEAD + 'expect = { property = "x" }', r"property 'x' is none of mutual-exclusion, .*, herd"),
        (HEAD + 'expect = { keeps = ["x"] }', r"property 'x' is none of"),
        (HEAD + 'expect = { cause = "rain" }', r"cause 'rain' is none of lease-ran-out, "),
        (HEAD + 'fault = "pause-client:for=soon"', r"\[\[trial\]\] 1: 'soon' is no duration"),
        (HEAD + 'set = ["lock.tll=2s"]', r"\[\[trial\]\] 1: there is no setting"),
    ],
)
def test_it_is_said_where_and_what_may_stand_there(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(BadArgument, match=words) as refused:
        read_campaign(file)
    assert "\n" not in str(refused.value)


def test_an_unknown_fault_is_told_with_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(HEAD + 'fault = "quake"')
    with pytest.raises(UnknownName, match=r"\[\[trial\]\] 1: there is no fault 'quake'; known: partition"):
        read_campaign(file)
