"""What `make bench-checker` measures: every dimension of a lock history varied from one base, and the goals' cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from benchmarks.lock_histories import Invalid
from benchmarks.lock_truth import Grants


@dataclass(frozen=True, slots=True)
class Setting:
    """The arguments of :func:`benchmarks.lock_histories.generate`."""

    n: int
    clients: int
    grants: Grants
    refusals: float = 0.3
    crashes: float = 0.0
    locks: int = 1
    invalid: Invalid | None = None
    owners: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Settings measured in turns, so that ratios compare neighbours in time. ``against``: a field and its value; each
    setting is compared with the one that is the same but for that."""

    title: str
    settings: tuple[Setting, ...]
    against: tuple[str, object] | None = None

    def partner(self, setting: Setting) -> Setting | None:
        """What a setting is compared with."""
        if self.against is None:
            return None
        field, value = self.against
        other = replace(setting, **{field: value})  # type: ignore[arg-type]
        return other if other != setting and other in self.settings else None


@dataclass
class Row:
    """One setting's samples: one per turn of each way of measuring it, or why there are none."""

    setting: Setting
    samples: list[dict[str, float]] = field(default_factory=list)
    failure: str = ""


@dataclass
class Results:
    """``groups``: check-only, by group. ``files``: from file to verdict, by kind of file."""

    groups: list[tuple[Group, list[Row]]] = field(default_factory=list)
    files: dict[str, list[Row]] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        """All rows."""
        return [row for _, some in self.groups for row in some] + [row for some in self.files.values() for row in some]

    def find(self, setting: Setting, title: str = "") -> Row | None:
        """The first row of check-only with that setting (in the group of that title) that did not fail."""
        rows = (row for group, some in self.groups if title in group.title for row in some)
        return next((row for row in rows if row.setting == setting and not row.failure), None)


BASE = Setting(100_000, 50, "random")
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
CRASHES = (0.0, 0.001, 0.01, 0.05)

PUBLISHED_ODD = Setting(1_000, 10, "random", crashes=0.026, invalid="late")
MANY_LOCKS = Setting(1_000_000, 10, "random", locks=1_000)
WORST = Setting(10_000_000, 50, "random", crashes=0.05)

_MIDDLE = (BASE, replace(BASE, n=SIZES[3]))

GROUPS = (
    Group("Calls", (*(replace(BASE, n=n, grants=grants) for n in SIZES for grants in ("fifo", "random")),
                    replace(BASE, n=SIZES[-1], owners=True))),
    Group("Clients", tuple(replace(one, clients=clients) for one in _MIDDLE for clients in (5, 10, 50, 100)),
          ("clients", 5)),
    Group("Validity", (*(replace(one, invalid=when) for one in _MIDDLE for when in (None, "early", "late")),
                       PUBLISHED_ODD), ("invalid", None)),
    Group("Refusals", tuple(replace(one, refusals=share) for one in _MIDDLE for share in (0.0, 0.3)),
          ("refusals", 0.0)),
    Group("Crashes", (*(replace(one, crashes=share) for one in _MIDDLE for share in CRASHES),
                      replace(WORST, crashes=0.0), WORST), ("crashes", 0.0)),
    Group("Locks", (replace(MANY_LOCKS, locks=1), MANY_LOCKS, replace(MANY_LOCKS, n=SIZES[-1])), ("locks", 1)),
)  # fmt: skip

FILES = tuple(replace(BASE, n=n, crashes=0.01, owners=True) for n in SIZES)
"""Judged from files too, with owner values as our own clients record them."""


def reduced(groups: tuple[Group, ...], most: int) -> tuple[Group, ...]:
    """The same without settings of more calls than ``most``."""
    fewer = (replace(group, settings=tuple(one for one in group.settings if one.n <= most)) for group in groups)
    return tuple(group for group in fewer if group.settings)
