"""What a user's own lock imports: the contract of :mod:`nuclei.locks.base` under the one name users import."""

from histories.spec import Spec
from nuclei.locks.base import Attempt, Claim, Grant, Indeterminate, Lock, LockContext, LockEntry, Refused, Surroundings

__all__ = [
    "Attempt",
    "Claim",
    "Grant",
    "Indeterminate",
    "Lock",
    "LockContext",
    "LockEntry",
    "Refused",
    "Spec",
    "Surroundings",
]
