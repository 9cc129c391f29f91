"""What one check of the doctor saw."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["ok", "missing", "optional"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check saw. ``missing`` keeps ``platform`` (every one, where it is empty) from being used, ``optional``
    only what ``found`` names.

    ``remedy``: the command, or the sentence, that would change it; empty where all is well.
    """

    check: str
    state: State
    found: str
    remedy: str = ""
    platform: str = ""


def split(reason: str) -> tuple[str, str]:
    """A sentence with its remedy behind a semicolon → what was seen, what would change it."""
    seen, _, remedy = reason.partition("; ")
    return seen, remedy
