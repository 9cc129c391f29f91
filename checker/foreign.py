"""Foreign releases: a holder's key was deleted by somebody else's release, as observers' rows and calls together prove.

An observer's sighting is never earlier than what it saw, so a release called after the sighting did not do it.
"""

from __future__ import annotations

from checker.case import Case
from checker.evidence import in_charge
from checker.holds import Hold
from checker.observed import SLACK_NS, Life
from histories.columns import Call


def deleted_life(case: Case, acquire: Call) -> Life | None:
    """The life of the acquire's key that ended by deletion on a node in charge."""
    return next((life for life in in_charge(case, acquire) if life.reason == "deleted"), None)


def culprits(case: Case, victim: Hold, life: Life) -> list[Call]:
    """The releases by others that may have deleted the victim's key, the likeliest first.

    None where the victim itself had called release by then, was gone, or had not come in yet.
    """
    if life.ended < victim.entered or case.lives.gone(victim.client) <= life.ended:
        return []
    if any(call.inv <= life.ended for call in victim.releases):
        return []
    near = case.releases_between(life.ended_since - SLACK_NS, life.ended)
    guilty = [call for call in near if _may_have(case, call, victim, life)]
    return sorted(guilty, key=lambda call: (call.ret < life.ended_since, abs(call.inv - life.ended)))


def _may_have(case: Case, call: Call, victim: Hold, life: Life) -> bool:
    """Whether the release was under way, had nothing of its own left to delete, and deleted nothing of its own."""
    if call.client == victim.client or call.outcome == "fail":
        return False
    if call.inv > life.ended or call.ret < life.ended_since - SLACK_NS:
        return False
    own = case.hold_by_attempt(call.attempt)
    lives = case.keys.of(own.acquire) if own is not None else case.keys.of_attempt(call.attempt)
    if any(one.reason == "deleted" and call.inv <= one.ended <= call.ret + SLACK_NS for one in lives):
        return False
    return own is None or _nothing_left(case, own, call)


def _nothing_left(case: Case, own: Hold, call: Call) -> bool:
    """Whether the releaser's own key was certainly gone before it released: released, lapsed, or seen to end."""
    if any(earlier.outcome == "ok" and earlier.ret < call.inv for earlier in own.releases):
        return True
    if int(case.leases.possible[own.number]) < call.inv:
        return True
    lives = in_charge(case, own.acquire)
    return bool(lives) and all(life.ended <= call.inv for life in lives)
