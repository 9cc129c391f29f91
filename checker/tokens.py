"""Fencing tokens in use, and the two ways an order of them is wrong (CHECKERS §5).

Order alone is judged, by real time: it survives leases that lapse, and acquires of unknown effect burn tokens without
harm, so growing is demanded and consecutive is not. One token belongs to one attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """A token of one attempt, put to use at some moment in [inv, ret]; ``number`` leads back to where it is from."""

    fence: int
    attempt: str
    inv: int
    ret: int
    number: int


def reused(tokens: Sequence[Token]) -> tuple[Token, Token] | None:
    """Two attempts with one token, in the order given."""
    seen: dict[int, Token] = {}
    for token in tokens:
        other = seen.setdefault(token.fence, token)
        if other.attempt != token.attempt:
            return other, token
    return None


def backwards(tokens: Sequence[Token]) -> tuple[Token, Token] | None:
    """(one that was over, a later one with a smaller token). In order of tokens the running maximum of ``inv`` must
    stay ≤ every ``ret``."""
    latest: Token | None = None
    for token in sorted(tokens, key=lambda token: (token.fence, token.inv)):
        if latest is not None and token.ret < latest.inv and token.fence > latest.fence:
            return token, latest
        if latest is None or token.inv > latest.inv:
            latest = token
    return None
