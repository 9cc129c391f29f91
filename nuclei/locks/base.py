"""The adapter contract: what a lock algorithm or a library adapter offers, and how it ends its calls.

One file per lock, holding a class derived from :class:`Lock` and one module constant ``LOCK`` (a
:class:`LockEntry`). Everything else — list, claims, tests, docs — finds it through the registry.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import msgspec

from histories.spec import Spec
from histories.vocabulary import Mode
from nuclei.locks.claims import Claim as Claim


class LockError(Exception):
    """A lock's call did not return what was asked; ``outcome`` is the one mapping of DESIGN §4."""

    outcome: ClassVar[Literal["fail", "info"]]


class Refused(LockError):
    """Certainly not granted or not released: busy, not held, lease not found, or the own waiting limit reached
    with nothing on the wire."""

    outcome = "fail"


class Indeterminate(LockError):
    """The call may or may not have taken effect: time-out or connection lost with a request on the wire."""

    outcome = "info"


class Endpoint(msgspec.Struct, frozen=True):
    """Where one client reaches one node: its own proxied loopback port."""

    host: str
    port: int


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a client process is told about its cluster. All JSON, so that a client may be of any language.

    ``endpoints``: node name → this client's own address of it. ``address_book``: announced ``host:port`` → this
    client's address (Sentinel and Redis Cluster announce names). ``nodes``: role → node names (``redis``,
    ``sentinel``, ``zookeeper``, ``ledger``). ``settings``: times in seconds and other parameters of the lock
    (``ttl``, ``session``, ``op_timeout``, ``retry``) and the cluster (``master_name``).
    """

    cluster: str
    endpoints: dict[str, Endpoint]
    nodes: dict[str, list[str]]
    address_book: dict[str, Endpoint] = {}
    settings: dict[str, float | int | str | bool] = {}

    def number(self, name: str, default: float) -> float:
        """A setting as a number (seconds for times)."""
        value = self.settings.get(name, default)
        return float(value) if not isinstance(value, str) else float(value.rstrip("s"))


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to acquire: a fresh id, the owner value our own locks write for it, and what is asked of a
    read-write lock (``shared`` to read; every other lock is only asked for ``exclusive``)."""

    id: str
    owner: str
    mode: Mode = "exclusive"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a successful acquire hands to the client.

    ``owner``: the value the server holds for it, where there is one. ``fence``: fencing token. ``lease_until``:
    CLOCK_MONOTONIC ns up to which the lock itself says it is held. ``depth``: re-entry depth, 1 = outermost.
    """

    owner: str | None = None
    fence: int | None = None
    lease_until: int | None = None
    depth: int = 1


@dataclass
class LockContext:
    """Everything an adapter is constructed with. ``on_lost(how)`` may be called from any thread, once per loss."""

    key: str
    client: str
    surroundings: Surroundings
    random: random.Random
    on_lost: Callable[[str], None] = field(default=lambda how: None)
    on_wake: Callable[[str], None] = field(default=lambda how: None)


SAFE_FOR = {
    "threads": "several threads of a process may share one instance",
    "fork": "a forked child may use and close an instance that its parent goes on using",
    "asyncio": "calls may be made while an event loop runs in the same thread (they block it)",
}
"""What :attr:`Lock.safe_for` may name, and what each means. `lockquake conform` tests what is declared."""


class Lock(ABC):
    """One client's view of one lock. Calls end by returning, :class:`Refused` or :class:`Indeterminate`;
    any other exception is a harness error. ``connect`` is called once before the first acquire.

    ``writes_owner``: whether the server will hold exactly ``Attempt.owner`` for the attempt, so that what an observer
    saw there can be tied to it even when the call never came back. ``safe_for``: how an instance may be shared, see
    :data:`SAFE_FOR`; a client uses it from one thread, whatever is declared.
    """

    writes_owner: ClassVar[bool] = False
    safe_for: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, context: LockContext) -> None:
        self.context = context

    def connect(self) -> None:  # noqa: B027 - locks without connections have nothing to do here
        """Open connections (raises Indeterminate when servers do not answer in time)."""

    def try_acquire(self, attempt: Attempt) -> Grant:
        """Take the lock at once or raise Refused. Unless overridden: :meth:`acquire` with a limit of 0."""
        return self.acquire(attempt, 0.0)

    @abstractmethod
    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Wait for the lock at most ``limit`` seconds, then raise Refused (nothing on the wire) or Indeterminate."""

    def renew(self) -> Grant:
        """Prolong the own lease. Raises Refused where it is gone. Unsupported unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no renewal")

    @abstractmethod
    def release(self) -> None:
        """Give the lock of the last granted or indeterminate attempt back. Raises Refused when it was not held."""

    @abstractmethod
    def close(self) -> None:
        """Drop connections and threads; never blocks longer than 1 s and never raises. The lock is NOT released."""


@dataclass(frozen=True, kw_only=True)
class LockEntry:
    """A lock as the registry, the list and the claims table know it.

    ``clusters``: names it runs on. ``spec(settings)``: what the checker must know, from the same settings the
    client gets. ``defaults``: the lock's settings with their default values. ``make``: the adapter class.

    ``key_prefix``: what a library puts before the name of every lock on the servers. A trial's key begins with it, so
    that ``LockContext.key`` is the key on the servers whatever the library; the adapter takes it off again.
    ``libraries``: the packages it needs beyond our own dependencies, which may be missing.
    """

    name: str
    summary: str
    clusters: Sequence[str]
    make: Callable[[LockContext], Lock]
    spec: Callable[[Mapping[str, float | int | str | bool]], Spec]
    defaults: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    claims: Sequence[Claim] = ()
    key_prefix: str = ""
    libraries: Sequence[str] = ()

    @property
    def renews(self) -> bool:
        """Whether a client can prolong its lease by a call of its own (:meth:`Lock.renew`), as far as can be told."""
        return getattr(self.make, "renew", None) is not Lock.renew
