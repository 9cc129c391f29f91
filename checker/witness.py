"""Witness events: the rows that show a violation, in words and in order of true time (the critical path)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from checker.case import Case
from checker.holds import Hold
from checker.verdict import WitnessEvent
from histories.columns import NEVER, Call

RETURNED = {
    ("acquire", "ok"): "is granted",
    ("acquire", "fail"): "is refused",
    ("release", "ok"): "has released",
    ("release", "fail"): "is told that it does not hold it",
    ("renew", "ok"): "has renewed",
    ("renew", "fail"): "is refused the renewal",
    ("write", "ok"): "has written",
    ("write", "fail"): "has its write rejected",
    ("read", "ok"): "has read",
    ("cas", "ok"): "has exchanged",
    ("append", "ok"): "has appended",
    ("txn", "ok"): "has committed",
}
LONGEST = 60
LEFT = {"released": "calls release: leaves", "killed": "is killed: leaves", "end": "is still inside at the end"}
LEFT_ROW = {"released": "call", "killed": "client", "end": "trial"}


def of_call(case: Case, call: Call) -> Iterator[WitnessEvent]:
    """A call and how it came back."""
    token = f" with fencing token {call.fence}" if call.op == "write" and call.fence is not None else ""
    store = case.spec.model != "lock"
    asked = f" {_value(call)}" if store and call.op != "read" else token
    if case.spec.read_write and call.acquires:
        asked = " to read" if call.mode == "shared" else " to write"
    yield case.event(call.inv, call.client, f"calls {call.op}{asked}", "call", call.attempt)
    if call.ret < NEVER:
        read = f" {_value(call)}" if store and call.outcome == "ok" and call.op in {"read", "txn"} else ""
        yield case.event(call.ret, call.client, _returned(call) + read, "return", call.attempt)


def _value(call: Call) -> str:
    """A store's value, as JSON; a long one is cut."""
    text = msgspec.json.encode(call.value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _returned(call: Call) -> str:
    op = "acquire" if call.acquires else call.op
    words = RETURNED.get((op, call.outcome), f"does not know how its {call.op} ended")
    if call.acquires and call.outcome == "ok" and call.fence is not None:
        words += f", fencing token {call.fence}"
    return words + (f" ({call.error})" if call.error else "")


def of_hold(case: Case, hold: Hold) -> Iterator[WitnessEvent]:
    """How a client came in, what it was told, and how it left."""
    yield from of_call(case, hold.acquire)
    for told in hold.told:
        yield case.event(told.t, hold.client, f"is told that it lost the lock ({told.how})", "told", hold.attempt)
    words = LEFT.get(hold.why_left, f"leaves ({hold.why_left})")
    yield case.event(hold.left, hold.client, words, LEFT_ROW.get(hold.why_left, "leave"), hold.attempt)


def of_pauses(case: Case, client: str, start: int, end: int) -> Iterator[WitnessEvent]:
    """The pauses of a client's process that meet [start, end]."""
    for paused, resumed in case.lives.pauses.get(case.lives.process(client), []):
        if paused <= end and resumed >= start:
            yield case.event(paused, client, "is paused", "client")
            if resumed <= case.end:
                yield case.event(resumed, client, "is resumed", "client")


def of_faults(case: Case, start: int, end: int) -> Iterator[WitnessEvent]:
    """The faults that were in force in [start, end]."""
    for window in case.windows:
        if window.meets(start, end):
            if window.asked < window.effective:
                yield case.event(window.asked, window.label(), "injection begins", "fault")
            yield case.event(window.effective, window.label(), "proven in force", "fault")
            if window.healed <= end:
                yield case.event(window.healed, window.label(), "healed", "fault")


def of_ends(case: Case, attempt_call: Call, start: int, end: int) -> Iterator[WitnessEvent]:
    """What observers saw of the key of one acquire in [start, end]: where it began, where and why it ended."""
    for life in case.keys.of(attempt_call):
        if life.began is not None and start <= life.began <= end:
            said = f"key of {attempt_call.client} began"
            yield case.event(life.began, life.node, said, "server", attempt_call.attempt)
        if start <= life.ended <= end:
            said = f"key of {attempt_call.client} ended: {life.reason or 'unknown'}"
            yield case.event(life.ended, life.node, said, "server", attempt_call.attempt)


def in_order(events: Iterable[WitnessEvent]) -> list[WitnessEvent]:
    """Each once, by time; at equal times calls come first and returns last."""
    rank = {"call": 0, "return": 2}
    return sorted(dict.fromkeys(events), key=lambda event: (event.t, rank.get(event.row, 1)))
