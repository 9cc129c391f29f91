"""What a campaign expects of a trial, and whether it came: a control must stay valid, a demonstration must show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from checker.verdict import Verdict
from lockquake.trial import TrialResult

Standing = Literal[
    "as claimed",
    "measured",
    "claim broken",
    "not demonstrated",
    "unknown",
    "not measured",
    "harness error",
    "unsupported",
]

EXIT_CODES: dict[Standing, int] = {
    "as claimed": 0,
    "measured": 0,
    "claim broken": 1,
    "not demonstrated": 2,
    "unknown": 2,
    "not measured": 2,
    "harness error": 3,
    "unsupported": 4,
}


WORST_FIRST: tuple[Standing, ...] = (
    "claim broken",
    "harness error",
    "unknown",
    "not demonstrated",
    "unsupported",
    "as claimed",
    "measured",
)


class Expectation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``verdict``: what the whole trial should come to; ``any``: it is only measured. For
    ``invalid`` the violation that must be among its verdicts: ``property``, and where given ``kind``, ``cause``;
    ``keeps`` are properties that must not be invalid beside it."""

    verdict: Literal["valid", "invalid", "any"] = "valid"
    property: str | None = None
    kind: str | None = None
    cause: str | None = None
    keeps: tuple[str, ...] = ()

    def text(self) -> str:
        """The expectation in words."""
        what = " ".join(part for part in (self.property, self.kind, self.cause and f"by {self.cause}") if part)
        return f"{self.verdict}{': ' + what if what else ''}"


def shown(expected: Expectation, verdicts: list[Verdict]) -> Verdict | None:
    """The verdict that is the expected violation, or None."""
    for verdict in verdicts:
        wanted = (
            verdict.validity == "invalid"
            and expected.property in {None, verdict.property}
            and expected.kind in {None, verdict.kind}
            and expected.cause in {None, verdict.cause}
        )
        if wanted:
            return verdict
    return None


def standing(expected: Expectation, result: TrialResult) -> Standing:
    """How a result stands against what was expected of it."""
    if result.status == "harness error" or (result.harness and expected.verdict == "valid"):
        return "harness error"
    if result.status == "unsupported":
        return "unsupported"
    if expected.verdict == "any":
        return "measured"
    if expected.verdict == "invalid":
        return _demonstration(expected, result)
    if result.status == "valid":
        return "as claimed"
    return "claim broken" if result.status == "invalid" else "unknown"


def _demonstration(expected: Expectation, result: TrialResult) -> Standing:
    broken = [v.property for v in result.verdicts if v.validity == "invalid"]
    if any(name in broken for name in expected.keeps):
        return "claim broken"
    return "as claimed" if shown(expected, result.verdicts) else "not demonstrated"


def overall(expected: Expectation, standings: Sequence[Standing]) -> Standing:
    """How several trials of one plan stand together: a violation that showed once was demonstrated, everything else is
    as good as its worst trial. ``not measured`` without any."""
    if not standings:
        return "not measured"
    if expected.verdict == "invalid" and "as claimed" in standings and "claim broken" not in standings:
        return "as claimed"
    return next(standing for standing in WORST_FIRST if standing in standings)
