"""The operations the algorithms work on, and their answer.

An operation is [inv, ret] on one clock; at equal times calls come before returns, so touching operations are
concurrent. One whose effect is unknown (C, D) has ret = NEVER and may not have happened at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from checker.calls import NEVER, Call
from histories.spec import Spec

Letter = Literal["A", "R", "F", "N", "C", "D"]
"""Acquire ok, release ok, try refused (busy), release refused (not held), acquire or release of unknown effect."""

NOT_ASKED = "not connected"
"""How the error of a call begins that never reached the lock: such a refusal says nothing about it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a client; ``number`` leads back to the call it was made from."""

    letter: Letter
    client: str
    inv: int
    ret: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """``valid`` None: undecided. ``kind`` and ``why`` say what is wrong (or undecided), ``witness`` shows it."""

    valid: bool | None
    kind: str = ""
    why: str = ""
    witness: tuple[Operation, ...] = ()


VALID = Answer(True)


def operations(calls: Sequence[Call], spec: Spec) -> list[Operation]:
    """The operations of a lock's calls in order of ``inv``; refusals only where the spec says they are exact."""
    found = []
    for number, call in enumerate(calls):
        letter = _letter(call, spec)
        if letter is not None:
            ret = NEVER if letter in {"C", "D"} else call.ret
            found.append(Operation(letter, call.client, call.inv, ret, number))
    found.sort(key=lambda operation: (operation.inv, operation.ret))
    return found


def _letter(call: Call, spec: Spec) -> Letter | None:
    if call.op not in {"acquire", "try", "release"}:
        return None
    acquires = call.acquires
    if call.outcome == "ok":
        return "A" if acquires else "R"
    if call.outcome == "fail":
        if spec.refusals != "exact" or (call.error or "").startswith(NOT_ASKED):
            return None
        return "F" if acquires else "N"
    return "C" if acquires else "D"
