"""Calls by kind, put together as one history's columns, with the names and numbers that recorded calls have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from histories.columns import NONE, OP, Calls, alike
from histories.labels import NO_NAME, Labels, Texts, pack

_OWNER_DIGITS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """m calls of one kind in any order; a single number stands for m equal ones. Times in ns, ``refusal`` −1: none."""

    lock: NDArray[np.int32]
    client: NDArray[np.int32]
    op: NDArray[np.uint8] | int
    outcome: NDArray[np.uint8] | int
    inv: NDArray[np.int64]
    ret: NDArray[np.int64]
    refusal: int = -1


def to_calls(
    kinds: Sequence[Columns], names: Sequence[str], locks: int, owners: np.random.Generator | None = None
) -> Calls:
    """All of them in order of ``inv``. ``names``: of the clients; their attempts are called c1-1, c1-2, …

    ``owners``: draws an owner value for each attempt, as a lock that writes them has (None: no owner values).
    """
    order = np.argsort(np.concatenate([kind.inv for kind in kinds]), kind="stable")

    def column(name: str, dtype: type[np.generic]) -> NDArray[Any]:
        parts = [np.broadcast_to(np.asarray(getattr(kind, name), dtype), (len(kind.inv),)) for kind in kinds]
        return np.concatenate(parts)[order]

    client, op = column("client", np.int32), column("op", np.uint8)
    acquires = op != OP["release"]
    number, attempt = _counted(client, acquires)
    count = len(client)
    attempts = Labels(client.astype(np.int64) << 32 | attempt + 1, pack(f"{name}-" for name in names))
    nothing = Labels(alike(NO_NAME, count, np.int64), pack([]))
    owner = nothing if owners is None else _owned(acquires, owners)
    return Calls(
        clients=pack(names), locks=pack(f"lock-{i + 1}" for i in range(locks)),
        client=client, number=number, op=op, lock=column("lock", np.int32) if locks > 1 else alike(0, count, np.int32),
        attempt=attempts, inv=column("inv", np.int64), ret=column("ret", np.int64),
        outcome=column("outcome", np.uint8), owner=owner, fence=alike(NONE, count, np.int64),
        lease_until=alike(NONE, count, np.int64), depth=alike(1, count, np.int32), mode=alike(0, count, np.uint8),
        permits=alike(1, count, np.int32), refusal=column("refusal", np.int8), value=nothing, error=nothing,
    )  # fmt: skip


def _owned(acquires: NDArray[np.bool_], random: np.random.Generator) -> Labels:
    """A random owner value of 20 hexadecimal digits for each acquire. The last is a letter, so that the whole value is
    what names have in common, with no number at the end (see :class:`histories.labels.Labels`)."""
    count = int(acquires.sum())
    digits = random.integers(0, 16, (count, _OWNER_DIGITS), np.uint8)
    digits[:, -1] = 10 + digits[:, -1] % 6
    keys = np.full(len(acquires), NO_NAME, np.int64)
    keys[acquires] = np.arange(count) << 32
    data = np.frombuffer(b"0123456789abcdef", np.uint8)[digits.ravel()]
    return Labels(keys, Texts(np.arange(count + 1) * _OWNER_DIGITS, data))


def _counted(client: NDArray[np.int32], acquires: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(each call's number, its attempt's number) among its client's own; a release belongs to the attempt before it."""
    order = np.argsort(client, kind="stable")
    ranked = client[order]
    first = np.flatnonzero(np.diff(ranked, prepend=-1))
    sizes = np.diff(np.append(first, len(order)))
    asked = np.cumsum(acquires[order])
    number, attempt = np.empty((2, len(order)), np.int64)
    number[order] = np.arange(1, len(order) + 1) - np.repeat(first, sizes)
    attempt[order] = asked - np.repeat(asked[first] - acquires[order][first], sizes)
    return number, attempt
