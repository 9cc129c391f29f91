"""Nodes on any platform: killed, started, frozen, thawed, and spoken to, each with a proof."""

from __future__ import annotations

import time

import pytest
from cluster_stage import KEY, Stage, until

from nuclei.platforms.base import NODE_DATA, NODE_HOME, NODE_SELF, HarnessError

NODE = "redis-1"
CONF = f"{NODE_HOME}/redis.conf"
PROOFS = {
    "docker": {"kill": "exited with code 137", "pause": "frozen", "resume": "not paused"},
    "process": {"kill": "ended by signal 9", "pause": "stopped by signal 19", "resume": "/stat: "},
}
CLI = f"redis-cli -h {NODE_SELF} -p 6391"


def sh(stage: Stage, script: str) -> str:
    """A shell script's output in the node."""
    return stage.platform.run(NODE, ["sh", "-c", script]).output


def proof(stage: Stage, act: str) -> str:
    """What the evidence of an act on the node holds."""
    evidence = getattr(stage.platform, act)(NODE)
    assert PROOFS[stage.platform.name][act] in evidence
    return str(evidence)


def test_a_killed_node_comes_back_at_its_address(single: Stage) -> None:
    before = single.platform.endpoint("c1", NODE), single.platform.place(NODE).listen
    proof(single, "kill")
    assert single.platform.state(NODE) == "exited"
    assert not single.cluster.ping("c1", NODE)
    single.platform.kill(NODE)
    assert single.platform.state(NODE) == "exited"
    assert "started" in single.platform.start_node(NODE)
    assert (single.platform.endpoint("c1", NODE), single.platform.place(NODE).listen) == before
    assert until(lambda: single.cluster.ping("c1", NODE))
    assert "already" in single.platform.start_node(NODE)


@pytest.mark.parametrize("dead", [False, True], ids=["in place", "killed"])
def test_a_pristine_start_forgets_data_and_rewritten_files(single: Stage, dead: bool) -> None:
    original = sh(single, f"cat {CONF}")
    sh(single, f"echo 'maxmemory 123mb' >>{CONF}; echo left >{NODE_DATA}/left; mkdir {NODE_DATA}/more")
    if dead:
        single.platform.kill(NODE)
    assert "pristine" in single.platform.start_node(NODE, pristine=True)
    single.cluster.ready()
    assert sh(single, f"cat {CONF}") == original
    assert sh(single, f"ls {NODE_DATA}") == ""
    assert sh(single, f"{CLI} config get maxmemory").split() == ["maxmemory", "0"]


def test_an_ordinary_start_keeps_what_was_written(single: Stage) -> None:
    sh(single, f"echo kept >{NODE_DATA}/kept")
    single.platform.kill(NODE)
    single.platform.start_node(NODE)
    assert sh(single, f"cat {NODE_DATA}/kept") == "kept\n"


def test_a_server_that_ends_by_itself_is_seen(single: Stage) -> None:
    single.platform.watch_others()
    sh(single, f"{CLI} shutdown nosave")
    until(lambda: single.platform.state(NODE) == "exited")
    assert "Redis is now ready to exit" in single.platform.logs(NODE)
    (said,) = until(single.platform.disturbances)
    assert NODE in said
    assert "and not by this trial" in said


def test_a_frozen_node_answers_nothing_until_it_is_thawed(single: Stage) -> None:
    proof(single, "pause")
    assert single.platform.state(NODE) == "paused"
    proof(single, "pause")
    assert not single.cluster.ping("c1", NODE)
    with pytest.raises(HarnessError, match="paused"):
        single.platform.run(NODE, ["true"])
    with pytest.raises(HarnessError, match="paused"):
        single.platform.pipe(NODE, ["true"])
    proof(single, "resume")
    proof(single, "resume")
    assert single.cluster.ping("c1", NODE, timeout=1.0)


def test_nothing_runs_beside_a_dead_node(single: Stage) -> None:
    single.platform.kill(NODE)
    for start in (single.platform.run, single.platform.pipe):
        with pytest.raises(HarnessError):
            start(NODE, ["true"])


def test_pausing_and_resuming_in_a_row_never_trips(single: Stage) -> None:
    for _ in range(20):
        single.platform.pause(NODE)
        single.platform.resume(NODE)
    assert single.platform.state(NODE) == "running"


def test_a_frozen_node_can_be_killed(single: Stage) -> None:
    single.platform.pause(NODE)
    proof(single, "kill")


def test_commands_say_their_output_and_exit_code(single: Stage) -> None:
    done = single.platform.run(NODE, ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert done.code == 3
    assert set(done.output.split()) == {"out", "err"}


def test_a_command_that_takes_too_long_is_given_up(single: Stage) -> None:
    began = time.monotonic()
    assert single.platform.run(NODE, ["sleep", "30"], timeout=0.2).code == 124
    assert time.monotonic() - began < 20.0


def test_a_pipe_speaks_line_by_line(single: Stage) -> None:
    pipe = single.platform.pipe(NODE, ["sh", "-c", "echo $$; exec cat"])
    pid = pipe.receive(2.0)
    assert single.platform.run(NODE, ["sh", "-c", f"kill -0 {pid}"]).code == 0
    long = "x" * 200_000
    pipe.send("first\nsecond")
    pipe.send(long)
    assert [pipe.receive(2.0) for _ in range(3)] == ["first", "second", long]
    assert pipe.receive(0.05) is None
    pipe.close()
    pipe.close()
    with pytest.raises(EOFError):
        pipe.receive(0.5)
    until(lambda: single.platform.run(NODE, ["sh", "-c", f"kill -0 {pid}"]).code != 0, 5.0)


def test_the_end_of_a_pipe_says_what_the_command_complained_of(single: Stage) -> None:
    pipe = single.platform.pipe(NODE, ["sh", "-c", "echo last; echo no such thing >&2"])
    assert pipe.receive(2.0) == "last"
    with pytest.raises(EOFError, match="no such thing"):
        pipe.receive(2.0)


def test_a_pipe_ends_when_its_node_is_killed(single: Stage) -> None:
    pipe = single.platform.pipe(NODE, ["cat"])
    pipe.send("started")
    assert pipe.receive(5.0) == "started"
    single.platform.kill(NODE)
    with pytest.raises(EOFError):
        pipe.receive(3.0)


def test_the_log_is_what_the_server_printed(single: Stage) -> None:
    assert "Ready to accept connections" in single.platform.logs(NODE)


def test_a_reset_takes_back_settings_changed_at_run_time(single: Stage) -> None:
    sh(single, f"{CLI} config set maxmemory 100mb")
    single.cluster.reset(KEY)
    assert sh(single, f"{CLI} config get maxmemory").split() == ["maxmemory", "0"]
