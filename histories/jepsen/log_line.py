"""One line of Jepsen's console log (``jepsen.log``) or of its ``history.txt``.

``INFO [2024-07-14 10:28:16,721] jepsen worker 4 - jepsen.util 14 :ok :read [11 3]``, with a dash before or after the
logger's name, or with nothing before the process at all. The columns are parted by tabs, or by spaces where they were
copied from a terminal. An error comes last; old logs have it in place of the value.
"""

from __future__ import annotations

import re
from functools import lru_cache

from histories.edn import Edn, Symbol, read_first
from histories.errors import HistoryError
from histories.jepsen.operation import Op, text_of
from histories.jepsen.source import Source

_LOGGER = r".{0,200}?\bjepsen\.util\s++(?:-\s++)?"
LOG_LINE = re.compile(
    rf"(?:{_LOGGER})?(?P<process>\d{{1,15}}|:[^\s:]\S*)\s++:(?P<kind>invoke|ok|fail|info)\s++(?P<rest>:\S.*)", re.DOTALL
)
"""A line that tells of an operation."""

_ALMOST = re.compile(rf"{_LOGGER}(?:\d+|:\S+)\s*\t")
_KEPT_LENGTH = 200
_F = re.compile(r":(?P<f>[^\s,;\"()\[\]{}]+)(?P<rest>\s.*)?", re.DOTALL)


def op_of_line(text: str, line: int, source: Source) -> Op | None:
    """The operation a line tells of; None for any other line. Raises HistoryError where it begins as one only."""
    match = LOG_LINE.match(text)
    if match is None:
        if _ALMOST.match(text):
            raise source.error(line, "this line of jepsen.util names a process, but tells of no operation of it")
        return None
    f = _F.fullmatch(match["rest"])
    if f is None:
        raise source.error(line, f"{match['rest'][:40]!r} where the name of an operation was expected")
    value, error = _value_and_error((f["rest"] or "").strip(" \t\r\n"), match["kind"], line, source)
    process = match["process"]
    number = int(process) if process[0] != ":" else process[1:]
    return Op(line=line, kind=match["kind"], process=number, f=f["f"], value=value, error=error)


def _value_and_error(text: str, kind: str, line: int, source: Source) -> tuple[Edn, str | None]:
    if not text:
        return None, None
    value_text, tab, error = text.partition("\t")
    try:
        value, rest = _first(value_text) if len(value_text) < _KEPT_LENGTH else read_first(value_text, "", 1)
    except HistoryError:
        if kind in {"fail", "info"}:
            return None, text_of(text)
        value, rest = read_first(value_text, str(source.path), line)
    if rest.strip() and (tab or kind in {"invoke", "ok"}):
        raise source.error(line, f"{rest.strip()[:40]!r} after the value")
    if rest.strip() and isinstance(value, Symbol):
        return None, text_of(text)
    error = error if tab else rest
    error = error.strip()
    return value, (text_of(error.removeprefix(":") if " " not in error else error) or None)


@lru_cache(maxsize=4096)
def _first(text: str) -> tuple[Edn, str]:
    """The first form and what follows; most values come again and again. Nobody changes what is given here."""
    return read_first(text, "", 1)
