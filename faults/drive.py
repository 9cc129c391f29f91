"""The life of one fault in a trial: prepared, triggered at a barrier, in force, healed — each step in the history."""

from __future__ import annotations

import time

from faults.arena import Arena, NotExercised
from faults.base import FaultFamily
from faults.families import family
from faults.linger import Linger
from faults.schedule import FaultSpec
from histories.vocabulary import Point
from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Go, Hold

TRIGGER_LIMIT = 15.0
"""Seconds within which the trigger must come, else the trial is not exercised."""
AFTER_HEAL = 1.0
"""Seconds that a resumed holder is kept at most until somebody else is inside."""
LINGER_LIMIT = 60.0
"""No holder is kept longer than this after the heal, whatever its lease."""
OF_LEASE = 0.8
"""Share of its lease for which a holder is kept at most."""
WITHIN: frozenset[Point] = frozenset({"granted", "before-write", "before-renew", "before-release"})
"""Points at which a client is inside."""


class FaultDrive:
    """Drives one fault. ``run`` does everything up to its heal; ``heal`` may be called again from anywhere (a Ctrl-C,
    a harness error) and heals at most once."""

    def __init__(self, ident: str, spec: FaultSpec, arena: Arena) -> None:
        self.ident = ident
        self.spec = spec
        self.arena = arena
        self.fault: FaultFamily = family(spec)(spec, arena)
        self._begun = False
        self._asked = False
        self._healed = False

    def run(self) -> None:
        """Prepare, wait for the trigger, inject and prove, let the trigger go on, wait, heal.

        Raises NotExercised, Unsupported, HarnessError, Interrupted, ViolationSeen; the caller must then call ``heal``.
        """
        self._begun = True
        with self.arena.watch.undisturbed():
            self.fault.prepare()
        held = self._trigger()
        holder = held[0] if held else None
        granted_at = time.monotonic()
        self.arena.say(f"{self.spec.text()}: injecting" + (f" while {holder} stands at {held[1]}" if held else ""))
        with self.arena.watch.undisturbed():
            self._inject(holder)
        heal_at = time.monotonic() + self.fault.seconds("for")
        linger = self._let_go(holder, granted_at) if holder is not None else None
        if linger and self.fault.lingers == "within-lease":
            linger.until_joined(heal_at)
        self.arena.watch.sleep(heal_at - time.monotonic())
        self.heal()
        if linger and self.fault.lingers == "within-lease":
            linger.until_joined(time.monotonic() + LINGER_LIMIT)
        elif linger:
            linger.while_alone(AFTER_HEAL, leased=self.arena.lease is not None)

    def heal(self) -> None:
        """Heal and prove it, once; nothing happens when the fault was never begun. Raises HarnessError.

        One that was only prepared, because its trigger did not come, is no fault of the history."""
        if not self._begun or self._healed:
            return
        self._healed = True
        if self._asked:
            self._record("heal-asked", None)
        try:
            with self.arena.watch.undisturbed():
                evidence = self.fault.heal()
        except BaseException as error:
            self._record("unhealed", str(error))
            raise
        if self._asked:
            self._record("healed", evidence)

    def _inject(self, holder: str | None) -> None:
        self._asked = True
        self._record("asked", None)
        evidence = self.fault.inject(holder)
        self._record("proven", evidence)

    def _record(self, state: str, evidence: str | None) -> None:
        self.arena.record(self.ident, self.spec.name, state, self.fault.targets, evidence, self.spec.params)  # type: ignore[arg-type]

    def _trigger(self) -> tuple[str, Point] | None:
        """Hold whoever reaches the trigger's point first; None for a trigger by time."""
        trigger = self.spec.trigger
        if trigger.after is not None:
            self.arena.watch.sleep(trigger.after)
            return None
        point: Point = trigger.point  # type: ignore[assignment]
        only = self.fault.trigger_client()
        wanted = [only] if only else list(self.arena.clients)
        candidates = {name: self.arena.clients[name] for name in wanted}
        longest = self._longest_at(point)
        for client in candidates.values():
            client.send(Hold(point=point, times=1, seconds=longest))
        first = self.arena.watch.until(lambda: _standing(candidates, point), time.monotonic() + TRIGGER_LIMIT)
        for name, client in candidates.items():
            if name != first:
                client.send(Hold(point=point, times=0))
        if first is None:
            raise NotExercised(
                f"no client reached {point!r} within {TRIGGER_LIMIT:g} s, so {self.spec.text()} never began"
            )
        return first, point

    def _longest_at(self, point: Point) -> float | None:
        """Seconds for which the trigger may be kept at its barrier while the fault is put in force. Whoever is paused
        or killed there is not kept by us."""
        if self.arena.lease is None or point not in WITHIN or self.fault.lingers != "within-lease":
            return None
        return OF_LEASE * self.arena.lease

    def _let_go(self, holder: str, granted_at: float) -> Linger | None:
        """Let the trigger pass, and keep it inside where the fault may let others in."""
        client = self.arena.clients[holder]
        if not client.alive:
            return None
        limit = self._linger_until(granted_at)
        paused = holder in self.fault.targets
        useful = paused if self.fault.lingers == "once-healed" else limit > time.monotonic()
        if self.fault.lingers != "not" and self.spec.trigger.point == "granted" and useful:
            return Linger(holder, client, self.arena.watch, granted_at, limit, shared=self.arena.shared)
        client.send(Go())
        return None

    def _linger_until(self, granted_at: float) -> float:
        """A lease's holder stays within most of its lease; a session's holder as long as the fault lasts."""
        if self.arena.lease is not None:
            return granted_at + OF_LEASE * self.arena.lease
        return time.monotonic() + self.fault.seconds("for")


def _standing(clients: dict[str, ClientProcess], point: Point) -> str | None:
    return next((name for name, client in clients.items() if client.stands_at(point)), None)
