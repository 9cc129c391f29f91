"""Judge a story by one property."""

from __future__ import annotations

from checker import Verdict, check
from histories.build import Story


def judged(story: Story, name: str) -> Verdict | None:
    """The verdict of one property, None where it does not apply or has no occasion."""
    return next((verdict for verdict in check(story.history()) if verdict.property == name), None)


def validity(story: Story, name: str) -> tuple[str, str | None] | None:
    """(validity, kind) of one property, None where it does not apply or has no occasion."""
    verdict = judged(story, name)
    return None if verdict is None else (verdict.validity, verdict.kind)
