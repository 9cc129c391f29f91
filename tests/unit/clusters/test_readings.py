"""Why a key ended that nobody notified us of."""

from __future__ import annotations

from typing import Any

import pytest

from nuclei.clusters.observers.readings import Reading, unnotified_end

MS = 1_000_000


def reading(**changed: Any) -> Reading:
    plain: dict[str, Any] = {
        "t": 0, "value": "A", "ttl": -1, "role": "primary", "run_id": "r1", "replication": "d1", "flushes": 3,
    }  # fmt: skip
    return Reading(**{**plain, **changed})


@pytest.mark.parametrize(
    ("last", "now", "reason"),
    [
        ({}, {}, "unknown"),
        ({}, {"run_id": "r2", "replication": "d2", "flushes": 0}, "restart"),
        ({}, {"flushes": 4}, "flushed"),
        ({}, {"role": "replica", "replication": "d2"}, "resync"),
        # The new id came with an earlier reading, the data with this one.
        ({"role": "replica", "replication": "d2"}, {"role": "replica", "replication": "d2"}, "resync"),
        # A promoted replica gets an id of its own and keeps its data.
        ({"role": "replica"}, {"role": "primary", "replication": "d2"}, "unknown"),
        ({"ttl": 200}, {"t": 200 * MS}, "expired"),
        ({"ttl": 200}, {"t": 199 * MS}, "unknown"),
    ],
)
def test_what_else_has_changed_is_the_reason(last: dict[str, Any], now: dict[str, Any], reason: str) -> None:
    assert unnotified_end(reading(), reading(**last), reading(**now)) == reason


def test_nothing_is_known_of_what_was_never_read() -> None:
    assert unnotified_end(None, None, reading()) == "unknown"
