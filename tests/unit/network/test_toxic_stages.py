"""Each toxic on a clock of the test's own: exact times, exact bytes."""

from __future__ import annotations

import random

import pytest
from fake_stream import Stream
from hypothesis import given, settings
from hypothesis import strategies as st

from nuclei.network.toxiproxy.shaping import slices


def test_without_toxics_the_source_writes_straight_into_the_sink() -> None:
    stream = Stream()
    assert stream.source.forward == stream.sink.write
    stream.feed(b"x")
    stream.pipe.source_ended()
    assert stream.arrivals() == [(0, b"x")]
    assert stream.closed_ms() == 0


def test_latency_delays_each_chunk_from_when_it_was_read() -> None:
    stream = Stream(("latency", {"latency": 100}))
    for data in (b"a", b"b", b"c"):
        stream.feed(data)
        stream.clock.advance(0.03)
    stream.clock.advance(1)
    assert stream.arrivals() == [(100, b"a"), (130, b"b"), (160, b"c")]


def test_latency_0_passes_without_a_timer() -> None:
    stream = Stream(("latency", {}))
    stream.feed(b"a")
    assert stream.arrivals() == [(0, b"a")]
    assert stream.clock.pending == 0


def test_jitter_stays_in_its_range_and_in_order() -> None:
    stream = Stream(("latency", {"latency": 50, "jitter": 20}))
    for number in range(100):
        stream.feed(bytes([number]))
        stream.clock.advance(0.001)
    stream.clock.advance(1)
    assert stream.sink.data == bytes(range(100))
    delays = [when - number for number, (when, _) in enumerate(stream.arrivals())]
    assert min(delays) >= 30
    assert max(delays) <= 70
    assert max(delays) - min(delays) > 10


def test_two_latencies_add_up() -> None:
    stream = Stream(("latency", {"latency": 100}), ("latency", {"latency": 50}))
    stream.feed(b"a")
    stream.clock.advance(1)
    assert stream.arrivals() == [(150, b"a")]


def test_the_end_waits_behind_delayed_data_but_is_not_delayed_itself() -> None:
    stream = Stream(("latency", {"latency": 100}))
    stream.feed(b"a")
    stream.clock.advance(0.02)
    stream.pipe.source_ended()
    stream.clock.advance(1)
    assert (stream.arrivals(), stream.closed_ms()) == ([(100, b"a")], 100)
    idle = Stream(("latency", {"latency": 100}))
    idle.pipe.source_ended()
    assert idle.closed_ms() == 0


def test_bandwidth_sends_what_100_ms_allow_every_100_ms() -> None:
    stream = Stream(("bandwidth", {"rate": 1}))  # 1 KB/s: 100 bytes in 100 ms
    stream.feed(bytes(250))
    stream.clock.advance(1)
    assert [(when, len(data)) for when, data in stream.arrivals()] == [(100, 100), (200, 100), (250, 50)]


def test_bandwidth_saves_up_nothing_while_idle() -> None:
    stream = Stream(("bandwidth", {"rate": 1}))
    stream.clock.advance(10)
    stream.feed(bytes(100))
    stream.clock.advance(1)
    stream.feed(bytes(100))
    stream.clock.advance(1)
    assert [when for when, _ in stream.arrivals()] == [10_100, 11_100]


@pytest.mark.parametrize("rate", [0, -5])
def test_a_stall_holds_everything_and_pauses_the_source(rate: int) -> None:
    stream = Stream(("bandwidth", {"rate": rate}))
    stream.feed(bytes(60_000))
    assert stream.source.reading
    stream.feed(bytes(60_000))
    assert not stream.source.reading
    stream.pipe.source_ended()
    stream.clock.advance(3600)
    assert (stream.sink.data, stream.sink.closed_at, stream.pipe.held) == (b"", None, 120_000)
    stream.pipe.remove(stream.toxics[0])
    assert (len(stream.sink.data), stream.closed_ms(), stream.pipe.held) == (120_000, 3_600_000, 0)


def test_the_source_reads_again_when_a_stall_ends() -> None:
    stream = Stream(("bandwidth", {"rate": 0}))
    stream.feed(bytes(100_000))
    stream.pipe.remove(stream.toxics[0])
    assert stream.source.reading
    assert stream.source.forward == stream.sink.write


def test_slicer_sends_a_piece_every_delay() -> None:
    stream = Stream(("slicer", {"average_size": 10, "delay": 5000}))
    stream.feed(bytes(range(40)))
    stream.clock.advance(1)
    assert [when for when, _ in stream.arrivals()] == [0, 5, 10, 15]
    assert all(len(data) == 10 for _, data in stream.arrivals())
    assert stream.sink.data == bytes(range(40))


