"""How a command to a Redis server ends: a reply, certainly not executed, or unknown. Against a scripted server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from redis.exceptions import ResponseError
from redis_stage import HangUp, Silence, Stage

from nuclei.locks.base import Endpoint, Indeterminate, Refused, Surroundings
from nuclei.locks.redis_connection import RedisConnection, by_sentinels, connection_for, one_server

MakeStage = Callable[..., Stage]
TIMEOUT = 0.15


def connected(stage: Stage) -> RedisConnection:
    return RedisConnection(one_server(stage.endpoint), TIMEOUT)


def nobody() -> Endpoint:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Endpoint("127.0.0.1", listener.getsockname()[1])


def test_a_reply_is_returned_and_only_the_command_was_sent(stage: MakeStage) -> None:
    server = stage(lambda words: "value")
    redis = connected(server)
    assert redis.command("GET", "k", 7) == "value"
    assert redis.command("GET", "k", 8) == "value"
    redis.close()
    assert server.heard == [["GET", "k", "7"], ["GET", "k", "8"]]


def test_no_server_is_certain() -> None:
    with pytest.raises(Refused, match="cannot connect"):
        RedisConnection(one_server(nobody()), TIMEOUT).command("SET", "k", "v")


def test_a_server_that_accepts_and_is_silent_got_nothing_of_ours(stage: MakeStage) -> None:
    server = stage(role=Silence)
    with pytest.raises(Refused, match="did not say its role"):
        connected(server).command("SET", "k", "v")
    assert server.heard == []


@pytest.mark.parametrize("answer", [Silence, HangUp])
def test_no_reply_is_unknown_and_nothing_is_repeated(stage: MakeStage, answer: object) -> None:
    server = stage(lambda words: answer)
    redis = connected(server)
    began = time.monotonic()
    with pytest.raises(Indeterminate, match="SET was sent, but no reply came"):
        redis.command("SET", "k", "v")
    assert time.monotonic() - began < 5
    time.sleep(0.05)
    assert server.heard == [["SET", "k", "v"]]
    redis.close()


def test_a_late_reply_is_never_taken_for_the_next_one(stage: MakeStage) -> None:
    server = stage()

    def play(words: list[str]) -> object:
        if words[1] == "slow":
            time.sleep(2 * TIMEOUT)
        return words[1]

    server.play = play
    redis = connected(server)
    with pytest.raises(Indeterminate):
        redis.command("ECHO", "slow")
    assert redis.command("ECHO", "quick") == "quick"
    redis.close()


def test_a_connection_closed_while_idle_is_noticed_before_anything_is_sent(stage: MakeStage) -> None:
    server = stage()
    redis = connected(server)
    redis.command("PING")
    server.hang_up()
    time.sleep(0.02)
    assert redis.command("SET", "k", "v") == "OK"
    redis.close()
    assert server.heard == [["PING"], ["SET", "k", "v"]]


@pytest.mark.parametrize(
    "reply",
    [
        "-READONLY You can't write against a read only replica.",
        "-LOADING Redis is loading the dataset in memory",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "-NOREPLICAS Not enough good replicas to write.",
        "-MISCONF Redis is configured to save RDB snapshots",
        "-OOM command not allowed when used memory > 'maxmemory'.",
        "-BUSY Redis is busy running a script.",
        "-NOSCRIPT No matching script.",
        "-NOAUTH Authentication required.",
        "-CLUSTERDOWN Hash slot not served",
        "-MOVED 1 127.0.0.1:7000",
        "-ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a replica.",
        "-READONLY You can't write against a read only replica. script: 1, on @user_script:1.",
    ],
)
def test_refusals_before_execution_are_certain(stage: MakeStage, reply: str) -> None:
    redis = connected(stage(lambda words: reply))
    with pytest.raises(Refused):
        redis.command("SET", "k", "v")
    redis.close()


@pytest.mark.parametrize("reply", ["-ERR unknown command", "-WRONGTYPE Operation against a key", "-ERR -READONLY-ish"])
def test_other_errors_are_ours_to_explain(stage: MakeStage, reply: str) -> None:
    redis = connected(stage(lambda words: reply))
    with pytest.raises(ResponseError):
        redis.command("SET", "k", "v")
    redis.close()


def test_after_readonly_the_primary_is_looked_for_again(stage: MakeStage) -> None:
    old = stage(lambda words: "-READONLY You can't write against a read only replica.")
    new = stage(lambda words: "new")
    places = [old.endpoint, new.endpoint]
    redis = RedisConnection(lambda: places.pop(0), TIMEOUT)
    with pytest.raises(Refused):
        redis.command("SET", "k", "v")
    assert redis.command("SET", "k", "v") == "new"
    redis.close()


def test_a_replica_is_no_primary(stage: MakeStage) -> None:
    server = stage(role=["slave", "redis-1", 6379, "connected", 0])
    with pytest.raises(Refused, match="is a slave, not a primary"):
        connected(server).command("SET", "k", "v")


def sentinel(stage: MakeStage, name: str | None) -> Stage:
    return stage(lambda words: None if name is None else [name, "6379"])


def test_sentinels_are_asked_in_turn_and_their_names_looked_up(stage: MakeStage) -> None:
    primary = stage(lambda words: "here")
    sentinels = [("s1", nobody()), ("s2", sentinel(stage, None).endpoint), ("s3", sentinel(stage, "redis-2").endpoint)]
    find = by_sentinels(sentinels, {"redis-2:6379": primary.endpoint}, "mymaster", TIMEOUT)
    redis = RedisConnection(find, TIMEOUT)
    assert redis.command("GET", "k") == "here"
    redis.close()


def test_the_sentinel_that_answered_is_asked_first_next_time(stage: MakeStage) -> None:
    first, second = sentinel(stage, None), sentinel(stage, "redis-1")
    book = {"redis-1:6379": Endpoint("127.0.0.1", 1)}
    find = by_sentinels([("s1", first.endpoint), ("s2", second.endpoint)], book, "mymaster", TIMEOUT)
    assert find() == find()
    assert (len(first.heard), len(second.heard)) == (1, 2)
    assert second.heard[0] == ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"]


def test_what_each_sentinel_said_is_in_the_refusal(stage: MakeStage) -> None:
    sentinels = [
        ("s1", stage(lambda words: Silence).endpoint),
        ("s2", sentinel(stage, None).endpoint),
        ("s3", sentinel(stage, "10.0.0.9").endpoint),
    ]
    with pytest.raises(Refused) as caught:
        by_sentinels(sentinels, {}, "mymaster", TIMEOUT)()
    text = str(caught.value)
    assert "s1: SENTINEL was sent, but no reply came" in text
    assert "s2 knows no mymaster" in text
    assert "s3 says 10.0.0.9:6379, which is not in this client's address book" in text


def test_the_surroundings_decide_how_the_primary_is_found(stage: MakeStage) -> None:
    server = stage(lambda words: "single")
    alone = Surroundings(cluster="c", endpoints={"redis-1": server.endpoint}, nodes={"redis": ["redis-1"]})
    redis = connection_for(alone, "k")
    assert redis.command("GET", "k") == "single"
    redis.close()
    with pytest.raises(ValueError, match="no sentinel"):
        connection_for(Surroundings(cluster="c", endpoints={}, nodes={"redis": ["redis-1", "redis-2"]}), "k")
