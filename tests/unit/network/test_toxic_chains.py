"""Chains that change while data flows: nothing is lost that must not be, the order holds, the accounts balance."""

from __future__ import annotations

from dataclasses import dataclass

from fake_stream import Stream
from hypothesis import given, settings
from hypothesis import strategies as st

from nuclei.network.toxiproxy.toxics import Toxic

_LOSSLESS: dict[str, st.SearchStrategy[dict[str, int]]] = {
    "latency": st.fixed_dictionaries({"latency": st.integers(0, 300), "jitter": st.integers(0, 100)}),
    "bandwidth": st.fixed_dictionaries({"rate": st.integers(0, 50)}),
    "slicer": st.fixed_dictionaries(
        {
            "average_size": st.integers(0, 200),
            "size_variation": st.integers(0, 50),
            "delay": st.integers(0, 20_000),
        }
    ),
    "slow_close": st.fixed_dictionaries({"delay": st.integers(0, 500)}),
}
_LOSSY: dict[str, st.SearchStrategy[dict[str, int]]] = {
    "timeout": st.fixed_dictionaries({"timeout": st.integers(0, 300)}),
    "reset_peer": st.fixed_dictionaries({"timeout": st.integers(0, 300)}),
    "limit_data": st.fixed_dictionaries({"bytes": st.integers(0, 3000)}),
}


@dataclass(frozen=True)
class Step:
    """One thing that happens to a stream."""

    what: str
    size: int = 0
    kind: str = ""
    attributes: tuple[tuple[str, int], ...] = ()
    toxicity: float = 1.0
    index: int = 0


def _steps(kinds: dict[str, st.SearchStrategy[dict[str, int]]]) -> st.SearchStrategy[list[Step]]:
    size = st.integers(1, 2000)
    index = st.integers(0, 5)
    toxicity = st.sampled_from([0.0, 0.5, 1.0])
    adds = [
        st.builds(
            Step,
            what=st.just("add"),
            kind=st.just(kind),
            attributes=attributes.map(lambda found: tuple(found.items())),
            toxicity=toxicity,
        )
        for kind, attributes in kinds.items()
    ]
    return st.lists(
        st.one_of(
            st.builds(Step, what=st.sampled_from(["feed", "feed", "wait"]), size=size),
            st.builds(Step, what=st.sampled_from(["remove", "update"]), index=index),
            *adds,
        ),
        max_size=40,
    )


def _play(stream: Stream, steps: list[Step]) -> tuple[bytes, list[Toxic]]:
    """Do the steps; returns what was fed and the toxics that are left."""
    fed = b""
    toxics: list[Toxic] = []
    for number, step in enumerate(steps):
        if step.what == "feed":
            data = bytes((number + offset) % 256 for offset in range(step.size))
            fed += data
            stream.feed(data)
        elif step.what == "wait":
            stream.clock.advance(step.size / 1000)
        elif step.what == "add":
            toxics.append(stream.add(step.kind, toxicity=step.toxicity, **dict(step.attributes)))
        elif toxics:
            toxic = toxics[step.index % len(toxics)]
            if step.what == "remove":
                toxics.remove(toxic)
                stream.pipe.remove(toxic)
            else:
                stream.pipe.update(toxic)
        assert stream.pipe.held >= 0
    return fed, toxics


@settings(deadline=None)
@given(steps=_steps(_LOSSLESS), seed=st.integers(0, 5))
def test_toxics_that_keep_every_byte_keep_every_byte(steps: list[Step], seed: int) -> None:
    stream = Stream(seed=seed)
    fed, toxics = _play(stream, steps)
    stream.pipe.source_ended()
    assert fed.startswith(stream.sink.data)
    for toxic in toxics:
        stream.pipe.remove(toxic)
    assert stream.sink.data == fed
    assert stream.sink.closed_at is not None
    assert (stream.pipe.held, stream.pipe.dropped, stream.clock.pending) == (0, 0, 0)


