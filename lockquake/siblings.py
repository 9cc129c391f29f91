"""The packages that belong to Lockquake have generic names; a project may have one of its own called ``checker``.

Found before anything of ours is imported, it is said in one sentence instead of as an ImportError somewhere inside.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

SIBLINGS = ("histories", "checker", "nuclei", "faults")


class Stranger(Exception):
    """A package that ours needs is shadowed by another of the same name."""


def require_ours(home: Path | None = None) -> None:
    """Raises Stranger when a sibling package is missing or is not the one beside this package."""
    beside = home or Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        spec = find_spec(name)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []
        if beside / name not in places:
            seen = f"is {places[0] if places else spec.origin}" if spec else "is not installed"
            raise Stranger(
                f"Lockquake needs its own package {name!r} from {beside}, but {name!r} {seen}; "
                "rename the other one, or run from another directory (python -P keeps the current one off the path)"
            )
