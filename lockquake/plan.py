"""A plan: everything needed to run a trial again — nucleus, workload, schedule, seed and parameters."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from faults.families import family
from faults.grammar import BadArgument, assignment
from faults.schedule import FaultSpec, read_fault
from histories.spec import Spec
from lockquake.own_copy import to_run
from lockquake.plan_check import GROUPS, check_schedule, known_setting, like_default
from lockquake.plan_check import Setting as Setting
from nuclei import registry
from nuclei.locks.loading import anchored, load
from nuclei.platforms.base import Unsupported
from nuclei.platforms.choice import PLATFORMS
from nuclei.workloads.base import Stakes
from nuclei.workloads.loading import load as load_workload

PLAN_VERSION = 1
USUAL = "contend"
"""The workload of a plan that names none."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One experiment as plain data (``plan.json`` of a run directory).

    ``lock``, ``cluster``, ``workload``, ``ledger`` and ``trial`` settings are complete: defaults are written in, so
    that a plan means the same under a later version. Times are seconds. ``trial`` holds ``warmup`` (before the first
    fault's trigger is armed), ``work`` (how long the clients work at least before the quiet phase), ``quiet`` (how long
    the quiet phase may last beyond the promised recovery), ``deadline`` (instead of ``work`` and ``quiet``, how long a
    workload that ends by itself may take) and ``until_violation`` (end it at the first violation of mutual exclusion).
    ``ledger`` holds ``fencing`` (whether it checks the tokens of a fenced lock) and ``timeout`` (how long a client
    waits for its answer).
    """

    lock: str
    cluster: str
    workload: str
    seed: int
    clients: int
    schedule: tuple[FaultSpec, ...]
    lock_settings: dict[str, Setting]
    cluster_settings: dict[str, Setting]
    workload_settings: dict[str, Setting]
    ledger_settings: dict[str, Setting]
    trial_settings: dict[str, Setting]
    platform: str = "docker"
    version: int = PLAN_VERSION

    @property
    def nucleus(self) -> str:
        """``lock@cluster``, a user's own lock without the directories of its file."""
        return f"{self.lock.rpartition('/')[2]}@{self.cluster}"

    @property
    def faults(self) -> str:
        """The schedule as one would type it; ``none`` when it is empty."""
        return " + ".join(fault.text() for fault in self.schedule) or "none"

    @property
    def title(self) -> str:
        """``lock@cluster × faults``, with the workload where it is not the usual one."""
        workload = "" if self.workload == USUAL else f" ({self.workload})"
        return f"{self.nucleus} × {self.faults}{workload}"

    @property
    def slug(self) -> str:
        """A short name for directories: lock, cluster, first fault."""
        lock = Path(self.lock.split(":")[0]).stem if "/" in self.lock or ".py" in self.lock else self.lock
        fault = "+".join(spec.name for spec in self.schedule) or "none"
        return f"{lock}@{self.cluster}-{fault}"

    @property
    def until_violation(self) -> bool:
        """Whether a trial ends at its first violation of mutual exclusion."""
        return bool(self.trial_settings["until_violation"])

    def spec(self) -> Spec:
        """What the checker must know of this plan's lock, and of what its workload stakes on it."""
        spec = load(self.lock).spec(self.lock_settings | self.cluster_settings)
        checked = spec.fenced and bool(self.ledger_settings["fencing"])
        stakes = self.stakes()
        return msgspec.structs.replace(
            spec,
            fencing_checked=checked,
            budgets=dict(stakes.budgets),
            wording=dict(stakes.wording),
            ticks=dict(stakes.ticks),
        )

    def stakes(self) -> Stakes:
        """What the workload stakes on the lock."""
        return load_workload(self.workload).stakes(self.workload_settings)

    @property
    def ends(self) -> bool:
        """Whether the workload comes to its end by itself."""
        return load_workload(self.workload).ends

    def stream(self, component: str) -> random.Random:
        """The component's own random stream: hash of seed and name, so that nobody shifts anybody else's draws."""
        return random.Random(self.stream_seed(component))

    def stream_seed(self, component: str) -> int:
        """The seed of :meth:`stream`, 63 bits."""
        digest = hashlib.sha256(f"{self.seed}/{component}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


TRIAL_DEFAULTS: dict[str, Setting] = {
    "warmup": 0.4, "work": 2.0, "quiet": 3.0, "deadline": 300.0, "until_violation": False,
}  # fmt: skip
NO_WARMUP: dict[str, Setting] = {"warmup": 0.0}
"""For workloads that end by themselves: they could be over before the first fault's trigger is armed."""
SHARED: Mapping[str, float] = {"retry": 200.0, "op_timeout": 50.0}
"""Settings of a lock that are by default at least the number of clients divided by this, in seconds. A hundred clients
that try every 50 ms keep a proxy of ours busy with nothing else, and wait longer than 500 ms for the processor."""
LEDGER_DEFAULTS: dict[str, Setting] = {"fencing": True, "timeout": 1.0}
SEEDS = range(-(2**63), 2**63)


def split_nucleus(nucleus: str) -> tuple[str, str]:
    """``lock@cluster`` → its two names. Raises BadArgument."""
    lock, at, cluster = nucleus.rpartition("@")
    if not at or not lock or not cluster:
        raise BadArgument(f"{nucleus!r} is no nucleus; write LOCK@CLUSTER, for example redis-set-nx-px@redis-single")
    return lock, cluster


def build(
    nucleus: str,
    *,
    faults: Sequence[str] = (),
    settings: Mapping[str, Setting] | Sequence[str] = (),
    workload: str = USUAL,
    seed: int = 0,
    clients: int = 3,
    platform: str = "docker",
) -> Plan:
    """A complete plan from what a user says; later layers win: defaults (some of a lock's grow with the number of
    clients, see ``SHARED``), what the faults suggest, the user's settings.

    Raises BadArgument or UnknownName for anything that cannot be understood, Unsupported for a fault that can never
    happen on this cluster.
    """
    lock, cluster = split_nucleus(nucleus)
    layers = _defaults(lock, cluster, workload)
    schedule = tuple(read_fault(text) for text in faults if text != "none")
    for fault in schedule:
        for key, value in family(fault).suggests.items():
            group, name = key.split(".")
            if name in layers[group]:
                layers[group][name] = value
    for name in SHARED.keys() & layers["lock"].keys():
        layers["lock"][name] = max(layers["lock"][name], clients / SHARED[name])
    given = settings if isinstance(settings, Mapping) else dict(assignment(text) for text in settings)
    for key, value in given.items():
        group, name = known_setting(layers, key)
        layers[group][name] = like_default(key, value, layers[group][name])
    plan = Plan(
        lock=anchored(lock),
        cluster=cluster,
        workload=workload,
        seed=seed,
        clients=clients,
        schedule=schedule,
        platform=platform,
        **{f"{group}_settings": layers[group] for group in GROUPS},  # type: ignore[arg-type]
    )
    _check(plan)
    return plan


def _defaults(lock: str, cluster: str, workload: str) -> dict[str, dict[str, Setting]]:
    """Every setting there is, by group. Raises UnknownName, LoadError, BadArgument where they do not fit."""
    entry = load(lock)
    topology = registry.cluster(cluster)
    if entry.clusters and cluster not in entry.clusters:
        raise BadArgument(f"{lock} does not run on {cluster}; it runs on {', '.join(entry.clusters)}")
    return {
        "lock": dict(entry.defaults),
        "cluster": dict(topology.defaults),
        "workload": dict(registry.workload(workload).defaults),
        "ledger": dict(LEDGER_DEFAULTS),
        "trial": TRIAL_DEFAULTS | (NO_WARMUP if registry.workload(workload).ends else {}),
    }


def _check(plan: Plan) -> None:
    if plan.clients < 1:
        raise BadArgument(f"{plan.clients} clients: at least one is needed, two or more to contend")
    if plan.seed not in SEEDS:
        raise BadArgument(f"seed {plan.seed}: a whole number of at most 64 bits is needed")
    if plan.workload_settings.get("renew") and not load(plan.lock).renews:
        raise Unsupported(f"{plan.lock} has no renewal that a client could ask for; leave workload.renew at 0")
    check_schedule(plan.schedule, registry.cluster(plan.cluster), plan.cluster_settings, plan.clients)


def suggested(plan: Plan) -> dict[str, Setting]:
    """The settings that are what the plan's faults suggest: a longer lease than a failover takes, for example."""
    found: dict[str, Setting] = {}
    for fault in plan.schedule:
        for key, value in family(fault).suggests.items():
            group, name = key.split(".")
            if getattr(plan, f"{group}_settings").get(name) == value:
                found[key] = value
    return found


def lapse(spec: Spec) -> float | None:
    """Seconds after which the lock of a silent holder lapses; None where it never does."""
    lapses = [ns for ns in (spec.lease_ns, spec.session_ns) if ns is not None]
    return min(lapses) / 1e9 if lapses else None


def write_plan(plan: Plan, path: Path) -> None:
    """Save a plan as readable JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n")


def read_plan(path: Path, *, trust: bool = False) -> Plan:
    """A saved plan (``plan.json`` or a run directory), checked like a typed one; settings it lacks get their defaults.
    ``trust``: run the copy of a user's own lock that lies beside the plan.

    Raises BadArgument, UnknownName, LoadError, Unsupported."""
    file = path / "plan.json" if path.is_dir() else path
    try:
        text = file.read_bytes()
        version = msgspec.json.decode(text, type=_Versioned).version
        if version > PLAN_VERSION:
            raise BadArgument(f"{file} has plan version {version}; this lockquake reads up to {PLAN_VERSION}")
        plan = msgspec.json.decode(text, type=Plan)
    except OSError as error:
        raise BadArgument(f"cannot read the plan {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadArgument(f"{file} is no plan: {error}") from error
    if plan.platform not in PLATFORMS:
        raise BadArgument(f"{file}: there is no platform {plan.platform!r}; there are {', '.join(PLATFORMS)}")
    lock = to_run(plan.lock, file.parent, trust=trust)
    plan = _completed(msgspec.structs.replace(plan, lock=anchored(lock)))
    _check(plan)
    return plan


class _Versioned(msgspec.Struct):
    version: int = PLAN_VERSION


def _completed(plan: Plan) -> Plan:
    layers = _defaults(plan.lock, plan.cluster, plan.workload)
    for group in GROUPS:
        given: dict[str, Setting] = getattr(plan, f"{group}_settings")
        for name, value in given.items():
            known_setting(layers, f"{group}.{name}")
            layers[group][name] = like_default(f"{group}.{name}", value, layers[group][name])
    return msgspec.structs.replace(plan, **{f"{group}_settings": layers[group] for group in GROUPS})
