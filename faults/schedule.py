"""A schedule is pure data: which faults, when each is triggered, and for how long it lasts."""

from __future__ import annotations

import msgspec

from faults.grammar import BadArgument, duration, parse
from histories.vocabulary import POINTS


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a fault begins: at a protocol point of a client (None: whichever client comes there first), or ``after``
    seconds of the workload. A client that triggers is held there by a barrier until the fault is in force."""

    point: str | None = None
    client: str | None = None
    after: float | None = None


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One fault of a schedule. ``params`` are the family's own, as text, exactly as the user wrote them."""

    name: str
    params: dict[str, str] = {}
    trigger: Trigger = Trigger(point="granted")

    def text(self) -> str:
        """The fault as one would type it."""
        params = dict(self.params)
        if self.trigger.after is not None:
            params["at"] = f"{self.trigger.after:g}s"
        elif self.trigger.point != "granted":
            params["at"] = str(self.trigger.point)
        if self.trigger.client:
            params["client"] = self.trigger.client
        return self.name + (":" + ",".join(f"{k}={v}" for k, v in params.items()) if params else "")


def read_fault(text: str) -> FaultSpec:
    """A fault from its text form; ``at=POINT`` or ``at=SECONDS`` and ``client=NAME`` make the trigger.

    Raises BadArgument.
    """
    name, params = parse(text)
    at = params.pop("at", "granted")
    client = params.pop("client", None)
    if at in POINTS:
        return FaultSpec(name=name, params=params, trigger=Trigger(point=at, client=client))
    try:
        return FaultSpec(name=name, params=params, trigger=Trigger(after=duration(at), client=client))
    except BadArgument:
        raise BadArgument(f"at={at} in {text!r}: neither a duration nor one of {', '.join(POINTS)}") from None
