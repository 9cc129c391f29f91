"""Histories of registers and key-value stores, recorded elsewhere: how calls are read, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from random import Random
from typing import Any

import pytest

from checker.search.actions import parts, single
from checker.search.recorded import Judged, judge_calls, together
from checker.search.values import Do, as_text, shown
from histories.build import Story
from histories.columns import NEVER, Call
from histories.spec import Spec

REGISTER = Spec(model="register")
SEVERAL = Spec(model="multi-register")


def call(op: str, value: Any, inv: int, ret: int | None = None, outcome: str = "ok", lock: str = "x") -> Call:
    """One call; without ``ret`` it takes one ns."""
    ret = inv + 1 if ret is None else ret
    return Call(f"p{inv}", 1, op, lock, "", inv, ret, outcome, value=value)  # type: ignore[arg-type]


def judge(*calls: Call, spec: Spec = REGISTER, **options: Any) -> Judged:
    [one] = judge_calls(calls, spec, **options)
    return one


def test_a_register_is_explained_by_an_order() -> None:
    calls = [
        call("write", 1, 0, 9),
        call("read", None, 1),
        call("read", 1, 3),
        call("cas", [1, 2], 5),
        call("read", 2, 7),
    ]
    one = judge(*calls)
    assert (one.valid, one.why) == (True, "")
    assert [c.inv for c in one.order] == [1, 0, 3, 5, 7]


def test_a_stale_read_is_not() -> None:
    one = judge(call("write", 1, 0), call("write", 2, 10), call("read", 1, 20))
    assert one.valid is False
    assert one.why == "call 1 of p20 read 1, but only these values were possible then: one that nobody reads"
    assert one.witness is not None
    assert [one.calls[i].inv for i in one.witness.operations] == [0, 10, 20]


def test_the_initial_value_is_the_specs() -> None:
    assert judge(call("read", 7, 0), spec=Spec(model="register", initial=7)).valid
    assert not judge(call("read", 7, 0)).valid


@pytest.mark.parametrize("outcome", ["info", "open"])
def test_an_unknown_outcome_may_have_taken_effect_later_or_never(outcome: str) -> None:
    write = call("write", 1, 0, NEVER if outcome == "open" else 5, outcome)
    assert judge(write, call("read", None, 10), call("read", 1, 20)).valid
    assert judge(write, call("read", None, 10)).valid
    assert not judge(write, call("read", 1, 10), call("read", None, 20)).valid


def test_what_an_unknown_read_says_does_not_count() -> None:
    assert judge(call("write", 1, 0), call("read", 77, 10, 20, "info")).valid


def test_what_failed_had_no_effect() -> None:
    failed = call("write", 1, 0, outcome="fail")
    assert judge(failed, call("read", None, 10)).valid
    assert not judge(failed, call("read", 1, 10)).valid


def test_a_failed_cas_is_judged_only_if_said() -> None:
    calls = [call("write", 1, 0), call("cas", [1, 2], 10, outcome="fail"), call("read", 1, 20)]
    assert judge(*calls).valid
    one = judge(*calls, failed_cas="judged")
    assert (one.valid, one.why) == (
        False,
        "call 1 of p10 failed to set 1 to 2, but only these values were possible then: 1",
    )
    assert judge(calls[0], call("cas", [3, 2], 10, outcome="fail"), failed_cas="judged").valid


def test_values_of_different_kinds_are_different() -> None:
    for one, other in permutations([1, True, "1", 1.5, None, [1], ["1"], {"a": 1}, [], ""], 2):
        assert judge(call("write", one, 0), call("read", one, 10)).valid
        assert not judge(call("write", one, 0), call("read", other, 10)).valid, (one, other)


def test_maps_are_compared_whatever_the_order_of_their_keys() -> None:
    assert judge(call("write", {"a": 1, "b": [2]}, 0), call("read", {"b": [2], "a": 1}, 10)).valid


def test_keys_are_judged_apart() -> None:
    found = judge_calls(
        [call("write", 1, 0, lock="x"), call("write", 2, 1, lock="y"), call("read", 1, 10, lock="x"),
         call("read", 1, 11, lock="y")], REGISTER
    )  # fmt: skip
    assert {one.name: one.valid for one in found} == {"x": True, "y": False}


def test_strings_and_lists_are_appended_to() -> None:
    for initial, pieces, whole in (("", ["a", "bc"], "abc"), ([], [1, 2], [1, 2]), (None, [1, [2]], [1, [2]])):
        calls = [call("append", pieces[0], 0), call("append", pieces[1], 10), call("read", whole, 20)]
        assert judge(*calls, spec=Spec(model="register", initial=initial)).valid, whole
        calls[0], calls[1] = call("append", pieces[1], 0), call("append", pieces[0], 10)
        assert not judge(*calls, spec=Spec(model="register", initial=initial)).valid, whole


def test_nothing_and_an_empty_list_are_the_same_where_calls_append() -> None:
    append, read = call("append", 1, 10), call("read", [], 0)
    assert judge(read, append).valid
    assert judge(call("write", [], 0), call("read", None, 5), append).valid
    assert not judge(read).valid


def test_an_element_that_was_appended_once_is_read_once() -> None:
    one = judge(call("append", 1, 0), call("append", 2, 0), call("read", [1, 2], 10), call("read", [2, 1], 20))
    assert one.valid is False
    assert one.why.startswith("call 1 of p20 read [2,1]")


def test_transactions_read_and_write_several_registers_at_once() -> None:
    swap = [["r", "a", 1], ["w", "a", 2], ["r", "b", 2], ["w", "b", 1]]
    calls = [call("write", {"a": 1, "b": 2}, 0), call("txn", swap, 10), call("read", {"a": 2, "b": 1}, 20)]
    one = judge(*calls, spec=SEVERAL)
    assert (one.valid, one.keys) == (True, ("a", "b"))
    one = judge(*calls[:2], call("read", {"a": 2, "b": 2}, 20), spec=SEVERAL)
    assert (one.valid, one.why) == (False, "call 1 of p20 fits no state that was possible then")


def test_reads_of_an_unknown_transaction_do_not_count() -> None:
    first = call("txn", [["w", "a", 9], ["w", "b", None]], 0)
    lost = call("txn", [["r", "a", None], ["w", "a", 5], ["append", "b", 1]], 2, 3, "info")
    assert judge(first, lost, call("txn", [["r", "a", 5], ["r", "b", [1]]], 10), spec=SEVERAL).valid
    assert not judge(first, lost, call("txn", [["r", "a", 5], ["r", "b", None]], 10), spec=SEVERAL).valid


def test_the_initial_values_of_several_registers() -> None:
    read = call("read", {"a": 1, "b": None}, 0)
    assert judge(read, spec=Spec(model="multi-register", initial={"a": 1})).valid
    assert not judge(read, spec=Spec(model="multi-register", initial=1)).valid


def test_registers_that_no_transaction_touches_together_are_judged_apart() -> None:
    calls = [
        call("txn", [["w", "a", 1], ["w", "b", 1]], 0), call("txn", [["w", "b", 2], ["w", "c", 1]], 10),
        call("txn", [["w", "d", 1]], 20), call("txn", [["r", "d", None]], 30), call("read", {}, 40),
    ]  # fmt: skip
    found = judge_calls(calls, SEVERAL)
    assert {one.keys: one.valid for one in found} == {("a", "b", "c"): True, ("d",): False}


def test_keys_belong_together_by_way_of_others() -> None:
    done = Do("write", "1")
    found = together(
        [[("a", done)], [("b", done), ("c", done)], [("d", done), ("b", done)], [("c", done), ("a", done)]]
    )
    assert {frozenset(keys) for keys in found} == {frozenset("abcd")}


def test_apart_or_together_the_verdict_is_the_same() -> None:
    """Locality: a history is linearizable if each of its objects is, so a call that joins them changes nothing."""
    verdicts = set()
    for seed in range(60):
        random = Random(seed)
        calls = []
        for _ in range(8):
            word, key = random.choice(("r", "w")), random.choice("ab")
            inv = 2 * random.randrange(6)
            calls.append(call("txn", [[word, key, random.choice((None, 1, 2))]], inv, inv + random.randrange(1, 6)))
        apart = all(one.valid for one in judge_calls(calls, SEVERAL))
        joined = [*calls, call("txn", [["w", "a", 9], ["w", "b", 9]], 100)]
        [whole] = judge_calls(joined, SEVERAL)
        assert whole.valid is apart, seed
        verdicts.add(apart)
    assert verdicts == {True, False}


BAD: dict[str, tuple[Callable[[Call], Any], Call, str]] = {
    "cas": (single, call("cas", 3, 0), r"a cas needs \[old, new\], not 3"),
    "lock": (single, call("acquire", None, 0), "a register has no acquire"),
    "no transaction": (parts, call("txn", 5, 0), "a transaction is a list"),
    "no part": (parts, call("txn", [["r", "a"]], 0), r"\[operation, key, value\], not \['r', 'a'\]"),
    "no verb": (parts, call("txn", [["z", "a", 1]], 0), r"not \['z', 'a', 1\]"),
    "no map": (parts, call("write", 5, 0), "a write of several registers needs a map"),
    "no several": (parts, call("append", 5, 0), "several registers have no append"),
}


@pytest.mark.parametrize(("read", "wrong", "message"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_said(read: Callable[[Call], Any], wrong: Call, message: str) -> None:
    with pytest.raises(ValueError, match=r"call 1 of p0 .*on 'x'.*: .*" + message):
        read(wrong)


def test_a_history_of_locks_is_not_a_stores() -> None:
    with pytest.raises(ValueError, match="model = lock"):
        judge_calls([], Spec())


def test_it_takes_the_calls_of_a_file() -> None:
    """Columns and objects are judged alike; calls of locks do not come in here."""
    story = Story(REGISTER, lock="x").write("A", 0, 1, 5).read("B", 2, 3, 5).write("A", 4, None, 6).read("B", 6, 7, 6)
    found = judge_calls(story.history().calls, REGISTER)
    assert [(one.name, one.valid, len(one.order)) for one in found] == [("x", True, 4)]
    story.read("B", 8, 9, 5)
    assert [one.valid for one in judge_calls(story.history().calls, REGISTER)] == [False]


@pytest.mark.parametrize("value", [None, 1, -2.5, True, "", 'a"b\n', [], [1, "x", [2]], {"b": 1, "a": None}])
def test_values_are_shown_as_json(value: Any) -> None:
    assert json.loads(shown(as_text(value))) == value
