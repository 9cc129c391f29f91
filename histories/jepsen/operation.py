"""One operation map of a Jepsen history, and its values as JSON.

``{:type :invoke, :f :cas, :value [1 2], :process 3, :time 1200, :index 7}``: an ``:invoke`` is followed by the ``:ok``,
``:fail`` (certainly not done) or ``:info`` (indeterminate) of the same process. After ``:info`` a process is never seen
again; its thread goes on with another number. What the nemesis does is ``:info`` both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from histories.edn import Edn, Keyword, Set, write_edn
from histories.jepsen.source import Source

KINDS = frozenset({"invoke", "ok", "fail", "info"})
ERROR_LENGTH = 400
"""Characters kept of an operation's error, which may be a whole stack trace."""
LATEST = 1 << 61
"""Times are smaller than this (ns): 73 years."""
NEMESIS = "nemesis"


@dataclass(slots=True)
class Op:
    """``process``: its number, or its name where it has none (``nemesis``). ``t``: when it counts as done, ns, once
    times are settled; ``time``: as written. ``fence``: a fencing token beside the value."""

    line: int
    kind: str
    process: int | str | None
    f: str | None
    value: Edn = None
    error: Edn = None
    time: int | None = None
    index: int | None = None
    fence: Edn = None
    t: int = 0


def op_of(form: Edn, line: int, source: Source) -> Op:
    """The operation that a form is. Raises HistoryError where it is none."""
    if not isinstance(form, dict):
        raise source.error(line, f"{shown(form)} where an operation map {{:type …, :f …, :process …}} was expected")
    kind = _word(form.get(":type"))
    if kind not in KINDS:
        raise source.error(line, f":type is {shown(form.get(':type'))}, expected :invoke, :ok, :fail or :info")
    f = form.get(":f")
    time = form.get(":time")
    return Op(
        line=line,
        kind=kind,
        process=_process(form.get(":process"), line, source),
        f=None if f is None else text_of(f),
        value=form.get(":value"),
        error=form.get(":error"),
        time=None if time is None or time == -1 else _time(time, line, source),
        index=index if type(index := form.get(":index")) is int else None,
        fence=form.get(":fence", form.get(":token")),
    )


def _process(process: Edn, line: int, source: Source) -> int | str | None:
    if process is None or (type(process) is int and 0 <= process < LATEST):
        return process
    if isinstance(process, str):
        return text_of(process)
    raise source.error(line, f":process is {shown(process)}, expected a number or a keyword")


def _time(time: Edn, line: int, source: Source) -> int:
    if isinstance(time, int | float | Decimal) and not isinstance(time, bool) and -LATEST < time < LATEST:
        return int(time)
    raise source.error(line, f":time is {shown(time)}, expected nanoseconds since the test began")


def shown(value: Edn) -> str:
    """A value as EDN, cut short, for messages."""
    text = write_edn(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _word(value: Edn) -> str:
    return value.removeprefix(":") if isinstance(value, str) else ""


def text_of(value: Edn) -> str:
    """A name or an error as text: keywords without their colon, strings as they are, anything else as EDN."""
    if isinstance(value, Keyword):
        return value.name[:ERROR_LENGTH]
    return str(value)[:ERROR_LENGTH] if isinstance(value, str) else write_edn(value)[:ERROR_LENGTH]


def plain(value: Edn) -> Any:
    """An EDN value as JSON has it: keywords, symbols and ratios as text, sets as sorted lists, decimals as floats."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Keyword):
        return value.name
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if isfinite(number) else write_edn(number)
    if isinstance(value, Fraction):
        return write_edn(value)
    if isinstance(value, dict):
        return {_key(key): plain(inner) for key, inner in value.items()}
    items = sorted(value, key=_rank) if isinstance(value, Set) else value
    return [plain(item) for item in items]


def _key(key: Edn) -> str:
    return key.name if isinstance(key, Keyword) else str(key) if isinstance(key, str) else write_edn(key)


def _rank(item: Edn) -> tuple[int, int, str]:
    """Whole numbers in order of size, then words in order, then the rest as it stood."""
    if isinstance(item, int) and not isinstance(item, bool):
        return 0, item, ""
    return (1, 0, str(item)) if isinstance(item, str) else (2, 0, "")


def is_pair(value: Edn) -> bool:
    """Whether it is a vector of two, as ``[key value]`` of independent keys and ``[old new]`` are."""
    return isinstance(value, list) and len(value) == 2 and not isinstance(value, Set)
