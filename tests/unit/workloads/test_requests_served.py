"""Red packets, sales and repeated requests: what one client does, and when its work is done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from histories.rows import Call, Return
from nuclei.workloads import flash_sale, red_packet, repeated_request
from tests.unit.workloads.workload_stage import Open, Stage


def test_red_packets_are_paid_until_nothing_is_left(tmp_path: Path) -> None:
    stage = Stage(tmp_path, red_packet.WORKLOAD, budget=1000, requests=50)
    stage.run()
    paid = [record.amount for record in stage.books.records]
    assert (sum(paid), stage.books.counters["budget"], stage.figures["left"]) == (1000, 0, 0)
    assert 15 < len(paid) < 40
    assert len({record.request for record in stage.books.records}) == len(paid)


def test_red_packets_ask_for_twice_the_budget_together(tmp_path: Path) -> None:
    drawn = 0
    for number in range(1, 11):
        stage = Stage(tmp_path, red_packet.WORKLOAD, budget=100_000, requests=100)
        stage.books.counters["budget"] = 10**9
        stage.run(number, clients=10)
        drawn += sum(record.amount for record in stage.books.records)
    assert 180_000 < drawn < 220_000


def test_a_read_without_an_answer_pays_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, red_packet.WORKLOAD, budget=10**6, requests=3)
    stage.books.mute = 2
    rows = stage.run()
    assert len(stage.books.records) == 1
    assert [row.outcome for row in rows if isinstance(row, Return) and row.op == "read"] == ["info", "info", "ok"]


def test_a_refused_request_asks_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, red_packet.WORKLOAD, budget=10**6, requests=2)
    Open.refused["k"] = 3
    rows = stage.run()
    tries = [row.outcome for row in rows if isinstance(row, Return) and row.op == "acquire"]
    assert tries == ["fail", "fail", "fail", "ok", "ok"]


def test_a_payment_and_the_new_rest_are_one_write(tmp_path: Path) -> None:
    stage = Stage(tmp_path, red_packet.WORKLOAD, budget=10, requests=1)
    calls = [(row.op, row.value) for row in stage.run() if isinstance(row, Call) and row.op == "write"]
    assert calls == [("write", {"budget": 10 - stage.books.records[0].amount})]


def test_a_sale_orders_first_and_writes_the_stock_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path, flash_sale.WORKLOAD, stock=2, requests=9)
    ops = [row.op for row in stage.run() if isinstance(row, Call)]
    assert ops == ["acquire", "read", "append", "write", "release"] * 2 + ["acquire", "read", "release"]
    assert (stage.books.counters["stock"], len(stage.books.records), stage.figures["left"]) == (0, 2, 0)


def test_every_request_reaches_as_many_clients_as_it_has_copies(tmp_path: Path) -> None:
    stage = Stage(tmp_path, repeated_request.WORKLOAD, requests=20, copies=3, retries=0.0, delay=0.0)
    delivered: Counter[str] = Counter()
    for number in range(1, 6):
        rows = stage.run(number, clients=5)
        looked = [next(iter(row.value)) for row in rows if isinstance(row, Return) and row.op == "read"]
        assert len(set(looked)) == len(looked)
        delivered.update(looked)
    assert delivered == {f"records/r{number}": 3 for number in range(1, 21)}
    assert sorted(str(record.request) for record in stage.books.records) == sorted(f"r{n}" for n in range(1, 21))


def test_a_retry_comes_to_the_same_client(tmp_path: Path) -> None:
    stage = Stage(tmp_path, repeated_request.WORKLOAD, requests=4, copies=1, retries=1.0, delay=0.0)
    rows = stage.run()
    looked = [row.value for row in rows if isinstance(row, Return) and row.op == "read"]
    assert looked == [{f"records/r{n}": again} for n in range(1, 5) for again in (0, 1)]
