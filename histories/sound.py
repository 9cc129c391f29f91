"""Whether columns that came from a file are such as a reader of rows makes them.

Checksums find damage; this finds a file made to harm: numbers without a name, times that run backwards, texts that are
no text. Whatever passes can be used without a further look. Everything is done on whole columns, or once per
different text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from histories.columns import ENDING, NEVER, Calls
from histories.labels import NO_NAME, Labels, Texts
from histories.lines import NO_JSON
from histories.vocabulary import ENDINGS, MODES, OPERATIONS, REFUSALS

_SHIFT, _REST = 32, (1 << 32) - 1
_LARGEST_REST = 10**9
_DIGITS = "0123456789"
_LONGEST = 9
_NO_REACH = 99
_BATCH = 1 << 14


def require_sound(calls: Calls) -> None:
    """Raises ValueError, with the reason, for columns that no reader makes."""
    for name, texts in (("clients", calls.clients), ("locks", calls.locks)):
        names = [text for batch in _texts(name, texts) for text in batch]
        _require(len(set(names)) == len(names), f"two of {name} are the same")
    for name, column, least, most in (
        ("client", calls.client, 0, len(calls.clients) - 1),
        ("lock", calls.lock, 0, len(calls.locks) - 1),
        ("op", calls.op, 0, len(OPERATIONS) - 1),
        ("outcome", calls.outcome, 0, len(ENDINGS) - 1),
        ("mode", calls.mode, 0, len(MODES) - 1),
        ("refusal", calls.refusal, -1, len(REFUSALS) - 1),
        ("permits", calls.permits, 1, (1 << 31) - 1),
        ("inv", calls.inv, 0, NEVER - 1),
        ("ret", calls.ret, 0, NEVER),
    ):
        _within(name, column, least, most)
    _require(bool(np.all(calls.inv[1:] >= calls.inv[:-1])), "the calls are not in order")
    _require(bool(np.all(calls.ret >= calls.inv)), "a call returns before it was made")
    open_ones = calls.outcome == ENDING["open"]
    _require(bool(np.all((calls.ret == NEVER) == open_ones)), "a call is open and has returned")
    for name, labels in (("attempt", calls.attempt), ("owner", calls.owner), ("error", calls.error)):
        _labels(name, labels)
    _require(len(calls) == 0 or int(calls.attempt.keys.min()) > NO_NAME, "a call belongs to no attempt")
    _labels("value", calls.value)
    _values(calls.value)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _once(column: NDArray[Any]) -> NDArray[Any]:
    """The column, only one row of it where all are the same."""
    return column[:1] if column.strides == (0,) else column


def _within(name: str, column: NDArray[Any], least: int, most: int) -> None:
    given = _once(column)
    _require(not len(given) or (int(given.min()) >= least and int(given.max()) <= most), f"{name} is out of range")


def _texts(name: str, texts: Texts) -> Iterator[list[str]]:
    """The texts, some thousands at a time, so that they are never all in memory; raises ValueError for what is none."""
    offsets, data = texts.offsets, texts.data
    _require(len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(data), f"the texts of {name} have no bounds")
    _require(bool(np.all(offsets[1:] >= offsets[:-1])), f"the texts of {name} run backwards")
    for first in range(0, len(texts), _BATCH):
        places = offsets[first : first + _BATCH + 1].tolist()
        whole = data[places[0] : places[-1]].tobytes()
        pieces = (whole[start - places[0] : end - places[0]] for start, end in pairwise(places))
        try:
            yield [piece.decode("utf-8", "surrogatepass") for piece in pieces]
        except UnicodeDecodeError as error:
            raise ValueError(f"the texts of {name} are no UTF-8") from error


def _labels(name: str, labels: Labels) -> None:
    """Each key stands for a name, and no two for the same."""
    hashes, reach, ends = _beginnings(name, labels.prefixes)
    if len(np.unique(hashes)) < len(hashes):
        everything = labels.prefixes.list()
        _require(len(set(everything)) == len(everything), f"two beginnings of {name} are the same")
    keys = _once(labels.keys)
    _within(name, keys, NO_NAME, (len(labels.prefixes) << _SHIFT) - 1)
    keys = keys[keys > NO_NAME]
    rest, prefix = keys & _REST, keys >> _SHIFT
    _within(name, rest, 0, _LARGEST_REST)
    if ends.any():
        digits = np.searchsorted(10 ** np.arange(1, _LONGEST), rest - 1, side="right") + 1
        cut = np.where(rest == 0, ends[prefix], digits + reach[prefix] <= _LONGEST)
        _require(not cut.any(), f"a name of {name} is cut at the wrong place")


def _beginnings(name: str, texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.bool_]]:
    """Of every beginning: its hash, how many digits at its end would belong to a number that follows if there is room
    for them, and whether it ends with a digit at all."""
    hashes = np.empty(len(texts), np.int64)
    reach = np.full(len(texts), _NO_REACH, np.int8)
    ends = np.zeros(len(texts), np.bool_)
    number = 0
    for batch in _texts(name, texts):
        for text in batch:
            hashes[number] = hash(text)
            if text[-1:] in _DIGITS:
                ends[number] = text != ""
                stem = text.rstrip("0")
                if stem and stem[-1] in _DIGITS:
                    reach[number] = min(len(text) - len(stem) + 1, _NO_REACH)
            number += 1
    return hashes, reach, ends


def _values(values: Labels) -> None:
    """Every value is JSON. A whole number needs no look: its key says that it is one."""
    keys = _once(values.keys)
    keys = keys[keys > NO_NAME]
    whole = np.fromiter((text in {"", "-"} for batch in _texts("value", values.prefixes) for text in batch), np.bool_)
    others = keys[~(whole[keys >> _SHIFT] & (keys & _REST > 0))]
    try:
        for key in np.unique(others).tolist():
            msgspec.json.decode(values.name(key) or "")
    except NO_JSON as error:
        raise ValueError("a value is no JSON") from error
