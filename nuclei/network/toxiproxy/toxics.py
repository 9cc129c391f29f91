"""What a toxic is: its seven types, their attributes, and how one is read from and written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import errors
from .body import Fields, first_value
from .errors import BodyError

UPSTREAM = "upstream"
DOWNSTREAM = "downstream"

#: Attributes of each type, all integers with default 0. Units: latency, jitter, timeout, slow_close's delay in ms;
#: rate in KB/s of 1000 bytes; average_size, size_variation, bytes in bytes; slicer's delay in microseconds.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "latency": ("latency", "jitter"),
    "bandwidth": ("rate",),
    "timeout": ("timeout",),
    "reset_peer": ("timeout",),
    "limit_data": ("bytes",),
    "slicer": ("average_size", "size_variation", "delay"),
    "slow_close": ("delay",),
}


@dataclass(slots=True, eq=False)
class Toxic:
    """A toxic of one proxy; the same object is shared by all its connections and changed in place by an update.

    Attributes:
        stream: "upstream" (client to server) or "downstream", spelled as the client spelled it.
        toxicity: the share of connections that are affected, 0 to 1.
    """

    name: str
    type: str
    stream: str
    toxicity: float = 1.0
    attributes: dict[str, int] = field(default_factory=dict)

    @property
    def direction(self) -> str:
        """The stream in lower case."""
        return self.stream.lower()

    def document(self) -> dict[str, object]:
        """The JSON object the API shows."""
        return {
            "attributes": dict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }


def read_new(raw: bytes) -> Toxic:
    """The toxic a POST body describes; checks run in the original's order.

    Raises:
        ApiError: 400 for a bad body, an invalid stream or an invalid type.
    """
    try:
        fields = Fields(first_value(raw), "ToxicWrapper")
        toxicity = fields.real("toxicity", 1.0)
        kind = fields.text("type")
        stream = fields.text("stream", DOWNSTREAM)
        name = fields.text("name")
        Fields(fields.raw("attributes"), "toxics.NoopToxic")
    except BodyError as error:
        raise errors.bad_request_body(error) from None
    if stream.lower() not in (UPSTREAM, DOWNSTREAM):
        raise errors.invalid_stream()
    if kind not in ATTRIBUTES:
        raise errors.invalid_toxic_type()
    return Toxic(name or f"{kind}_{stream}", kind, stream, toxicity, _read_attributes(kind, fields, {}))


def read_update(toxic: Toxic, raw: bytes) -> tuple[dict[str, int], float]:
    """The attributes and toxicity of ``toxic`` after a PATCH with ``raw``; everything else in the body is ignored.

    Raises:
        ApiError: 400 for a bad body.
    """
    try:
        fields = Fields(first_value(raw), "ToxicWrapper")
        toxicity = fields.real("toxicity", toxic.toxicity)
    except BodyError as error:
        raise errors.bad_request_body(error) from None
    return _read_attributes(toxic.type, fields, toxic.attributes), toxicity


def _read_attributes(kind: str, fields: Fields, current: dict[str, int]) -> dict[str, int]:
    try:
        given = Fields(fields.raw("attributes"), f"{kind}.attributes")
        return {name: given.whole(name, current.get(name, 0)) for name in ATTRIBUTES[kind]}
    except BodyError as error:
        raise errors.bad_request_body(error) from None
