"""What to do about one image: a pure decision from what is present and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nuclei.platforms.image_recipes import Flavour

Source = Literal["official", "built", "given"]
Step = Literal["pull", "build"]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What was found and what is allowed. ``given``: the user's own reference or empty. ``official``: empty where the
    makers' image will not do. ``built``: the reference a build would have here, or empty where none is possible;
    ``no_build`` says why. ``present``: references the daemon
    has, of these three."""

    name: str
    given: str
    official: str
    built: str
    present: frozenset[str]
    allow_pull: bool = True
    allow_build: bool = True
    no_build: str = ""


@dataclass(frozen=True)
class Use:
    """Take this image as it is; ``flavour`` is only a guess for a given one."""

    reference: str
    source: Source
    flavour: Flavour


@dataclass(frozen=True)
class Fetch:
    """Not present: the steps to try in this order, each with the reference it brings."""

    steps: tuple[tuple[Step, str], ...]
    why_not_more: str = ""


def plan(situation: Situation) -> Use | Fetch:
    """The image to use, or how to get one.

    A reference the user gave is taken or pulled, never replaced by another. Otherwise an official image wins over a
    built one when both are present, and over building when pulling is allowed.
    """
    s = situation
    if s.given:
        if s.given in s.present:
            return Use(s.given, "given", "debian" if s.given == s.built else "official")
        return Fetch((("pull", s.given),) if s.allow_pull else (), "" if s.allow_pull else "pulling is forbidden")
    if s.official in s.present:
        return Use(s.official, "official", "official")
    if s.built and s.built in s.present:
        return Use(s.built, "built", "debian")
    steps: list[tuple[Step, str]] = []
    reasons = []
    if s.allow_pull and s.official:
        steps.append(("pull", s.official))
    elif not s.official:
        reasons.append("its makers' image has no shell, which nodes need")
    else:
        reasons.append("pulling is forbidden")
    if s.built and s.allow_build:
        steps.append(("build", s.built))
    else:
        reasons.append(s.no_build or "building is forbidden")
    return Fetch(tuple(steps), " and ".join(reasons))
