"""Redis Cluster's own words: CLUSTER NODES read, nodes.conf written, and that one is the other's inverse."""

from __future__ import annotations

import pytest

from nuclei.clusters.cluster_view import read_nodes
from nuclei.clusters.redis_cluster import MASTERS, NODES, SHARDS
from nuclei.clusters.redis_cluster_conf import SLOTS, node_id, nodes_conf, slots_of
from nuclei.locks.redis_slots import announced, slot_of

# Redis 6.2, 7.0 (host names) and 8.0 (shard ids), each with a slot on the move; ids shortened.
SAID = """\
a1 127.0.0.1:6391@16391 myself,master - 0 1700000000000 1 connected 0-5460 5462 [5461->-b2]
b2 10.0.0.4:6392@16392,host-2 master,fail? - 1700000000001 1700000000000 2 disconnected 5463-10922
c3 10.0.0.5:6394@16394,,tls-port=0,shard-id=ff slave a1 0 1700000000000 1 connected
"""


def test_nodes_are_read_with_their_flags_and_slots() -> None:
    first, second, third = read_nodes(SAID.splitlines())
    assert (first.ident, first.slots, first.healthy) == ("a1", ((0, 5460), (5462, 5462)), True)
    assert [first.serves(slot) for slot in (0, 5460, 5461, 5462, 5463)] == [True, True, False, True, False]
    assert (second.ident, second.healthy, second.epoch) == ("b2", False, 2)
    assert (third.flags, third.slots) == (frozenset({"slave"}), ())


def test_what_is_no_node_is_passed_over() -> None:
    assert read_nodes(["", "vars currentEpoch 3 lastVoteEpoch 0"]) == []


@pytest.mark.parametrize("me", ["redis-1", "redis-5"])
def test_every_node_finds_all_others_in_its_file(me: str) -> None:
    text = nodes_conf(me, SHARDS)
    known = {node.ident: node for node in read_nodes(text.splitlines())}
    assert set(known) == {node_id(name) for name in NODES}
    assert "myself" in known[node_id(me)].flags
    assert sum("myself" in node.flags for node in known.values()) == 1
    served = [next(node for node in known.values() if node.serves(slot)) for slot in (0, SLOTS // 2, SLOTS - 1)]
    assert [node.ident for node in served] == [node_id(f"redis-{number}") for number in (1, 2, 3)]
    assert "@direct:redis-4@:6394@16394 slave " + node_id("redis-1") in text.replace("myself,", "")


def test_every_slot_belongs_to_one_shard() -> None:
    assert [slot for shard in range(MASTERS) for slot in slots_of(shard, MASTERS)] == list(range(SLOTS))


def test_slots_of_keys_are_those_of_the_specification() -> None:
    assert slot_of("123456789") == 0x31C3
    assert slot_of("{user1000}.following") == slot_of("{user1000}.followers") == slot_of("user1000")


def test_the_announced_master_of_a_slot() -> None:
    reply = [
        [0, 5460, ["10.0.0.3", 6391, "a1"], ["10.0.0.6", 6394, "c3"]],
        [5461, 16383, ["10.0.0.4", 6392, "b2", ["hostname", "h"]]],
    ]
    assert announced(reply, 5460) == "10.0.0.3:6391"
    assert announced(reply, 5461) == "10.0.0.4:6392"
    assert announced(reply[:1], 9000) is None
