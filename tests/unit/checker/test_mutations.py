"""Seeded mistakes in the checker itself are noticed, by the corpus, its reports or the comparison with the referee."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from tests.unit.checker.referee import linearizable
from tests.unit.checker.stories import CORPUS
from tests.unit.checker.test_linear import FLEXIBLE_TAILS, TAILS, anonymous_history, owner_history

ROOT = Path(__file__).resolve().parents[3]
SNAPSHOTS = Path(__file__).parent / "snapshots"

MUTATIONS = {
    "touching cores are taken to meet": (
        "linear/owner_mutex",
        "core.start < furthest.end",
        "core.start <= furthest.end",
    ),
    "refusals that touch a gap are taken to be inside": (
        "linear/owner_mutex",
        "left.released < refusal.inv and refusal.ret < free_until",
        "left.released <= refusal.inv and refusal.ret <= free_until",
    ),
    "a ghost may also lie before the last hold": (
        "linear/owner_mutex",
        "free_until = ghost if right is None else right.granted",
        "free_until = ghost if right is None else min(ghost, right.granted)",
    ),
    "an indeterminate release never happened": (
        "linear/clients",
        "told.cores.append(_core(held, release.inv, rest[0].ret, release))",
        "told.cores.append(_core(held, NEVER, NEVER, release))",
    ),
    "a refused release is no lost lock": ("linear/clients", 'case "N" if held is not None:', 'case "N" if False:'),
    "the latest deadline goes first": ("linear/anonymous", "(operation.ret, number)", "(-operation.ret, number)"),
    "refusals are placed by luck": ("linear/anonymous", "self.placed[waiting] = True", "self.placed[waiting] = False"),
    "overlaps are looked for among neighbours only": ("overlap", "for _, i in ends if", "for _, i in ends[:1] if"),
    "being told counts as leaving": ("holds", "hold.told.append(row)", "_close(hold, row.t, 'told')"),
    "a kill ends nothing": ("lives", "lives.kills.setdefault(process, row.t)", "pass"),
    "a refused release ends no inside": ("holds", 'elif call.op == "release":', "elif call.op == call.outcome:"),
    "leases run from the return": (
        "leases",
        "since = max(asked(call, spec) for call in confirmed)",
        "since = max(call.ret + 500_000_000 for call in confirmed)",
    ),
    "any node is in charge": ("observed", "return now\n", "return True\n"),
    "what nobody saw never was": ("cause", 'if node in promoted and "key absent" in', 'if False and "" in'),
    "losses are dated when they were seen": ("observed", "min([row.t, *unseen])", "row.t"),
    "half a second after the resume is still frozen": ("description", "FROZEN_NS = 50 * MS", "FROZEN_NS = -50 * MS"),
    "only older tokens are stale": (
        "properties/fencing_at_ledger",
        "return fence < limit or (",
        "return fence < limit and (",
    ),
    "every trial had its opportunity": ("opportunity", "if len(holders) < 2:", "if False:"),
    "faults need no opportunity": ("opportunity", "if missing:\n", "if False:\n"),
    "a release that is called later may have done it": ("foreign", "if call.inv > life.ended or", "if"),
    "recovery has no bound": ("properties/recovery", "bound = case.spec.recovery_ns or 0", "bound = 1 << 60"),
    "the dead own what they held": ("stretches", "gone = case.lives.gone(client)", "gone = NEVER"),
    "worst is best": ("verdict", '"valid": 0, "unknown": 1, "invalid": 2', '"valid": 2, "unknown": 1, "invalid": 0'),
}


class Mutating(MetaPathFinder, Loader):
    """Loads the checker with one piece of one module's text replaced."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self.module, self.old, self.new = "checker." + module.replace("/", "."), old, new

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin="mutant")

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = (ROOT / f"{self.module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert source.count(self.old) >= 1, f"{self.module} no longer holds {self.old!r}: renew this mutation"
        exec(compile(source.replace(self.old, self.new), self.module, "exec"), module.__dict__)


@contextmanager
def mutated(module: str, old: str, new: str) -> Iterator[None]:
    """A world in which the checker has one mistake; everything is as before afterwards."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "checker"}
    finder = Mutating(module, old, new)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.split(".")[0] == "checker"]:
            del sys.modules[name]
        sys.modules.update(kept)


def noticed_by() -> str | None:
    """What notices that the checker that is imported now is wrong; None when nothing does."""
    checker = importlib.import_module("checker")
    text = importlib.import_module("checker.report.text")
    for name, (make, _) in CORPUS.items():
        history = make().history()
        verdicts = checker.check(history)
        if text.summary(history, verdicts) + "\n" != (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8"):
            return f"report of {name}"
        if checker.worst(verdicts) != max(
            (verdict.validity for verdict in verdicts), key=["valid", "unknown", "invalid"].index
        ):
            return "worst"
    return referee_disagrees()


def referee_disagrees() -> str | None:
    owner_mutex = importlib.import_module("checker.linear.owner_mutex").owner_mutex
    anonymous_mutex = importlib.import_module("checker.linear.anonymous").anonymous_mutex
    for seed in range(1500):
        owned = owner_history(Random(seed), (*TAILS, *FLEXIBLE_TAILS))
        answer = owner_mutex(owned).valid
        if answer is not None and answer is not linearizable(owned):
            return f"referee, owner mutex, seed {seed}"
        anybody = anonymous_history(Random(seed))
        if anonymous_mutex(anybody).valid is not linearizable(anybody, anonymous=True):
            return f"referee, anonymous mutex, seed {seed}"
    return None


def test_the_checker_as_it_is_raises_no_notice() -> None:
    with mutated("verdict", "SCHEMA_VERSION = 1", "SCHEMA_VERSION = 1"):
        assert noticed_by() is None


@pytest.mark.parametrize("name", MUTATIONS)
def test_mistake_is_noticed(name: str) -> None:
    with mutated(*MUTATIONS[name]):
        assert noticed_by() is not None, f"nobody noticed that {name}"
