"""The tokens of EDN text, from a stream of bytes: lines are counted, and no more than one form is held."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from histories.errors import HistoryError

FORM_LIMIT = 16 << 20
"""Characters a form may have. The longest of Jepsen's operations, a read of a whole set, has well under a million."""

_CHUNK = 1 << 20
_TOKEN = re.compile(
    r"""
    (?:[\s,]++|;[^\n]*+)*+
    (?: (?P<atom>(?:\#\#)?[^\s,;"()\[\]{}\#\\^@`~][^\s,;"()\[\]{}\\^@`~]*+)
      | (?P<open>[(\[{]|\#\{|\#:[^\s,;"()\[\]{}]*+[\s,]*+\{)
      | (?P<close>[)\]}])
      | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")
      | (?P<pattern>\#"[^"\\]*+(?:\\.[^"\\]*+)*+")
      | (?P<unreadable>\#<[^>\n]*+>)
      | (?P<char>\\.[^\s,;"()\[\]{}\\]*+)
      | (?P<prefix>\#_|\#[^\s,;"()\[\]{}\#<:_\\][^\s,;"()\[\]{}\\]*+|\^)
      | (?P<end>\Z) )
    """,
    re.VERBOSE | re.DOTALL,
)
_GAP = re.compile(r"(?:[\s,]++|;[^\n]*+)*+")


class Tokens:
    """Gives (kind, text) of each token. Kinds: open, close, prefix (``#_``, ``^``, ``#tag``), atom, string, char,
    pattern and unreadable. ``line``: number of the first line."""

    def __init__(self, file: BinaryIO, name: str, limit: int = FORM_LIMIT, line: int = 1) -> None:
        self._file = file
        self._name = name
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._start = 0
        """Where the last token began."""
        self._form = 0
        """Where the form it lies in began; negative where that part of the text has been let go."""
        self._end = 0
        """Where it ended."""
        self._counted = 0
        self._line = line
        self._done = False

    def __iter__(self) -> Iterator[tuple[str, str]]:
        text, at, length, limit = self._text, 0, 0, self._limit
        while True:
            match = _TOKEN.match(text, at)
            kind = match.lastgroup or "" if match else ""
            start, end = match.span(kind) if match else (at, length)
            # A token that touches the end of what was read may go on.
            if end == length and not self._done:
                self._read_on(at)
                text, at, length = self._text, 0, len(self._text)
                continue
            if match is None:
                raise self._unreadable("the file ends inside a string", at)
            self._start = start
            self._end = at = end
            if kind == "end":
                return
            yield kind, text[start:end]
            if end - self._form > limit:
                raise self.error(f"the form is longer than {limit:,} characters")

    def begin_form(self) -> int:
        """The last token begins a form: its line."""
        self._form = self._start
        return self._line_at(self._start)

    def rest(self) -> str:
        """What was read, but not yet given as tokens."""
        return self._text[self._end :]

    def error(self, what: str) -> HistoryError:
        """The error to raise at the last token."""
        return HistoryError(f"{self._name}: line {self._line_at(self._start)}: {what}; this is no EDN a history has")

    def _line_at(self, place: int) -> int:
        self._line += self._text.count("\n", self._counted, place)
        self._counted = max(place, self._counted)
        return self._line

    def _read_on(self, at: int) -> None:
        """Let go what lies before ``at``, and read at least as much again as is still held."""
        if len(self._text) - at > self._limit:
            raise self._unreadable(f"a string does not end within {self._limit:,} characters", at)
        self._line_at(at)
        self._form -= at
        self._text, self._start, self._end, self._counted = self._text[at:], 0, 0, 0
        data = self._file.read(max(_CHUNK, len(self._text)))
        self._done = not data
        try:
            self._text += self._decoder.decode(data, final=self._done)
        except UnicodeDecodeError as error:
            self._line_at(len(self._text))
            self._line += bytes(error.object[: error.start]).count(b"\n")
            raise HistoryError(f"{self._name}: line {self._line} is not UTF-8 text ({error.reason})") from error

    def _unreadable(self, open_string: str, at: int) -> HistoryError:
        gap = _GAP.match(self._text, at)
        self._start = gap.end() if gap else at
        seen = self._text[self._start : self._start + 40]
        if seen[:1] == '"':
            return self.error(open_string)
        if not seen or _TOKEN.match(seen):
            return self.error(f"nothing ends within {self._limit:,} characters")
        return self.error(f"{seen!r} where a value was expected")
