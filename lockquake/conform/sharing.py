"""Checks of what an adapter declares its instances safe for."""

from __future__ import annotations

from collections.abc import Callable

from lockquake.conform.bench import Bench
from lockquake.conform.outcome import Failed, NotApplicable, Undecided
from lockquake.conform.taker import LONGEST_CALL
from nuclei.locks.base import SAFE_FOR

DID = {
    "threads": "two threads took one instance in turns",
    "fork": "a forked child used and closed the instance, and its parent did not notice",
    "asyncio": "calls inside a running event loop worked",
}


def safe_for(what: str) -> Callable[[Bench], str]:
    """The check of one declaration."""

    def check(bench: Bench) -> str:
        declared = frozenset(bench.declares("safe_for", frozenset()))  # type: ignore[call-overload]
        if unknown := sorted(declared - set(SAFE_FOR)):
            raise Failed(f"safe_for names {', '.join(unknown)}; it may name {', '.join(SAFE_FOR)}")
        if what not in declared:
            raise NotApplicable(f"it does not declare safe_for {what}")
        client = bench.probe(what)
        client.begin("acquire", LONGEST_CALL)
        reply = client.end(LONGEST_CALL)
        if reply is None:
            raise Undecided("the experiment did not come to its end")
        if not reply.granted:
            raise Failed(str(reply.row.error))
        return DID[what]

    check.__doc__ = f"``safe_for`` {what}, where it is declared."
    return check
