"""What the words of Jepsen tests mean here: operations, reasons of failures, faults.

===================== ======================================== =======================================================
operation             ``:fail`` with an ``:error`` that says    is read as
===================== ======================================== =======================================================
any of a lock         a time-out                               ``info``: nobody knows whether it was done
acquire, try          already held (by the caller itself)      ``fail``, its own re-entry ``limit``
any of a lock         no connection, no leader, unavailable    ``fail``, the lock was ``not-asked``
acquire, try          anything else, or no error               ``fail``, ``busy`` (F)
release, renew        anything else, or no error               ``fail``, ``not-held`` (N)
of a register         anything                                 ``fail``: certainly without effect, as Jepsen means it
===================== ======================================== =======================================================
"""

from __future__ import annotations

import re

from histories.vocabulary import ACQUIRES, LOCK_OPERATIONS, Operation, Outcome, Refusal

OPERATION: dict[str, Operation] = {
    **dict.fromkeys(("acquire", "lock"), "acquire"),
    **dict.fromkeys(("try", "try-acquire", "try-lock", "trylock"), "try"),
    **dict.fromkeys(("release", "unlock"), "release"),
    **dict.fromkeys(("renew", "extend", "refresh", "keep-alive"), "renew"),
    **dict.fromkeys(("read", "r"), "read"),
    **dict.fromkeys(("write", "w"), "write"),
    **dict.fromkeys(("cas", "compare-and-set"), "cas"),
    "append": "append",
    "txn": "txn",
}
"""``:f`` → operation."""

MICRO: dict[str, Operation] = {"r": "read", "read": "read", "w": "write", "write": "write", "append": "append"}
"""Parts of a transaction: ``[[:r 1 nil] [:append 2 3]]``."""

_TIME_OUT = re.compile(r"time[sd]?[\s_-]?out|deadline[\s_-]?(?:exceeded|expired)", re.IGNORECASE)
_OWN = re.compile(r"already[\s_-]?(?:held|own|acquired|locked)", re.IGNORECASE)
_NOT_ASKED = re.compile(
    r"connect|unavailable|no[nt]?[\s_-]?leader|unknown[\s_-]?host|no[\s_-]?route|client[\s_-]?down|not[\s_-]?running",
    re.IGNORECASE,
)


def failure(operation: Operation, error: str) -> tuple[Outcome, Refusal | None]:
    """Outcome and refusal of a ``:fail``; ``error``: its error as text, or nothing. The table above."""
    if operation not in LOCK_OPERATIONS:
        return "fail", None
    if _TIME_OUT.search(error):
        return "info", None
    if operation in ACQUIRES and _OWN.search(error):
        return "fail", "limit"
    if _NOT_ASKED.search(error):
        return "fail", "not-asked"
    return "fail", "busy" if operation in ACQUIRES else "not-held"


NO_FAULT = frozenset({"check-offsets", "check-clock-offsets", "log", "sleep", "wait"})
"""What a nemesis does that harms nobody."""

UNNAMED = "nemesis"
"""The fault of a nemesis that knows ``:start`` and ``:stop`` only."""

_CLOCKS = ("bump", "strobe", "bump-clock", "strobe-clock", "scramble-clock", "skew", "skew-clock")
HEALS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("start", "restart"), ("kill", "crash")),
    **dict.fromkeys(("resume", "continue"), ("pause",)),
    **dict.fromkeys(("reset", "reset-clock"), _CLOCKS),
    **dict.fromkeys(("stop", "heal", "recover"), (UNNAMED,)),
    "fast": ("slow", "flaky"),
}
"""What ends which faults, beside ``stop-NAME``, ``heal-NAME``, ``end-NAME``, ``resume-NAME`` and ``restart-NAME``."""

HEALS_ALL = frozenset({"stop", "heal", "recover"})
"""What ends all faults where it finds none of its own."""

_BEGINS = re.compile(r"(?:start|begin)-(?P<before>.+)|(?P<after>.+)-(?:start|begin)")
_ENDS = re.compile(r"(?:stop|heal|end)-(?P<before>.+)|(?P<after>.+)-(?:stop|heal|end)")
_REVIVES = {"resume-": "pause-", "restart-": "kill-"}


def healed_by(f: str) -> tuple[str, ...]:
    """The faults that a nemesis's word ends; nothing where it ends none."""
    if f in HEALS:
        return HEALS[f]
    if match := _ENDS.fullmatch(f):
        return (match["before"] or match["after"],)
    return tuple(harm + f.removeprefix(cure) for cure, harm in _REVIVES.items() if f.startswith(cure))


def begun_by(f: str) -> str:
    """The fault that a nemesis's word begins."""
    if match := _BEGINS.fullmatch(f):
        return match["before"] or match["after"]
    return UNNAMED if f == "start" else f
