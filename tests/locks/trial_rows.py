"""The rows of a finished trial, for what no verdict says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from histories.read import MERGED, read_rows
from histories.rows import Event

if TYPE_CHECKING:
    from lockquake.testing import TrialResult

Kind = TypeVar("Kind", bound=Event)


def rows_of(result: TrialResult, kind: type[Kind]) -> list[Kind]:
    """The rows of one kind, in order of time."""
    return [row for row in read_rows(result.directory / MERGED, []) if isinstance(row, kind)]
