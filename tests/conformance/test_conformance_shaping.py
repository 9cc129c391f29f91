"""What latency, bandwidth and slicer do to bytes: late or in pieces, but all of them and in order."""

from __future__ import annotations

import os
import threading
import time

import pytest
from toxiproxy_wire import Rig, ending, ends, fill, receive, receive_all, silent, took

BOTH = pytest.mark.parametrize("stream", ["upstream", "downstream"])


@BOTH
def test_latency_delays_one_stream_only(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    rig.add("latency", stream, latency=200)
    with took(0.19, 0.6):
        writer.sendall(b"late")
        assert receive(reader, 4) == b"late"
    with took(0, 0.15):
        reader.sendall(b"soon")
        assert receive(writer, 4) == b"soon"


@BOTH
def test_latency_applies_to_new_connections(rig: Rig, stream: str) -> None:
    rig.add("latency", stream, latency=200)
    writer, reader = ends(rig, stream, proven=False)
    with took(0.19, 0.6):
        writer.sendall(b"late")
        assert receive(reader, 4) == b"late"


def test_latency_is_not_a_rate(rig: Rig) -> None:
    """Ten messages 20 ms apart arrive 20 ms apart, not 200 ms each."""
    writer, reader = ends(rig, "downstream")
    rig.add("latency", latency=200)
    with took(0.19, 0.8):
        for number in range(10):
            writer.sendall(b"%d" % number)
            time.sleep(0.02)
        assert receive(reader, 10) == b"0123456789"


def test_latencies_add_up(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("latency", name="one", latency=100)
    rig.add("latency", name="two", latency=150)
    with took(0.24, 0.7):
        writer.sendall(b"x")
        assert receive(reader, 1) == b"x"


def test_jitter_keeps_the_order(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("latency", latency=20, jitter=20)
    message = bytes(range(200))
    with took(0, 2):
        for byte in message:
            writer.sendall(bytes([byte]))
        assert receive(reader, 200) == message


@BOTH
def test_removing_latency_delivers_at_once_and_loses_nothing(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    toxic = rig.add("latency", stream, latency=60_000)
    writer.sendall(b"one")
    assert silent(reader)
    writer.sendall(b"two")
    assert silent(reader, 0.05)
    with took(0, 1):
        rig.remove(toxic)
        assert receive(reader, 6) == b"onetwo"
    writer.sendall(b"three")
    assert receive(reader, 5) == b"three"


def test_eof_waits_behind_delayed_data(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("latency", latency=200)
    writer.sendall(b"last words")
    writer.close()
    with took(0.15, 1):
        assert receive_all(reader) == b"last words"


def test_an_update_changes_the_delay(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    toxic = rig.add("latency", latency=60_000)
    rig.change(toxic, attributes={"latency": 0})
    with took(0, 1):
        writer.sendall(b"x")
        assert receive(reader, 1) == b"x"


@BOTH
def test_bandwidth_0_stalls_until_removed_and_loses_nothing(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    toxic = rig.add("bandwidth", stream, rate=0)
    writer.sendall(b"held")
    assert silent(reader, 0.3)
    reader.sendall(b"free")
    assert receive(writer, 4) == b"free"
    rig.remove(toxic)
    assert receive(reader, 4) == b"held"
    writer.sendall(b"after")
    assert receive(reader, 5) == b"after"


def test_a_stall_stops_the_sender_and_then_delivers_everything(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    toxic = rig.add("bandwidth", rate=0)
    sent = fill(writer)
    assert sent < 64_000_000
    assert silent(reader, 0.05)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(receive(reader, sent)))
    thread.start()
    rig.remove(toxic)
    thread.join(10)
    assert len(received[0]) == sent


@BOTH
def test_bandwidth_limits_the_rate(rig: Rig, stream: str) -> None:
    writer, reader = ends(rig, stream)
    rig.add("bandwidth", stream, rate=100)
    data = os.urandom(50_000)
    with took(0.4, 0.9):  # 50 KB at 100 KB/s
        writer.sendall(data)
        assert receive(reader, len(data)) == data


def test_bandwidth_is_even(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("bandwidth", rate=100)
    writer.sendall(bytes(40_000))
    with took(0.05, 0.3):
        receive(reader, 10_000)


@BOTH
@pytest.mark.parametrize("variation", [0, 5])
def test_slicer_cuts_and_keeps_every_byte(rig: Rig, stream: str, variation: int) -> None:
    writer, reader = ends(rig, stream)
    rig.add("slicer", stream, average_size=10, size_variation=variation, delay=5_000)
    data = os.urandom(100)
    writer.sendall(data)
    first = reader.recv(1000)
    assert 0 < len(first) <= 10 + variation
    assert first + receive(reader, 100 - len(first)) == data


def test_slicer_waits_between_pieces(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("slicer", average_size=10, delay=20_000)
    with took(0.1, 1.5):  # at least 7 pieces, 20 ms between any two
        writer.sendall(bytes(80))
        receive(reader, 80)


def test_removing_the_slicer_delivers_the_rest_at_once(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    toxic = rig.add("slicer", average_size=1, delay=10_000_000)
    writer.sendall(b"abcdefgh")
    assert receive(reader, 1) == b"a"
    assert silent(reader, 0.05)
    with took(0, 1):
        rig.remove(toxic)
        assert receive(reader, 7) == b"bcdefgh"


def test_a_chain_of_all_three_keeps_every_byte(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("slicer", average_size=1000, size_variation=500)
    rig.add("latency", latency=10, jitter=10)
    rig.add("bandwidth", rate=2000)
    data = os.urandom(200_000)

    def send() -> None:
        writer.sendall(data)
        writer.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert receive_all(reader) == data
    sender.join()
    assert ending(reader) == "fin"
