"""Whether a trial gave the lock a chance to break: a valid verdict that had none is vacuous, so it becomes unknown.

DESIGN §4: two clients held; whenever a fault took effect somebody held or waited; and some other client's attempt was
pending through the whole window, or decided inside it or within the recovery bound after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from checker.calls import Call
from checker.case import MS, Case
from checker.windows import Window

NO_BOUND_NS = 5_000 * MS
"""How long after a window an attempt may still be decided, for locks that promise no recovery and do not lapse."""


@dataclass(frozen=True)
class Opportunity:
    """``missing``: why there was none, None where there was. ``words``: what it was."""

    missing: str | None
    words: str


def recovery_bound(case: Case) -> int:
    """The promised recovery in ns, else the lease or session, else NO_BOUND_NS."""
    spec = case.spec
    return spec.recovery_ns or spec.lease_ns or spec.session_ns or NO_BOUND_NS


def opportunity(case: Case) -> Opportunity:
    """What opportunity the trial gave this lock."""
    holders = sorted({case.lives.process(hold.client) for hold in case.holds})
    if len(holders) < 2:
        who = f"only {holders[0]}" if holders else "nobody"
        return Opportunity(f"{who} ever held the lock, so two could not meet", "")
    words = [f"{len(case.holds)} holds by {len(holders)} clients"]
    for window in case.windows:
        missing, said = _of_window(case, window)
        if missing:
            return Opportunity(missing, "")
        words.append(said)
    return Opportunity(None, "; ".join(words))


def _of_window(case: Case, window: Window) -> tuple[str | None, str]:
    """(why the fault had no opportunity or None, what it was)."""
    exposed = _exposed(case, window)
    if not exposed:
        return f"nobody held or waited when {window.label()} took effect", ""
    targets = {case.lives.process(name) for name in window.targets}
    limit = min(window.healed, case.end) + recovery_bound(case)
    for call in case.acquires:
        process = case.lives.process(call.client)
        if process in targets or not any(other != process for other in exposed):
            continue
        if _pending(call, window, case.end):
            return None, f"{call.client} waited all through {window.label()}"
        if call.outcome in {"ok", "fail"} and window.asked <= call.ret <= limit:
            return None, f"an attempt of {call.client} was decided {_when(case, call, window)}"
    return f"no other client's attempt was pending through {window.label()} or decided in time after it", ""


def _exposed(case: Case, window: Window) -> set[str]:
    """The client processes that held or waited when the fault took effect."""
    start, end = window.asked, window.effective
    held = {hold.client for hold in case.holds if hold.entered <= end and hold.left >= start}
    waited = {call.client for call in case.acquires if call.touches(start, end)}
    return {case.lives.process(client) for client in held | waited}


def _pending(call: Call, window: Window, end: int) -> bool:
    return call.inv <= window.effective and call.ret >= min(window.healed, end)


def _when(case: Case, call: Call, window: Window) -> str:
    if call.ret <= window.healed:
        return f"while {window.label()} was in force"
    return f"{(call.ret - window.healed) / MS:.0f} ms after {window.label()} was healed"
