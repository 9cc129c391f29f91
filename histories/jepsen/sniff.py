"""Tells what kind of history lies in a file by how it begins, never by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from histories.jepsen.log_line import LOG_LINE

Kind = Literal["jsonl", "columns", "edn", "jepsen-log"]

COLUMNS_MAGIC = b"LQCOLS"
_LOOKED_AT = 64 << 10
_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?(?:[\s,]+|;[^\n]*+)*+")
_EDN_MAP = re.compile(rb"""[\[(]?(?:[\s,]++|;[^\n]*+)*+(?:\#[\w.]++[\s,]*+)?\{[\s,]*+[:\#}]""", re.VERBOSE)
_EDN_SEQUENCE = re.compile(rb"[\[(](?:[\s,]++|;[^\n]*+)*+[\])\[({#]")
_JSON_OBJECT = re.compile(rb'\{\s*+"')


def sniff(path: Path) -> Kind | None:
    """``jsonl`` (ours), ``columns`` (ours, packed), ``edn`` or ``jepsen-log`` (Jepsen's); None: nothing known.

    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT)
    if head.startswith(COLUMNS_MAGIC):
        return "columns"
    blank = _BLANK.match(head)
    begin = blank.end() if blank else 0
    if _JSON_OBJECT.match(head, begin):
        return "jsonl"
    if _EDN_MAP.match(head, begin):
        return "edn"
    if any(LOG_LINE.match(line.decode("utf-8", "replace")) for line in head.splitlines()):
        return "jepsen-log"
    return "edn" if _EDN_SEQUENCE.match(head, begin) else None
