"""What timeout, reset_peer, limit_data and slow_close do: which bytes are lost, who learns what, by FIN or by RST."""

from __future__ import annotations

import pytest
from toxiproxy_wire import Api, Rig, ending, ends, receive, receive_all, silent, took

BOTH = pytest.mark.parametrize("stream", ["upstream", "downstream"])


@BOTH
def test_timeout_0_is_a_black_hole_until_removed_and_removal_closes(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    toxic = rig.add("timeout", stream)
    writer.sendall(b"lost")
    assert silent(reader, 0.3)
    reader.sendall(b"free")
    assert receive(writer, 4) == b"free"
    with took(0, 1):
        rig.remove(toxic)
        assert receive_all(reader) == b""
        assert ending(writer) in ("fin", "rst")
    rig.proven()


def test_a_black_hole_swallows_any_amount(rig: Rig) -> None:
    writer, reader = ends(rig, "upstream")
    toxic = rig.add("timeout", "upstream")
    for _ in range(100):
        writer.sendall(bytes(100_000))
    assert silent(reader, 0.05)
    rig.remove(toxic)


@BOTH
def test_a_black_hole_takes_new_connections(rig: Rig, stream: str) -> None:
    rig.add("timeout", stream)
    writer, reader = ends(rig, stream, proven=False)
    writer.sendall(b"lost")
    assert silent(reader)


@BOTH
def test_timeout_closes_after_its_milliseconds(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    with took(0.15, 0.8):
        rig.add("timeout", stream, timeout=200)
        assert receive_all(reader) == b""
        assert ending(writer) == "fin"


def test_a_fin_crosses_a_black_hole(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("timeout", "downstream")
    writer.close()
    with took(0, 1):
        assert ending(reader) == "fin"


def test_slow_close_masks_the_fin_until_it_is_removed(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("timeout", "downstream")
    masking = rig.add("slow_close", delay=60_000)
    writer.close()
    assert silent(reader, 0.3)
    with took(0, 1):
        # First off the one behind: the original loses track of it when the timeout goes first.
        rig.remove(masking)
        assert ending(reader) == "fin"


@BOTH
@pytest.mark.parametrize("milliseconds", [0, 200])
def test_reset_peer_discards_the_first_chunk_and_resets_new_connections(
    rig: Rig, stream: str, milliseconds: int
) -> None:
    rig.add("reset_peer", stream, timeout=milliseconds)
    writer, reader = ends(rig, stream, proven=False)
    assert silent(reader, 0.1)
    with took(milliseconds / 1000 - 0.02, milliseconds / 1000 + 0.6):
        writer.sendall(b"lost")
        assert ending(reader) == "rst"
        assert ending(writer) == "rst"


def test_reset_peer_sends_a_fin_on_connections_older_than_it(rig: Rig) -> None:
    client, server = rig.proven()
    rig.add("reset_peer", "downstream")
    client.sendall(b"request")
    assert receive(server, 7) == b"request"
    server.sendall(b"reply")
    assert receive_all(client) == b""
    assert ending(server) == "fin"


def test_reset_peer_downstream_is_executed_reply_lost(rig: Rig) -> None:
    rig.add("reset_peer", "downstream")
    client, server = rig.connect()
    client.sendall(b"SET k v")
    assert receive(server, 7) == b"SET k v"
    server.sendall(b"+OK")
    assert ending(client) == "rst"


@BOTH
@pytest.mark.parametrize("limit", [1, 3, 5])
def test_limit_data_cuts_at_the_byte_then_closes(rig: Rig, stream: str, limit: int) -> None:
    rig.add("limit_data", stream, bytes=limit)
    writer, reader = ends(rig, stream, proven=False)
    writer.sendall(b"12345")
    assert receive_all(reader) == b"12345"[:limit]
    assert ending(writer) == "fin"


def test_limit_data_0_is_executed_reply_lost_with_fin(rig: Rig) -> None:
    rig.add("limit_data", "downstream", bytes=0)
    client, server = rig.connect()
    client.sendall(b"SET k v")
    assert receive(server, 7) == b"SET k v"
    server.sendall(b"+OK")
    assert receive_all(client) == b""
    assert ending(server) == "fin"


def test_limit_data_counts_each_connection_by_itself_and_all_its_chunks(rig: Rig) -> None:
    rig.add("limit_data", "downstream", bytes=4)
    pairs = [rig.connect(), rig.connect()]
    for client, server in pairs:
        server.sendall(b"ab")
        assert receive(client, 2) == b"ab"
    for client, server in pairs:
        server.sendall(b"cdef")
        assert receive_all(client) == b"cd"


def test_limit_data_can_be_raised_in_flight(rig: Rig) -> None:
    toxic = rig.add("limit_data", "downstream", bytes=4)
    client, server = rig.connect()
    server.sendall(b"ab")
    assert receive(client, 2) == b"ab"
    rig.change(toxic, attributes={"bytes": 6})
    server.sendall(b"cdefgh")
    assert receive_all(client) == b"cdef"


def test_removing_limit_data_lets_the_connection_live(rig: Rig) -> None:
    toxic = rig.add("limit_data", "downstream", bytes=4)
    client, server = rig.connect()
    server.sendall(b"ab")
    assert receive(client, 2) == b"ab"
    rig.remove(toxic)
    server.sendall(b"cdefgh")
    assert receive(client, 6) == b"cdefgh"


@BOTH
def test_slow_close_delays_the_fin_only(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    rig.add("slow_close", stream, delay=300)
    with took(0, 0.2):
        writer.sendall(b"data")
        assert receive(reader, 4) == b"data"
    writer.close()
    with took(0.2, 1):
        assert ending(reader) == "fin"


def test_slow_close_delivers_the_last_words_in_time(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("slow_close", delay=400)
    writer.sendall(b"last words")
    writer.close()
    with took(0, 0.3):
        assert receive(reader, 10) == b"last words"
    with took(0.2, 1):
        assert ending(reader) == "fin"


@BOTH
def test_without_toxics_a_fin_passes_and_there_is_no_half_close(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    writer.sendall(b"last")
    writer.close()
    assert receive_all(reader) == b"last"


@BOTH
@pytest.mark.parametrize("kind", ["timeout", "reset_peer", "limit_data", "bandwidth"])
def test_toxicity_0_spares_every_connection(rig: Rig, stream: str, kind: str) -> None:
    old = ends(rig, stream)
    rig.add(kind, stream, toxicity=0.0)
    for writer, reader in (old, ends(rig, stream, proven=False)):
        writer.sendall(b"spared")
        assert receive(reader, 6) == b"spared"


def test_toxicity_is_drawn_once_per_connection(rig: Rig) -> None:
    rig.add("limit_data", "downstream", toxicity=0.5, bytes=1_000_000)
    rig.add("timeout", "downstream", toxicity=0.5)
    fates = []
    for _ in range(40):
        client, server = rig.connect()
        server.sendall(b"a")
        spared = not silent(client, 0.03)
        for _ in range(2):
            server.sendall(b"b")
        assert receive(client, 3) == b"abb" if spared else silent(client, 0.01)
        fates.append(spared)
    assert 5 <= sum(fates) <= 35  # beyond that once in 3 million runs for a fair coin


def test_reset_closes_black_holed_connections(rig: Rig, api: Api) -> None:
    client, server = rig.proven()
    rig.add("timeout", "upstream")
    rig.add("timeout", "downstream")
    client.sendall(b"lost")
    api.ok("POST", "/reset")
    assert ending(client) == ending(server) == "fin"
    rig.proven()
