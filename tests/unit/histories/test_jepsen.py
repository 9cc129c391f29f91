"""Jepsen's histories in EDN become calls, grants, refusals and faults as Jepsen means them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from histories.errors import HistoryError
from histories.history import History, arrange
from histories.jepsen import read_jepsen, read_jepsen_log
from histories.jepsen.words import HEALS, MICRO, OPERATION
from histories.rows import Fault, Leave
from histories.spec import Spec
from histories.vocabulary import OPERATIONS
from tests.unit.histories.alike import calls_of

DATA = Path(__file__).parent / "data"


def history_of(text: str, tmp_path: Path, spec: Spec | None = None) -> History:
    file = tmp_path / "h.edn"
    file.write_text(text, encoding="utf-8")
    remarks: list[str] = []
    return arrange(read_jepsen(file, spec, remarks), file, remarks)


def ops(*lines: str) -> str:
    """Operations 1 ms apart: ``0 invoke acquire nil``, and what else the map holds."""
    maps = []
    for number, line in enumerate(lines):
        process, kind, f, value = (line + " nil").split(" ", 4)[:4]
        rest = line.split(" ", 4)[4] if line.count(" ") > 3 else ""
        maps.append(f"{{:process {process} :type :{kind} :f :{f} :value {value} :time {number}000000 {rest}}}")
    return "[" + "\n".join(maps) + "]"


def short(history: History, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(call, name) for name in names) for call in calls_of(history)]


def said(history: History, words: str) -> bool:
    return any(words in remark and remark.startswith("h.edn: ") for remark in history.remarks)


def test_a_mutex_with_refusals_a_crash_and_a_partition() -> None:
    remarks: list[str] = []
    history = arrange(read_jepsen(DATA / "mutex.edn", None, remarks), None, remarks)
    assert short(history, "client", "number", "op", "attempt", "outcome", "refusal", "error") == [
        ("p1", 1, "release", "p1-0", "fail", "not-held", "not-held"),
        ("p0", 1, "acquire", "p0-1", "ok", None, None),
        ("p0", 2, "acquire", "p0-2", "fail", "limit", "already-held"),
        ("p1", 2, "acquire", "p1-1", "ok", None, None),
        ("p0", 3, "release", "p0-1", "ok", None, None),
        ("p2", 1, "acquire", "p2-1", "info", None, '[:timeout "no answer in 5 s"]'),
        ("p1", 3, "release", "p1-1", "info", None, "connection-lost"),
        ("p6", 1, "acquire", "p6-1", "open", None, None),
    ]
    assert {call.lock for call in calls_of(history)} == {"lock"}
    faults = [(row.fault, row.name, row.state, row.targets, row.t) for row in history.rows if isinstance(row, Fault)]
    assert faults == [
        ("n1", "nemesis", "asked", [], 240_000),
        ("n1", "nemesis", "proven", ["n1", "n2", "n3"], 260_000),
        ("n1", "nemesis", "heal-asked", [], 320_000),
        ("n1", "nemesis", "healed", [], 330_000),
    ]
    assert history.header.spec == Spec()
    assert [remark.partition(": ")[2] for remark in remarks] == [
        "1 times ran against the order of the operations, which counts; they were raised, by at most 0.005 ms",
        "1 × :acquire :fail, such as 'already-held', read as refused (limit)",
        "1 × :release :fail, such as 'not-held', read as refused (not-held)",
        "no spec was given; judged as a mutex with owners and no lease",
    ]


def test_independent_registers_in_a_stream_of_maps() -> None:
    remarks: list[str] = []
    history = arrange(read_jepsen(DATA / "register.edn", None, remarks), None, remarks)
    assert short(history, "client", "op", "lock", "value", "outcome", "inv") == [
        ("p0", "write", "x", 1, "ok", 1_000_000),
        ("p1", "cas", "x", [1, 2], "fail", 3_000_000),
        ("p2", "read", "y", None, "ok", 3_500_000),
        ("p0", "write", "y", 3, "info", 5_000_000),
        ("p5", "read", "y", 3, "ok", 9_500_000),
    ]
    assert history.header.spec == Spec(model="register")
    assert any("each key is taken to be a register of its own" in remark for remark in remarks)
    assert not any("read as" in remark for remark in remarks)


def test_transactions_in_elles_shape() -> None:
    remarks: list[str] = []
    history = arrange(read_jepsen(DATA / "append.edn", None, remarks), None, remarks)
    assert short(history, "client", "op", "lock", "value", "inv", "ret") == [
        ("p0", "txn", "register", [["append", 253, 1], ["read", 255, []]], 0, 1000),
        ("p0", "txn", "register", [["append", 255, 8], ["read", 253, [1]], ["write", "z", [1, 2]]], 2000, 3000),
    ]
    assert history.header.spec == Spec(model="multi-register")
    assert any("without :process" in remark for remark in remarks)
    assert any("1 µs apart" in remark for remark in remarks)


def test_a_crashed_transaction_keeps_what_it_asked_for(tmp_path: Path) -> None:
    history = history_of(ops("0 invoke txn [[:r,1,nil]]", "0 info txn :timed-out"), tmp_path)
    assert short(history, "value", "error") == [([["read", 1, None]], "timed-out")]


@pytest.mark.parametrize(
    ("f", "error", "outcome", "refusal"),
    [
        ("acquire", "", "fail", "busy"),
        ("try-lock", ":error :quorum", "fail", "busy"),
        ("lock", ':error [:timed-out "after 5 s"]', "info", None),
        ("acquire", ":error :timeout", "info", None),
        ("acquire", ':error "io.grpc: DEADLINE_EXCEEDED"', "info", None),
        ("acquire", ":error :already-held", "fail", "limit"),
        ("acquire", ':error "Connection refused"', "fail", "not-asked"),
        ("release", "", "fail", "not-held"),
        ("unlock", ":error :lease-not-found", "fail", "not-held"),
        ("release", ":error :timed-out", "info", None),
        ("renew", ":error :already-held", "fail", "not-held"),
        ("renew", ":error :no-leader", "fail", "not-asked"),
        ("read", ":error :timed-out", "fail", None),
    ],
)
def test_failures_are_read_by_their_error(
    f: str, error: str, outcome: str, refusal: str | None, tmp_path: Path
) -> None:
    history = history_of(ops(f"3 invoke {f}", f"3 fail {f} nil {error}"), tmp_path)
    assert short(history, "op", "outcome", "refusal") == [(OPERATION[f], outcome, refusal)]
    assert said(history, f":{f} :fail") == (f != "read")


def test_what_follows_an_indeterminate_operation_is_another_client(tmp_path: Path) -> None:
    history = history_of(
        ops(
            "3 invoke acquire", "3 ok acquire", "3 invoke renew", "3 info renew",
            "3 invoke release", "3 ok release", "3 invoke acquire", "3 invoke acquire",
        ),
        tmp_path,
    )  # fmt: skip
    assert short(history, "client", "number", "op", "attempt", "outcome") == [
        ("p3", 1, "acquire", "p3-1", "ok"),
        ("p3", 2, "renew", "p3-1", "info"),
        ("p3.2", 1, "release", "p3.2-0", "ok"),
        ("p3.2", 2, "acquire", "p3.2-1", "open"),
        ("p3.3", 1, "acquire", "p3.3-1", "open"),
    ]
    leaves = [row for row in history.rows if isinstance(row, Leave)]
    assert leaves == [Leave(t=3_000_000, client="p3", lock="lock", attempt="p3-1", why="retired")]
    assert said(history, "1 operations never came back")


def test_a_holder_that_never_came_back_left_when_it_was_last_seen(tmp_path: Path) -> None:
    lines = ["3 invoke acquire", "3 ok acquire", "3 invoke renew", "4 invoke acquire", "3 invoke acquire"]
    history = history_of(ops(*lines), tmp_path)
    assert [(row.t, row.client) for row in history.rows if isinstance(row, Leave)] == [(2_000_000, "p3")]


def test_a_release_that_had_begun_is_how_the_holder_left(tmp_path: Path) -> None:
    history = history_of(ops("3 invoke acquire", "3 ok acquire", "3 invoke release", "3 info release"), tmp_path)
    assert history.rows == []


def test_a_timed_out_acquire_makes_room_for_a_fresh_client_but_not_for_a_holder(tmp_path: Path) -> None:
    fail = ":error :timeout"
    lines = ["3 invoke acquire", f"3 fail acquire nil {fail}", "3 invoke acquire", "3 ok acquire", "3 invoke release"]
    lines += [f"3 fail release nil {fail}", "3 invoke release", "3 ok release", "3 invoke acquire", "3 ok acquire"]
    lines += ["3 invoke renew", f"3 fail renew nil {fail}", "3 invoke release", "3 ok release"]
    history = history_of(ops(*lines), tmp_path)
    assert short(history, "client", "op", "attempt") == [
        ("p3", "acquire", "p3-1"),
        ("p3.2", "acquire", "p3.2-1"),
        ("p3.2", "release", "p3.2-1"),
        ("p3.2", "release", "p3.2-1"),
        ("p3.3", "acquire", "p3.3-1"),
        ("p3.3", "renew", "p3.3-1"),
        ("p3.3", "release", "p3.3-1"),
    ]


def test_a_holder_of_another_lock_stays_who_it_is(tmp_path: Path) -> None:
    lines = ["3 invoke acquire [:a,nil]", "3 ok acquire [:a,nil]", "3 invoke acquire [:b,nil]"]
    lines += ["3 fail acquire [:b,nil] :error :timeout", "3 invoke acquire [:b,nil]", "3 ok acquire [:b,nil]"]
    history = history_of(ops(*lines, "3 invoke release [:a,nil]", "3 ok release [:a,nil]"), tmp_path)
    assert short(history, "client", "op", "lock", "attempt") == [
        ("p3", "acquire", "a", "p3-1"),
        ("p3", "acquire", "b", "p3-2"),
        ("p3", "acquire", "b", "p3-3"),
        ("p3", "release", "a", "p3-1"),
    ]


@pytest.mark.parametrize(
    ("value", "rest", "fence"),
    [
        ("7", "", 7),
        ("{:fence,7,:client,:x}", "", 7),
        ('{"fencing-token",7}', "", 7),
        ("{:fence,0}", "", None),
        ("nil", ":fence 7", 7),
        ("nil", ":token 7", 7),
        ("true", "", None),
        ('"7"', "", None),
        ("nil", "", None),
    ],
)
def test_fencing_tokens_are_found(value: str, rest: str, fence: int | None, tmp_path: Path) -> None:
    history = history_of(ops("0 invoke acquire", f"0 ok acquire {value} {rest}"), tmp_path)
    assert short(history, "fence") == [(fence,)]
    assert history.header.spec.fenced == (fence is not None)


def test_a_value_echoed_from_the_call_is_no_fencing_token(tmp_path: Path) -> None:
    history = history_of(ops("0 invoke acquire 7", "0 ok acquire 7", "0 invoke release 7", "0 ok release 7"), tmp_path)
    assert short(history, "fence", "lock") == [(None, "lock"), (None, "lock")]


def test_independent_locks(tmp_path: Path) -> None:
    lines = ["0 invoke acquire [:a,nil]", "1 invoke acquire [2,nil]", "0 ok acquire [:a,5]", "1 ok acquire [2,6]"]
    history = history_of(ops(*lines, "0 invoke release [:a,nil]", "0 fail release [:a,nil]"), tmp_path)
    assert short(history, "lock", "fence", "attempt") == [("a", 5, "p0-1"), ("2", 6, "p1-1"), ("a", None, "p0-1")]
    assert said(history, "each key is taken to be a lock of its own")


def test_a_value_may_name_the_lock_where_processes_share_it(tmp_path: Path) -> None:
    shared = [f"{process} {kind} acquire :{name}" for process in (0, 1) for name in "ab" for kind in ("invoke", "ok")]
    assert {lock for (lock,) in short(history_of(ops(*shared), tmp_path), "lock")} == {"a", "b"}
    owners = [f'{process} {kind} acquire "owner-{process}"' for process in (0, 1) for kind in ("invoke", "ok")]
    assert {lock for (lock,) in short(history_of(ops(*owners), tmp_path), "lock")} == {"lock"}


def test_pairs_that_are_values_are_no_keys(tmp_path: Path) -> None:
    lines = ["0 invoke cas [1,2]", "0 ok cas [1,2]", "1 invoke read", "1 ok read [3,4]"]
    assert short(history_of(ops(*lines), tmp_path), "lock", "value") == [("register", [1, 2]), ("register", [3, 4])]
    only = ["0 invoke write [1,2]", "0 ok write [1,2]"]
    assert short(history_of(ops(*only), tmp_path), "lock", "value") == [("register", [1, 2])]


def test_what_a_lock_protects_belongs_to_the_attempt_that_holds_it(tmp_path: Path) -> None:
    lines = ["0 invoke acquire", "0 ok acquire", "0 invoke write 4", "0 ok write 4", "0 invoke read", "0 ok read 4"]
    history = history_of(ops(*lines), tmp_path)
    assert short(history, "op", "lock", "attempt", "value") == [
        ("acquire", "lock", "p0-1", None),
        ("write", "lock", "p0-1", 4),
        ("read", "lock", "p0-1", 4),
    ]


def test_operations_that_are_neither_are_left_out_of_locks_only(tmp_path: Path) -> None:
    lines = ["0 invoke acquire", "0 ok acquire", "1 invoke add 5", "1 info add 5", "1 invoke acquire"]
    history = history_of(ops(*lines), tmp_path)
    assert short(history, "client", "op") == [("p0", "acquire"), ("p1.2", "acquire")]
    assert said(history, "left out 1 × :add")
    with pytest.raises(HistoryError, match=r"h\.edn: line 3: 1 × :add: neither"):
        history_of(ops("0 invoke read", "0 ok read", "1 invoke add 5"), tmp_path)


def test_order_counts_not_time_but_for_leases(tmp_path: Path) -> None:
    """The completion is written down before the second invocation, whose time is a little earlier."""
    text = "".join(
        f"{{:process {process} :type :{kind} :f :acquire :time {time}}}"
        for process, kind, time in [
            (0, "invoke", 10),
            (0, "ok", 20),
            (1, "invoke", 15),
            (1, "ok", 20),
            (0, "invoke", 30),
        ]
    )
    assert short(history_of(text, tmp_path), "inv", "ret") == [(10, 20), (21, 21), (30, 1 << 62)]
    leased = history_of(text, tmp_path, Spec(lease_ns=100))
    assert short(leased, "inv", "ret") == [(10, 20), (15, 20), (30, 1 << 62)]
    assert not said(leased, "ran against")


def test_a_process_does_not_go_back_in_time(tmp_path: Path) -> None:
    text = "{:process 0 :type :invoke :f :lock :time 9} {:process 0 :type :ok :f :lock :time 7}"
    assert short(history_of(text, tmp_path, Spec(lease_ns=100)), "inv", "ret") == [(9, 9)]


@pytest.mark.parametrize("time", ["", ":time -1", ":time 0"])
def test_without_times_places_are_times(time: str, tmp_path: Path) -> None:
    text = f"{{:process 0 :type :invoke :f :read {time}}} {{:process 0 :type :ok :f :read {time}}}"
    history = history_of(text, tmp_path)
    assert short(history, "inv", "ret") == [(0, 1000)]
    assert said(history, "1 µs apart")


def test_a_lease_is_not_judged_without_times(tmp_path: Path) -> None:
    text = "{:process 0 :type :invoke :f :lock} {:process 0 :type :ok :f :lock}"
    with pytest.raises(HistoryError, match=r"h\.edn: line 1: no useful times, but a lease"):
        history_of(text, tmp_path, Spec(lease_ns=100))
    with pytest.raises(HistoryError, match=r"mutex\.log: line 2: no useful times, but a lease"):
        read_jepsen_log(DATA / "mutex.log", Spec(session_ns=100), [])


def test_negative_times_are_moved(tmp_path: Path) -> None:
    text = "{:process 0 :type :invoke :f :read :time -50} {:process 0 :type :ok :f :read :time 1.5e1}"
    assert short(history_of(text, tmp_path), "inv", "ret") == [(0, 65)]


def test_the_index_is_the_order(tmp_path: Path) -> None:
    text = (
        "{:process 0 :type :ok :f :read :value 1 :index 8 :time 9} {:process 0 :type :invoke :f :read :index 7 :time 5}"
    )
    history = history_of(text, tmp_path)
    assert short(history, "inv", "ret", "value") == [(5, 9, 1)]
    assert said(history, "order of :index")


def test_completions_of_nothing_are_left_out_aloud(tmp_path: Path) -> None:
    history = history_of(ops("0 ok read 1", "0 invoke read", "0 ok read 2"), tmp_path)
    assert short(history, "value") == [(2,)]
    assert said(history, "1 completions without invocation were left out (first: line 1)")


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        (["start-partition", "stop-partition"], {"partition": "healed"}),
        (["kill", "pause", "start", "resume"], {"kill": "healed", "pause": "healed"}),
        (["start", "kill", "start"], {"nemesis": "proven", "kill": "healed"}),
        (["start", "stop", "stop"], {"nemesis": "healed"}),
        (["start-kill", "bump-clock", "strobe-clock", "reset-clock"], {"kill": "proven", "bump-clock": "healed"}),
        (["partition-start", "heal"], {"partition": "healed"}),
        (["pause-node", "resume-node", "check-clock-offsets"], {"pause-node": "healed"}),
        (["comet"], {"comet": "proven"}),
    ],
)
def test_words_of_the_nemesis_begin_and_heal_faults(words: list[str], faults: dict[str, str], tmp_path: Path) -> None:
    lines = [f":nemesis info {word}" for word in words for _ in range(2)]
    history = history_of(ops("0 invoke read", *lines), tmp_path)
    last = {row.name: row.state for row in history.rows if isinstance(row, Fault)}
    assert {name: last[name] for name in faults} == faults
    assert len(last) == len(faults) + ("strobe-clock" in words)


def test_a_client_may_have_a_name(tmp_path: Path) -> None:
    text = ops(":a invoke read", ":a ok read 1", ":other info start", ":other info start")
    history = history_of(text, tmp_path)
    assert short(history, "client") == [("p-a",)]
    assert [row.state for row in history.rows if isinstance(row, Fault)] == ["asked", "proven"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty file"),
        ("[]", 1, "empty file"),
        ("[1]", 1, "operation map"),
        ("[\n{:f :read}]", 2, ":type is nil"),
        ("{:type :maybe :f :read}", 1, ":type is :maybe"),
        ("{:type :invoke :f :read :process 1.5}", 1, ":process is 1.5"),
        ("{:type :invoke :f :read :process -1}", 1, ":process is -1"),
        ("{:type :invoke :f :read :process 0 :time \"noon\"}", 1, ":time is"),
        ("{:type :invoke :f :read :process 0 :time 9999999999999999999999}", 1, ":time is"),
        ("{:type :invoke :f :read :process 0 :time ##NaN}", 1, ":time is"),
        ("{:type :invoke :f :cas :process 0 :value 3}", 1, "expected \\[old new\\]"),
        ("{:type :invoke :f :txn :process 0 :value [[:inc 3 4]]}", 1, "transaction"),
        ("{:type :invoke :f :read :process 0}\n{:type :ok :f :write :process 0}", 2, "process 0 ends :write"),
        ("{:type :invoke :f :dequeue :process 0}", 1, "neither operations of a lock"),
        ("{:type :invoke :process 0}", 1, "neither operations of a lock"),
        ("{:type :invoke :f :lock :process 0}\n{:type :ok :process 0 :value 99999999999999999999}", 2, "64 bits"),
    ],
)  # fmt: skip
def test_what_is_no_history_is_said_with_file_and_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=rf"h\.edn: line {line}: .*{words}"):
        history_of(text, tmp_path)


def test_the_vocabulary_is_ours() -> None:
    assert set(OPERATION.values()) == set(OPERATIONS)
    assert set(MICRO.values()) == {"read", "write", "append"}
    assert not set(HEALS) & {cure for cures in HEALS.values() for cure in cures}


def test_a_spec_given_counts(tmp_path: Path) -> None:
    history = history_of(ops("0 invoke acquire", "0 ok acquire"), tmp_path, Spec(owners="anonymous"))
    assert history.header.spec == Spec(owners="anonymous")
    assert history.remarks == []