@settings(deadline=None)
@given(steps=_steps({**_LOSSLESS, **_LOSSY}), seed=st.integers(0, 5))
def test_any_chain_keeps_its_accounts_and_leaves_no_timer(steps: list[Step], seed: int) -> None:
    """The fakes also fail when anything is written after the close, or closed twice."""
    stream = Stream(seed=seed)
    fed, toxics = _play(stream, steps)
    for toxic in toxics:
        stream.pipe.remove(toxic)
    stream.pipe.source_ended()
    assert stream.sink.closed_at is not None
    assert stream.pipe.held == 0
    assert stream.clock.pending == 0
    assert len(stream.sink.data) <= len(fed)


@settings(deadline=None)
@given(steps=_steps({**_LOSSLESS, **_LOSSY}), seed=st.integers(0, 5))
def test_a_lost_sink_forgets_everything(steps: list[Step], seed: int) -> None:
    stream = Stream(seed=seed)
    _play(stream, steps)
    stream.pipe.finish()
    assert (stream.pipe.held, stream.clock.pending, stream.source.reading) == (0, 0, False)
    writes = len(stream.sink.writes)
    stream.feed(b"late")
    stream.clock.advance(3600)
    assert len(stream.sink.writes) == writes


def test_a_full_sink_pauses_the_source_with_and_without_toxics() -> None:
    for stream in (Stream(), Stream(("latency", {"latency": 10}))):
        stream.pipe.sink_full(True)
        assert not stream.source.reading
        stream.pipe.sink_full(False)
        assert stream.source.reading


def test_latency_has_room_for_what_is_in_flight() -> None:
    stream = Stream(("latency", {"latency": 1000}))
    stream.feed(bytes(10_000_000))
    assert stream.source.reading


def test_an_updated_limit_goes_on_counting() -> None:
    stream = Stream(("limit_data", {"bytes": 4}))
    stream.feed(b"abc")
    stream.toxics[0].attributes["bytes"] = 5
    stream.pipe.update(stream.toxics[0])
    stream.feed(b"defg")
    assert stream.sink.data == b"abcde"


def test_a_toxic_added_behind_a_stall_does_not_free_what_is_held() -> None:
    stream = Stream(("bandwidth", {"rate": 0}))
    stream.feed(b"held")
    stream.add("latency", latency=10)
    stream.clock.advance(10)
    assert stream.sink.data == b""


def test_toxicity_is_drawn_again_by_a_neighbour_but_not_when_it_is_certain() -> None:
    """A certain black hole is not opened for a moment; its timer, too, runs on."""
    stream = Stream(("timeout", {"timeout": 100}))
    stream.clock.advance(0.09)
    stream.add("latency", latency=1)
    stream.clock.advance(1)
    assert stream.closed_ms() == 100


def test_a_toxic_taken_out_of_the_middle_has_no_effect_any_more() -> None:
    stream = Stream(("latency", {"latency": 10}), ("latency", {"latency": 1000}), ("latency", {"latency": 20}))
    stream.pipe.remove(stream.toxics[1])
    stream.feed(b"a")
    stream.clock.advance(5)
    assert stream.arrivals() == [(30, b"a")]


def test_an_update_while_the_end_is_held_back_holds_it_anew() -> None:
    stream = Stream(("slow_close", {"delay": 1000}))
    stream.pipe.source_ended()
    stream.clock.advance(0.5)
    stream.toxics[0].attributes["delay"] = 200
    stream.pipe.update(stream.toxics[0])
    stream.clock.advance(5)
    assert stream.closed_ms() == 700


def test_a_toxic_added_behind_a_burning_fuse_starts_nothing() -> None:
    for seed in range(20):
        stream = Stream(seed=seed)
        stream.add("reset_peer", toxicity=0.5, timeout=100)
        stream.feed(b"a")
        stream.add("timeout", timeout=100)
        if stream.sink.closed_at is not None:
            assert stream.clock.pending == 0
            return
    raise AssertionError("no fuse was lit in twenty tries")
