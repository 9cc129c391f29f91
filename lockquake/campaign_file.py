"""A campaign file as it was typed: read, checked, and, where something is wrong, what would be right."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from checker.registry import PROPERTIES
from checker.verdict import Cause
from faults.families import FAMILIES
from faults.grammar import BadArgument
from lockquake.campaign import Campaign, Entry
from lockquake.expectation import Expectation
from nuclei.locks.loading import LoadError
from nuclei.platforms.base import Unsupported
from nuclei.registry import UnknownName

PLACES = (Path(__file__).parent / "campaigns", Path(__file__).parent.parent / "campaigns")
"""Where our own campaigns are: inside an installed package, beside it in a checkout."""
PARTS: Mapping[str, tuple[str, type[msgspec.Struct]]] = {
    "$": ("the file", Campaign),
    "$.trial[]": ("[[trial]] {}", Entry),
    "$.trial[].expect": ("expect of [[trial]] {}", Expectation),
}
"""Tables of the file by their path in msgspec's words: what they are called there, and what they hold."""
VALUES: Mapping[str, str] = {
    "name": "a text",
    "jobs": "a whole number from 1",
    "trial": "tables, each headed [[trial]]",
    "nucleus": 'LOCK@CLUSTER, such as "redis-set-nx-px@redis-single"',
    "fault": f"NAME or NAME:key=value,… or a list of them, NAME one of none, {', '.join(FAMILIES)}",
    "set": 'a list of settings such as ["lock.ttl=2s"]',
    "clients": "a whole number from 1",
    "seed": "a whole number",
    "workload": "the name of a workload",
    "times": "a whole number from 1",
    "expect": 'a table such as { verdict = "invalid", property = "mutual-exclusion" }',
    "verdict": "valid, invalid or any",
    "keeps": "a list of properties",
}


def read_campaign(path: Path) -> Campaign:
    """Read a campaign file, or one of our own by its name (``quick``), and check that every entry makes a plan.

    Raises BadArgument, UnknownName."""
    if not path.exists():
        path = next((own for own in (place / f"{path.name}.toml" for place in PLACES) if own.is_file()), path)
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadArgument(f"cannot read the campaign {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadArgument(f"{path} is no TOML: {error}") from error
    try:
        campaign = msgspec.convert(data, Campaign)
    except msgspec.ValidationError as error:
        raise BadArgument(f"{path} is no campaign: {_remedy(str(error))}") from error
    for number, entry in enumerate(campaign.trial, 1):
        _check(entry, f"{path}: [[trial]] {number}")
    return campaign


def _check(entry: Entry, where: str) -> None:
    """Raises BadArgument, UnknownName for what makes no plan, or expects what no verdict says."""
    for name in filter(None, (entry.expect.property, *entry.expect.keeps)):
        _one_of(f"{where}: property {name!r}", name, [known.name for known in PROPERTIES])
    if entry.expect.cause is not None:
        _one_of(f"{where}: cause {entry.expect.cause!r}", entry.expect.cause, get_args(Cause))
    try:
        with contextlib.suppress(Unsupported):
            entry.plan("docker", 0)
    except (BadArgument, UnknownName, LoadError) as error:
        raise type(error)(f"{where}: {error}") from error


def _one_of(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise BadArgument(f"{what} is none of {', '.join(known)}")


def _remedy(said: str) -> str:
    """What msgspec says of a value or a field, in the file's own words, and what may stand there."""
    what, _, at = said.partition(" - at ")
    at = at.strip("`") or "$"
    named = re.search(r"(unknown|missing required) field `([^`]+)`", what)
    table, field = (at, "") if named else (at.rpartition(".")[0] or "$", at.rpartition(".")[2])
    called, holds = PARTS[re.sub(r"\[\d+\]", "[]", table)]
    number = re.search(r"trial\[(\d+)\]", table)
    name = called.format(int(number[1]) + 1 if number else "")
    if named:
        has = "has no field" if named[1] == "unknown" else "lacks the field"
        return f"{name} {has} {named[2]!r}; it takes {', '.join(holds.__struct_fields__)}"
    field = re.sub(r"\[\d+\]", "", field)
    return f"{field} of {name} is to be {VALUES.get(field, 'a text')} ({what})"
