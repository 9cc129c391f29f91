"""What a picture is made of: lanes with bars and marks over a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bar:
    """A stretch [start, end] (ns) drawn with the glyph called ``fill``; ``text`` is written into it, if it fits."""

    start: int
    end: int
    fill: str
    text: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment (ns) drawn with the glyph called ``glyph``."""

    t: int
    glyph: str


@dataclass
class Lane:
    """One line of the picture. Bars are drawn in order, then marks. ``aside``: text to put right of the last bar."""

    label: str
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    aside: str = ""


@dataclass(frozen=True)
class Scene:
    """The lanes between ``start`` and ``end`` (ns); ``origin``: when the trial began."""

    start: int
    end: int
    origin: int
    lanes: list[Lane]
    left_out: int
