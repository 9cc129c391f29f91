"""Histories drawn at random, and what their calls must be, said row by row."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from histories.columns import NEVER
from histories.columns import Call as PairedCall
from histories.rows import FORMAT_VERSION, AnyRow, Call, Effect, Header, Return, Server, Told
from histories.spec import Spec
from histories.vocabulary import MODES, OPERATIONS, OUTCOMES, REFUSALS

HEADER = Header(t=0, version=FORMAT_VERSION, spec=Spec(lease_ns=2_000_000_000), plan={"a": [1, None]})

names = st.text(max_size=6) | st.from_regex(r"\A[a-c]?0*[0-9]{0,11}\Z") | st.sampled_from(["c1", "c2", "lock"])
times = st.integers(0, 60) | st.integers(0, NEVER - 1)
whole = st.integers(-5, 5) | st.integers(-(1 << 63) + 1, (1 << 63) - 1)
small = st.integers(-5, 5) | st.integers(-(1 << 31), (1 << 31) - 1)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: not has_big(value))


def has_big(value: Any) -> bool:
    """Whether there is a whole number in it that is longer than JSON decoders take."""
    if isinstance(value, dict):
        return any(map(has_big, value.values()))
    if isinstance(value, list):
        return any(map(has_big, value))
    return isinstance(value, int) and abs(value) >= 1 << 64


@st.composite
def pairs(draw: st.DrawFn) -> list[AnyRow]:
    """Call rows and most of their return rows, in any order."""
    keys = draw(st.lists(st.tuples(names, whole), unique=True, max_size=8))
    rows: list[AnyRow] = []
    for client, number in keys:
        same: dict[str, Any] = {
            "client": client,
            "call": number,
            "op": draw(st.sampled_from(OPERATIONS)),
            "lock": draw(names),
            "attempt": draw(names),
        }
        call = draw(
            st.builds(
                Call, t=times, owner=st.none() | names, fence=st.none() | whole, mode=st.sampled_from(MODES),
                permits=st.integers(1, (1 << 31) - 1), value=values,
                **{name: st.just(value) for name, value in same.items()},
            )
        )  # fmt: skip
        rows.append(call)
        if draw(st.integers(0, 4)):
            rows.append(draw(returns(call, same)))
    return draw(st.permutations(rows))


def returns(call: Call, same: dict[str, Any]) -> st.SearchStrategy[Return]:
    """A return row of a call."""
    return st.builds(
        Return, t=st.integers(call.t, min(call.t + 50, NEVER - 1)) | st.integers(call.t, NEVER - 1),
        outcome=st.sampled_from(OUTCOMES), owner=st.none() | names, fence=st.none() | whole,
        lease_until=st.none() | whole, depth=small, refusal=st.none() | st.sampled_from(REFUSALS), value=values,
        error=st.none() | st.text(max_size=8), **{name: st.just(value) for name, value in same.items()},
    )  # fmt: skip


others: st.SearchStrategy[list[AnyRow]] = st.lists(
    st.builds(Told, t=times, client=names, lock=names, attempt=names)
    | st.builds(Server, t=times, node=names, event=st.sampled_from(["began", "ended"]), owner=st.none() | names)
    | st.builds(Effect, t=times, seq=st.integers(0, 9), resource=names, amount=st.floats(-9, 9)),
    max_size=4,
)
histories: st.SearchStrategy[list[AnyRow]] = st.builds(lambda calls, rest: [HEADER, *calls, *rest], pairs(), others)


def expected_calls(rows: list[AnyRow]) -> list[PairedCall]:
    """The calls that rows amount to, found one by one."""
    calls = [row for row in rows if isinstance(row, Call)]
    came = {(row.client, row.call): row for row in rows if isinstance(row, Return)}
    paired = []
    for place, row in enumerate(sorted(calls, key=lambda call: call.t)):
        call = PairedCall(
            row.client, row.call, row.op, row.lock, row.attempt, row.t, owner=row.owner, fence=row.fence,
            mode=row.mode, permits=row.permits, value=row.value, row=place,
        )  # fmt: skip
        if (back := came.get((row.client, row.call))) is not None:
            call.ret, call.outcome, call.error = back.t, back.outcome, back.error
            call.lease_until, call.depth, call.refusal = back.lease_until, back.depth, back.refusal
            call.owner = row.owner if back.owner is None else back.owner
            call.fence = row.fence if back.fence is None else back.fence
            call.value = row.value if back.value is None else back.value
        paired.append(call)
    return paired