def test_slicer_without_delay_lets_others_have_a_turn() -> None:
    stream = Stream(("slicer", {"average_size": 1}))
    stream.feed(bytes(200))
    assert 0 < len(stream.sink.writes) < 200
    stream.clock.advance(0)
    assert len(stream.sink.writes) == 200


def test_removing_the_slicer_sends_the_rest_in_one_piece() -> None:
    stream = Stream(("slicer", {"average_size": 10, "delay": 5000}))
    stream.feed(bytes(range(100)))
    stream.pipe.remove(stream.toxics[0])
    assert stream.sink.data == bytes(range(100))
    assert len(stream.sink.writes) == 2


@settings(deadline=None)
@given(size=st.integers(1, 5000), average=st.integers(-3, 300), variation=st.integers(-3, 300), seed=st.integers(0, 9))
def test_slices_cover_the_chunk_with_pieces_of_their_size(size: int, average: int, variation: int, seed: int) -> None:
    ends = list(slices(size, average, variation, random.Random(seed)))
    pieces = [stop - start for start, stop in zip([0, *ends], ends, strict=False)]
    assert ends[-1] == size
    assert min(pieces) >= 1
    assert max(pieces) <= max(1, average + max(0, variation))


def test_timeout_drops_and_closes_after_its_silence() -> None:
    stream = Stream(("timeout", {"timeout": 100}))
    stream.clock.advance(0.06)
    stream.feed(b"abc")
    stream.clock.advance(1)
    assert (stream.sink.data, stream.closed_ms(), stream.pipe.dropped) == (b"", 160, 3)


def test_timeout_0_drops_until_removed_and_removal_closes() -> None:
    stream = Stream(("timeout", {}))
    for _ in range(100):
        stream.feed(bytes(65536))
    stream.clock.advance(3600)
    assert stream.source.reading
    assert (stream.sink.writes, stream.sink.closed_at) == ([], None)
    stream.pipe.remove(stream.toxics[0])
    assert stream.closed_ms() == 3_600_000
    assert not stream.source.reading


def test_removing_a_timeout_closes_even_connections_its_toxicity_spared() -> None:
    stream = Stream()
    toxic = stream.add("timeout", toxicity=0.0)
    stream.feed(b"spared")
    assert stream.sink.data == b"spared"
    stream.pipe.remove(toxic)
    assert stream.closed_ms() == 0


def test_reset_peer_burns_from_the_first_chunk_and_removal_does_not_save_it() -> None:
    stream = Stream(("reset_peer", {"timeout": 100}))
    stream.clock.advance(5)
    assert stream.sink.closed_at is None
    stream.feed(b"a")
    stream.clock.advance(0.05)
    stream.feed(b"b")
    stream.clock.advance(1)
    assert (stream.sink.writes, stream.closed_ms(), stream.pipe.dropped) == ([], 5100, 2)
    burning = Stream(("reset_peer", {"timeout": 100}))
    burning.feed(b"a")
    burning.pipe.remove(burning.toxics[0])
    assert burning.closed_ms() == 0
    unlit = Stream(("reset_peer", {"timeout": 100}))
    unlit.pipe.remove(unlit.toxics[0])
    unlit.feed(b"a")
    assert unlit.sink.data == b"a"


@pytest.mark.parametrize(("limit", "passed"), [(0, b""), (-1, b""), (4, b"abcd"), (6, b"abcdef")])
def test_limit_data_cuts_and_closes(limit: int, passed: bytes) -> None:
    stream = Stream(("limit_data", {"bytes": limit}))
    stream.feed(b"abc")
    stream.feed(b"def")
    assert (stream.sink.data, stream.closed_ms()) == (passed, 0)


def test_slow_close_holds_the_end_only() -> None:
    stream = Stream(("slow_close", {"delay": 200}))
    stream.feed(b"a")
    stream.pipe.source_ended()
    stream.pipe.source_ended()
    stream.clock.advance(1)
    assert (stream.arrivals(), stream.closed_ms()) == ([(0, b"a")], 200)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_masked_fin_passes_when_the_cut_is_healed_in_either_order(order: tuple[int, int]) -> None:
    stream = Stream(("timeout", {}), ("slow_close", {"delay": 1_000_000}))
    stream.pipe.source_ended()
    stream.clock.advance(10)
    assert stream.sink.closed_at is None
    for index in order:
        stream.pipe.remove(stream.toxics[index])
    assert stream.closed_ms() == 10_000
    assert stream.clock.pending == 0
