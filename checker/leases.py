"""How long a lease is certainly alive, and when it is certainly over, as far as the calls tell (CHECKERS §9).

A lease runs from when the server executed the command, which is not before the call, so clocks run from ``inv`` for
what is certain; and not after the return, so from ``ret`` for what is possible. An acquire that waits asks many times
within one call: where it tells until when it holds (``lease_until``), it thereby tells when it had asked.
"""

from __future__ import annotations

from checker.calls import NEVER, Call
from checker.holds import Hold
from histories.spec import Spec


def lease_end(hold: Hold, spec: Spec) -> int:
    """Until when its lease is certainly alive, releases apart: when the last confirmed renewal (or the acquire) was
    asked for + TTL·(1 − drift) − margin. ``entered`` where the lock has no lease."""
    if spec.lease_ns is None:
        return hold.entered
    confirmed = [hold.acquire, *(call for call in hold.renewals if call.outcome == "ok")]
    since = max(asked(call, spec) for call in confirmed)
    return since + int(spec.lease_ns * (1 - spec.drift)) - spec.margin_ns


def asked(call: Call, spec: Spec) -> int:
    """When the granted command had certainly not been sent yet (ns): the call, or what the lock itself says of it."""
    if spec.lease_ns is None or call.lease_until is None:
        return call.inv
    return min(max(call.inv, call.lease_until - spec.lease_ns), call.ret)


def certain_end(hold: Hold, spec: Spec) -> int:
    """The end of the definite hold (ns), which begins at ``entered``: until then the lock is certainly the holder's.

    min(first release.inv − margin, lease end). Where nothing lapses the inside itself is definite; where only a session
    does, calls tell of no definite hold and ``entered`` is returned.
    """
    released = min((call.inv for call in hold.releases), default=NEVER)
    if not spec.lapses:
        return min(hold.left, released)
    return min(released - spec.margin_ns, lease_end(hold, spec))


def possible_end(hold: Hold, spec: Spec) -> int:
    """The latest moment (ns) at which the lease of a hold may still have been alive; NEVER where nothing bounds it."""
    if spec.lease_ns is None:
        return NEVER
    since = max([hold.acquire.ret, *(call.ret for call in hold.renewals if call.outcome != "fail")])
    return NEVER if since >= NEVER else since + int(spec.lease_ns * (1 + spec.drift)) + spec.margin_ns
