"""From a history to its verdicts: every property that applies, for every lock; one that fails says unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from checker.case import Case, cases
from checker.harness import harness_problems
from checker.registry import PROPERTIES, Property, find
from checker.verdict import Verdict
from histories.read import History


def check(history: History, only: Sequence[str] | None = None) -> list[Verdict]:
    """The verdicts of a history, per lock name in order of first use, properties in order of the registry.

    ``only``: judge just these properties; one that does not exist, does not apply or has no occasion then says so as
    ``unknown``. A property whose checker raises is unknown, with the error as its reason. Never raises.
    """
    return examine(history, only).verdicts


@dataclass
class Examined:
    """A history taken apart, and its verdicts. ``problems``: what went wrong with the experiment itself, a sentence
    each. A history that cannot be taken apart has no cases, and one verdict that says so."""

    cases: list[Case]
    problems: list[str]
    verdicts: list[Verdict]


def examine(history: History, only: Sequence[str] | None = None) -> Examined:
    """:func:`check`, with the cases it judged: for a report, which shows them. Never raises."""
    problems: list[str] = []
    try:
        problems = harness_problems(history)
        found = cases(history)
    except Exception as error:
        return Examined([], problems, [_failed("history", "", error)])
    verdicts: list[Verdict] = []
    for case in found:
        for entry in PROPERTIES:
            if only is None or entry.name in only:
                judged = _judge(entry, case, asked=only is not None)
                verdicts += [_excused(verdict, problems) for verdict in judged] if entry.liveness else judged
    known = {entry.name for entry in PROPERTIES}
    verdicts += [_no_such(name) for name in only or () if name not in known]
    return Examined(found, problems, verdicts)


def _judge(entry: Property, case: Case, *, asked: bool) -> list[Verdict]:
    try:
        verdict = entry.judge(case) if entry.is_for(case.spec) else None
    except Exception as error:
        return [_failed(entry.name, case.lock, error)]
    if verdict is not None:
        return [verdict]
    if not asked:
        return []
    why = "the history holds no occasion for it" if entry.is_for(case.spec) else "the lock's spec does not promise it"
    sentence = f"{entry.name} was not judged: {why}"
    return [Verdict(property=entry.name, validity="unknown", sentence=sentence, lock=case.lock, reason=why)]


def _excused(verdict: Verdict, problems: list[str]) -> Verdict:
    """That something did not come in time says nothing of the lock when the experiment itself went wrong."""
    if verdict.validity != "invalid" or not problems:
        return verdict
    reason = f"the experiment itself went wrong: {problems[0]}"
    sentence = f"{verdict.property} is unknown, {reason} (seen: {verdict.sentence})"
    return structs.replace(verdict, validity="unknown", kind=None, cause=None, reason=reason, sentence=sentence)


def _failed(name: str, lock: str, error: Exception) -> Verdict:
    reason = f"its checker failed: {type(error).__name__}: {error}"
    return Verdict(property=name, validity="unknown", sentence=f"{name} is unknown, {reason}", lock=lock, reason=reason)


def _no_such(name: str) -> Verdict:
    assert find(name) is None
    reason = f"there is no such property; there are {', '.join(entry.name for entry in PROPERTIES)}"
    return Verdict(property=name, validity="unknown", sentence=f"{name!r} was not judged: {reason}", reason=reason)
