"""What a user may write for --spec, and what is said when it makes no sense."""

from __future__ import annotations

import pytest

from faults.grammar import BadArgument
from histories.spec import Spec
from lockquake.promises import parse_spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("mutex", Spec()),
        ("mutex,lease=2s,refusals=exact", Spec(lease_ns=2_000_000_000, refusals="exact")),
        ("lease=500ms", Spec(lease_ns=500_000_000)),
        ("semaphore,permits=3", Spec(permits=3)),
        ("register,initial=0", Spec(model="register", initial=0)),
        ("anonymous-mutex", Spec(owners="anonymous")),
        ('{"lease_ns": 5, "fenced": true}', Spec(lease_ns=5, fenced=True)),
    ],
)
def test_spec_is_understood(text: str, spec: Spec) -> None:
    assert parse_spec(text) == spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mutx", "is not key=value"),
        ("mutex,leese=2s", "has no 'leese'"),
        ("lease=soon", "is no duration"),
        ("mutex,refusals=some", "no specification"),
        ('{"lease": 5}', "has no 'lease'"),
        ('{"lease_ns": -5}', "lease_ns is -5"),
        ('{"lease_ns": 100000000000000000000}', "no specification|lease_ns is"),
        ("semaphore,permits=0", "permits is 0"),
        ("reentrant-mutex,reentry_limit=0", "reentry_limit is 0"),
        ("mutex,drift=5", "drift is 5"),
        ("{", "no JSON"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        parse_spec(text)
