"""What a nemesis did, as faults: asked for and proven by one word of it, healed by another.

Nemeses log what they are about to do and, with the same word, what came of it. Which words belong together is in
:mod:`histories.jepsen.words`; a word that is not known there begins a fault that nothing heals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from histories.edn import Edn, Keyword
from histories.jepsen.operation import Op, text_of
from histories.jepsen.words import HEALS_ALL, NO_FAULT, begun_by, healed_by
from histories.rows import Fault
from histories.vocabulary import FaultState

MOST_TARGETS = 64
_LONGEST_TARGET = 100


def fault_rows(ops: Sequence[Op]) -> list[Fault]:
    """The rows of all that nemeses did, in their order; faults are numbered ``n1``, ``n2``, …"""
    nemesis = _Nemesis()
    return [row for op in ops if op.f is not None and op.f not in NO_FAULT for row in nemesis.rows(op, op.f)]


@dataclass
class _Nemesis:
    """``names``: of all faults. ``in_force``: by name, those that nobody has begun to heal. ``under_way``: what each
    word that has not come back begins or (True) heals, by process."""

    names: dict[str, str] = field(default_factory=dict)
    in_force: dict[str, list[str]] = field(default_factory=dict)
    under_way: dict[tuple[int | str | None, str], tuple[list[str], bool]] = field(default_factory=dict)

    def rows(self, op: Op, word: str) -> Iterator[Fault]:
        """The rows of one operation."""
        key = (op.process, word)
        came_back = key in self.under_way
        faults, heals = self.under_way.pop(key) if came_back else self._meant(word)
        state: FaultState = ("healed" if came_back else "heal-asked") if heals else "proven" if came_back else "asked"
        if not came_back:
            self.under_way[key] = (faults, heals)
        for fault in faults:
            yield Fault(
                t=op.t, fault=fault, name=self.names[fault], state=state, targets=[] if heals else targets(op.value),
                evidence=None if op.value is None else text_of(op.value),
            )  # fmt: skip

    def _meant(self, word: str) -> tuple[list[str], bool]:
        cures = healed_by(word)
        harms = [name for name in cures if name in self.in_force]
        if not harms and word in HEALS_ALL:
            harms = list(self.in_force)
        if harms:
            return [fault for name in harms for fault in self.in_force.pop(name)], True
        if cures and word != "start":
            return [], True
        fault = f"n{len(self.names) + 1}"
        name = self.names[fault] = begun_by(word)
        self.in_force.setdefault(name, []).append(fault)
        return [fault], False


def targets(value: Edn) -> list[str]:
    """The nodes named in what a nemesis says: the strings in its collections, ``[:isolated {"n1" #{"n2"}}]``."""
    found: dict[str, None] = {}
    left: list[Edn] = [value] if isinstance(value, dict | list | tuple) else []
    while left and len(found) < MOST_TARGETS:
        inner = left.pop()
        if isinstance(inner, dict):
            left += [part for pair in reversed(inner.items()) for part in reversed(pair)]
        elif isinstance(inner, list | tuple):
            left += reversed(inner)
        elif isinstance(inner, str) and not isinstance(inner, Keyword) and len(inner) <= _LONGEST_TARGET:
            found[inner] = None
    return list(found)
