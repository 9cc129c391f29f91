"""What came of one check, and how a check says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from lockquake.judge import NOTHING_TESTED, worst_code

Verdict = Literal["pass", "fail", "not applicable", "unknown"]


class Failed(Exception):
    """The adapter does not do what the contract says; the message is what was seen."""


class NotApplicable(Exception):
    """The lock promises nothing of the kind; the message says why there is nothing to test."""


class Undecided(Exception):
    """The check came to no result, for example because a call did not come back; the message says how far it came."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    check: str
    verdict: Verdict
    sentence: str


_CODES: dict[Verdict, int] = {"pass": 0, "not applicable": 0, "fail": 1, "unknown": 2}


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """1 where a check failed, 2 where one came to no result, 4 where none applied, 0 otherwise."""
    if all(outcome.verdict == "not applicable" for outcome in outcomes):
        return NOTHING_TESTED
    return worst_code([_CODES[outcome.verdict] for outcome in outcomes])
