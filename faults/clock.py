"""Wall clocks that jump (a wrong NTP server, a virtual machine that was restored, an administrator): a server that
counts a lease by its wall clock ends it early or late, one that counts by a monotonic clock does not notice."""

from __future__ import annotations

from faults.base import LONGEST, FaultFamily
from faults.grammar import BadArgument, duration
from faults.schedule import FaultSpec
from faults.targets import node_target
from nuclei.clusters.clocks import Ahead
from nuclei.platforms.base import HarnessError, Unsupported
from nuclei.platforms.choice import Ability

_PRECISION = 0.01
"""Seconds: what a server says may be rounded to milliseconds, or be as old as a tick."""
_QUESTIONS = 5


def jump(text: str, lapse: float | None) -> float:
    """Seconds of a duration with a sign; ahead without one. Raises BadArgument."""
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * duration(text.removeprefix("-").removeprefix("+"), lapse)


class Clock(FaultFamily):
    """Put a server's wall clock ahead or back, by the same for as long as it lasts; on heal it is right again, which is
    a jump the other way. Proven by what the server itself says the time is."""

    name = "clock"
    marker = "clock"
    summary = "put a server's wall clock ahead or back, and right again later"
    parameters = {
        "target": ("primary", "primary (or leader), or a node's name"),
        "by": ("2x", "how far ahead, back where negative (-5s); x is the lock's lease or session"),
        "for": ("0.5x", "how long; x is the lock's lease or session"),
    }

    @classmethod
    def check(cls, spec: FaultSpec) -> None:
        super().check(spec)
        by = spec.params.get("by", cls.parameters["by"][0])
        seconds = abs(jump(by, 1.0))
        if not 0 < seconds <= LONGEST:
            raise BadArgument(f"by={by}: a clock is moved by more than nothing and at most {LONGEST:g} s")

    @classmethod
    def needs(cls, spec: FaultSpec, *, linked: bool) -> frozenset[Ability]:
        return frozenset({"clocks"})

    def inject(self, trigger: str | None) -> str:
        node = node_target(self.arena, self.param("target"))
        by = jump(self.param("by"), self.arena.lapse or 3.0)
        before = self._prove(node, 0.0)
        self.targets = [node]
        moved = self.arena.cluster.platform.set_clock(node, by)
        return f"{moved}; before: {before}; now: {self._prove(node, by)}"

    def heal(self) -> str:
        proofs = []
        for node in self.targets:
            moved = self.arena.cluster.platform.set_clock(node, 0.0)
            proofs.append(f"{moved}; now: {self._healed(node)}")
        return "; ".join(proofs) or "no clock had been moved"

    def _healed(self, node: str) -> str:
        if (state := self.arena.cluster.platform.state(node)) != "running":
            return f"{node} is {state} and cannot be asked"
        try:
            return self._prove(node, 0.0)
        except Unsupported as error:  # a ZooKeeper that was the leader when its clock was moved
            return str(error)

    def _prove(self, node: str, ahead: float) -> str:
        """The node's own word that its wall clock is ``ahead`` of ours. Raises HarnessError, Unsupported."""
        seen = self._seen(node)
        if not seen.may_be(ahead, _PRECISION):
            raise HarnessError(f"{node} says that its clock is {seen} ahead of ours, where {ahead:+g} s was asked for")
        if ahead and seen.may_be(0.0, _PRECISION):
            raise HarnessError(f"{node} took so long to say its time that {ahead:+g} s cannot be told from none")
        return f"{node} says {seen}"

    def _seen(self, node: str) -> Ahead:
        """What it says; on a busy machine it is asked again, and the quickest answer counts."""
        answers: list[Ahead] = []
        while len(answers) < _QUESTIONS and (not answers or answers[-1].width > _PRECISION):
            answers.append(self.arena.cluster.clock_ahead(node))
        return min(answers, key=lambda answer: answer.width)
