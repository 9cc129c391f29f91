"""The worker as a real process, seen from its runner: barriers, pauses, kills, ends, and what is on disk."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from client_bench import Start, configured

from histories.rows import AnyRow, Call, Client, Leave, Return, Told
from nuclei.clients.process import ClientGone, ClientProcess
from nuclei.clients.protocol import Do, Done, Finish, Go, Hold, Result, Run, StepOut, Trouble
from nuclei.clients.wires import RUNNER_GONE
from nuclei.platforms.base import HarnessError
from nuclei.platforms.ownership import OWNER_VARIABLE, owner_variable
from nuclei.platforms.signals import state
from nuclei.platforms.spawner import environment

Rows = Callable[..., list[AnyRow]]
QUICK = {"hold": 0.002, "think": 0.001}


def work(client: ClientProcess, **params: object) -> None:
    client.send(Run(workload="contend", params={**QUICK, **params}))


def grown(path: Path, beyond: int) -> None:
    deadline = time.monotonic() + 5
    while path.stat().st_size <= beyond:
        assert time.monotonic() < deadline, f"{path} stays at {path.stat().st_size} bytes"
        time.sleep(0.002)


def test_rows_on_disk_are_the_rows_sent_in_the_same_order(start: Start, rows: Rows) -> None:
    client = start()
    live: list[AnyRow] = []
    client.on_row(live.append)
    work(client, rounds=20)
    figures = client.expect(Done, 10).figures
    assert client.end().how == "quit"
    assert rows() == live
    assert figures["acquire ok"] + figures["try ok"] == 20
    calls = [row for row in live if isinstance(row, Call | Return)]
    assert [type(row) for row in calls] == [Call, Return] * 40
    assert [row.t for row in calls] == sorted(row.t for row in calls)
    assert len({row.owner for row in calls if isinstance(row, Return) and row.op == "acquire"}) > 10


def test_a_barrier_holds_the_client_until_it_is_let_go(start: Start) -> None:
    client = start()
    client.send(Hold(point="granted", times=2))
    work(client)
    for _ in range(2):
        at = client.wait_at("granted", 5)
        with pytest.raises(HarnessError, match=r"no Done within 0\.1 s"):
            client.expect(Done, 0.1)
        client.send(Go())
    assert at.attempt.startswith("c1-")
    assert client.end().how == "quit"


@pytest.mark.parametrize("message", [Hold(point="before-release", times=0), Finish()])
def test_a_barrier_taken_away_and_the_end_let_pass_who_stands_there(start: Start, message: Hold | Finish) -> None:
    client = start()
    client.send(Hold(point="before-release"))
    work(client, rounds=1)
    client.wait_at("before-release", 5)
    client.send(message)
    client.expect(Done, 5)


def test_a_barrier_with_a_limit_lets_pass_by_itself(start: Start) -> None:
    client = start()
    client.send(Hold(point="granted", seconds=0.05))
    work(client, rounds=1)
    client.wait_at("granted", 5)
    client.expect(Done, 5)


def test_a_paused_client_stands_still_with_all_its_threads(start: Start, tmp_path: Path) -> None:
    client = start()
    work(client)
    part = tmp_path / "c1.jsonl"
    grown(part, 0)
    proof = client.pause()
    size = part.stat().st_size
    assert proof.asked < proof.proven
    tasks = list(Path(f"/proc/{client.pid}/task").iterdir())
    assert len(tasks) >= 2
    assert {state(int(task.name)) for task in tasks} == {"T"}
    time.sleep(0.1)
    assert part.stat().st_size == size
    client.resume()
    grown(part, size)
    client.resume()


def test_a_paused_client_does_not_block_the_end(start: Start) -> None:
    client = start()
    work(client)
    client.pause()
    began = time.monotonic()
    ending = client.end()
    assert (ending.how, ending.code) == ("killed", -9)
    assert time.monotonic() - began < 10
    assert client.end() == ending


def test_a_client_that_does_not_answer_is_killed_at_the_end(start: Start, tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "held").write_text("somebody else")
    client = start()
    work(client, limit=60, try_share=0)
    deadline = time.monotonic() + 10
    while not rows():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    assert client.end(0.3).how == "killed"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.031, 0.057])
def test_sigkill_loses_no_row_and_tears_none(start: Start, rows: Rows, delay: float) -> None:
    client = start()
    live: list[AnyRow] = []
    client.on_row(live.append)
    work(client)
    time.sleep(delay)
    proof = client.kill()
    on_disk = rows()
    assert on_disk[: len(live)] == live
    assert len(on_disk) - len(live) <= 1
    assert all(row.t <= proof.proven for row in on_disk)
    assert not client.alive
    assert client.end().how == "killed"
    with pytest.raises(ClientGone, match="ended with code -9"):
        client.expect(Done, 1)
    with pytest.raises(HarnessError, match="has ended with code -9"):
        client.pause()


def test_an_indeterminate_acquire_is_released_once_then_a_fresh_client_goes_on(start: Start, rows: Rows) -> None:
    client = start(acquires="ok lost-done")
    work(client, rounds=3, try_share=0)
    client.expect(Done, 5)
    client.end()
    told = [(r.client, r.op, r.attempt, r.outcome) for r in rows() if isinstance(r, Return)]
    assert told == [
        ("c1", "acquire", "c1-1", "ok"),
        ("c1", "release", "c1-1", "ok"),
        ("c1", "acquire", "c1-2", "info"),
        ("c1", "release", "c1-2", "ok"),
        ("c1.2", "acquire", "c1.2-1", "ok"),
        ("c1.2", "release", "c1.2-1", "ok"),
    ]
    assert [(r.client, r.state) for r in rows() if isinstance(r, Client)] == [("c1", "retired"), ("c1.2", "started")]
    assert client.client == "c1.2"
    assert client.name == "c1"


def test_a_client_told_of_the_loss_leaves_before_it_releases(start: Start, rows: Rows) -> None:
    client = start(acquires="soon-lost")
    client.send(Hold(point="told"))
    work(client, rounds=1, hold=5, try_share=0)
    assert client.wait_at("told", 5).attempt == "c1-1"
    client.send(Go())
    client.expect(Done, 5)
    kinds = [row for row in rows() if not isinstance(row, Call)]
    assert [type(row) for row in kinds] == [Return, Told, Leave, Return]
    assert [row.why for row in kinds if isinstance(row, Leave)] == ["told"]


def test_a_bug_in_the_lock_is_trouble_and_no_ending(start: Start, rows: Rows) -> None:
    client = start(acquires="crash")
    work(client, try_share=0)
    with pytest.raises(HarnessError, match=r"client c1 failed: ZeroDivisionError: a bug in the lock(?s:.)*Traceback"):
        client.expect(Done, 5)
    assert client.trouble == "ZeroDivisionError: a bug in the lock"
    assert [type(row) for row in rows()] == [Call]


def test_what_a_library_prints_does_not_enter_the_protocol(start: Start) -> None:
    client = start(acquires="noisy")
    client.send(Do(op="acquire"))
    assert client.expect(Result, 5).outcome == "ok"
    assert client.end().how == "quit"
    assert sorted(client.stderr.read_text().splitlines()) == ["a child that talks", "a library that talks"]


def test_single_operations_answer_with_their_return_row(start: Start, rows: Rows) -> None:
    client, other = start(), start("c2")
    client.send(Do(op="acquire", limit=1))
    granted = client.expect(Result, 5)
    assert (granted.outcome, granted.client, granted.attempt) == ("ok", "c1", "c1-1")
    assert granted.fence is not None
    other.send(Do(op="try"))
    refused = other.expect(Result, 5)
    assert (refused.outcome, refused.error) == ("fail", "busy")
    client.send(Do(op="renew"))
    assert client.expect(Result, 5).outcome == "ok"
    client.send(StepOut())
    client.expect(Result, 5)
    client.send(Do(op="release"))
    assert client.expect(Result, 5).outcome == "ok"
    assert [type(row) for row in rows()] == [Call, Return, Call, Return, Leave, Call, Return]


def test_messages_it_does_not_understand_are_said_aloud(start: Start) -> None:
    client = start()
    assert client._process.stdin is not None
    client._process.stdin.write(b'{"do":"dance"}\n')
    client._process.stdin.flush()
    with pytest.raises(HarnessError, match=r"does not understand the message .*dance"):
        client.expect(Result, 5)


def test_an_unknown_lock_is_named_with_the_known_ones(start: Start) -> None:
    client = start(lock="redis-set-nx-pax", ready=False)
    with pytest.raises(HarnessError, match="no lock 'redis-set-nx-pax'; did you mean redis-set-nx-px"):
        client.ready()


def test_the_worker_ends_when_its_wire_ends(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "nuclei.clients.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    _, said = process.communicate(timeout=10)
    assert process.returncode == RUNNER_GONE
    assert b"the runner is gone" in said


RUNNER = """
import sys, time
from pathlib import Path
sys.path.append(sys.argv[2])
from client_bench import configured
from nuclei.clients.process import ClientProcess
client = ClientProcess(configured(Path(sys.argv[1])), Path(sys.argv[1]))
client.ready()
client.pause()
print(client.pid, flush=True)
time.sleep(60)
"""


def test_a_stopped_worker_dies_with_its_killed_runner(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUNNER, str(tmp_path), str(Path(__file__).parent)]
    runner = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())
    assert runner.stdout is not None
    pid = int(runner.stdout.readline())
    assert state(pid) == "T"
    runner.kill()
    runner.wait()
    runner.stdout.close()
    deadline = time.monotonic() + 5
    while state(pid) not in {"", "Z"}:
        assert time.monotonic() < deadline, f"the worker is still there: {state(pid)}"
        time.sleep(0.01)


def test_a_worker_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    made: list[ClientProcess] = []
    thread = threading.Thread(target=lambda: made.append(ClientProcess(configured(tmp_path), tmp_path)))
    thread.start()
    thread.join()
    made[0].ready()
    made[0].send(Do(op="acquire"))
    assert made[0].expect(Result, 5).outcome == "ok"
    assert made[0].end().how == "quit"


def test_it_carries_the_mark_of_its_owner_and_its_own_process_group(start: Start) -> None:
    client = start()
    environ = Path(f"/proc/{client.pid}/environ").read_bytes().split(b"\0")
    assert f"{OWNER_VARIABLE}={owner_variable()[OWNER_VARIABLE]}".encode() in environ
    assert os.getpgid(client.pid) == client.pid


def test_no_file_descriptor_is_left(tmp_path: Path) -> None:
    ClientProcess(configured(tmp_path, "c0"), tmp_path).end()
    before = set(os.listdir("/proc/self/fd"))
    for number in range(3):
        client = ClientProcess(configured(tmp_path, f"c{number}"), tmp_path)
        client.ready()
        client.end()
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_command_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot start client c1 with /no/such/program"):
        ClientProcess(configured(tmp_path), tmp_path, ["/no/such/program"])


def test_a_client_that_dies_by_itself_is_said_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.stderr.write('out of luck'); sys.exit(5)"]
    with (
        ClientProcess(configured(tmp_path), tmp_path, command) as client,
        pytest.raises(ClientGone, match=r"ended with code 5 before it gave Ready(?s:.)*out of luck"),
    ):
        client.ready()
    assert client.end().how == "died"


def test_other_answers_stay_for_later(start: Start) -> None:
    client = start()
    client.send(Do(op="acquire"))
    client.send(Finish())
    client.expect(Done, 5)
    assert client.expect(Result, 5).outcome == "ok"
    assert client.trouble is None
    with pytest.raises(HarnessError, match="no Trouble within"):
        client.expect(Trouble, 0.01)


def test_five_clients_start_within_the_goal(tmp_path: Path) -> None:
    """The goal is 1.5 s on two idle cores. What is measured here is their processor time, which other work on the
    machine does not stretch as much; wall time is in docs/soak.md."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    clients = [ClientProcess(configured(tmp_path, f"c{number}", "local"), tmp_path) for number in range(5)]
    for client in clients:
        client.ready()
    for client in clients:
        client.end()
    assert spent() - before < 2 * 1.5


def test_the_worker_loads_no_library_it_does_not_need() -> None:
    code = (
        "import sys, nuclei.clients.worker, nuclei.workloads.contend; from nuclei.locks.loading import load; "
        "load('redis-set-nx-px'); load('zk-sequential'); load('local'); print(*sys.modules)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], env=environment(), text=True).split()
    heavy = {"redis", "kazoo", "docker", "testcontainers", "numpy", "asyncio", "hypothesis", "rich", "requests"}
    assert heavy & set(loaded) == set()
