"""Mutants of the checker's kernels: how many the tests notice, and why the others are no harm; `make mutants`.

mutmut makes the mutants and runs, for each, the tests that call the mutated function, the fastest first, in a forked
process until one fails. This module parts the kernels into groups with their tests, draws a sample from each kernel
that is always the same, and writes docs/mutants.md. Reasons why survivors are no harm are kept in mutants.toml, by the
changed line, so that they outlive a new numbering.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.mutants_page import Module, Survivor, page

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutants"
COPIED = ("checker", "histories", "lockquake", "faults", "nuclei", "benchmarks", "tests/unit/checker", "conftest.py")
TESTS = "tests/unit/checker/"
TINY = "::test_all_tiny_histories"
HISTORIES = "400"
"""Random histories per comparison with the referee."""
UNKNOWN = "not checked"
QUICK = """
from hypothesis import Phase, settings

settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate))
settings.load_profile("mutants")
"""
"""Nobody looks at the examples, so they need not be shrunk."""
KILLED = {"killed", "timeout", "suspicious", "segfault", "caught by type check"}


@dataclass(frozen=True)
class Group:
    """Kernels (below ``checker``) and the tests that are theirs. ``without``: tests that
    take too long for this, or need more histories."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()


GROUPS = {
    "sweeps": Group(
        ("insides", "overtakes", "tokens", "lease_order"),
        ("kernels", "test_overtakes.py", "linear/test_fencing_tokens.py", "test_lease_order.py", "test_insides.py"),
    ),
    "holds": Group(
        ("holds", "belongings", "leases", "stretches"),
        ("test_holds.py", "test_insides.py", "test_lease_property.py", "test_recovery_property.py",
         "test_refusal_property.py", "test_re_entry_property.py", "test_kind_and_cause.py", "kernels"),
    ),
    "owner mutex": Group(
        tuple(f"linear/{name}" for name in ("owner_mutex", "clients", "cluster", "findings", "holds", "line",
                                            "operations", "refusals", "tails", "decide", "whole_lock")),
        ("linear/test_owner_mutex.py", "linear/test_owner_cluster.py", "linear/test_owner_witness.py", "test_linear.py",
         "linear/test_linear_order.py", "test_linearizability_property.py", "linear/test_reentrant.py", "kernels"),
        (f"linear/test_owner_mutex.py{TINY}", "linear/test_owner_mutex.py::test_clients_that_release_what_they_lost",
         "linear/test_owner_mutex.py::test_few_of_them_are_undecided_without_a_search"),
    ),
    "orders": Group(("order",), ("linear/test_linear_order.py", "kernels/test_orders.py")),
    "anonymous mutex": Group(
        ("linear/anonymous", "linear/merge"),
        ("linear/test_anonymous.py", "test_linearizability_property.py"),
        (f"linear/test_anonymous.py{TINY}",),
    ),
    "semaphore": Group(
        tuple(f"linear/{name}" for name in ("semaphore", "semaphore_search", "frontier", "handovers", "open_stretches",
                                            "usage", "grants", "depths", "unknown")),
        ("linear/test_semaphore.py", "linear/test_reentrant.py", "kernels"),
        ("linear/test_semaphore.py::test_clients_that_go_on_after_a_crash_are_never_judged_wrongly",),
    ),
    "re-entrant and read-write": Group(
        ("linear/reentrant", "linear/nested", "linear/read_write", "linear/read_write_refusals"),
        ("linear/test_reentrant.py", "linear/test_read_write.py", "kernels"),
    ),
    "search": Group(
        tuple(f"search/{name}" for name in ("closure", "search", "stores", "models", "timeline")),
        ("search/test_search.py", "search/test_lock_clusters.py", "search/test_recorded_stores.py", "kernels"),
        ("search/test_search.py::test_what_may_be_dropped_leaves_an_order_legal",),
    ),
}  # fmt: skip


class Run:
    """One group in a directory of its own, in which mutmut works on copies."""

    def __init__(self, name: str, group: Group, tool: Path, again: bool) -> None:
        self.group, self.directory = group, WORK / name.replace(" ", "-")
        self.environment = os.environ | {"PYTHONPATH": str(tool), "LOCKQUAKE_REFEREE_HISTORIES": HISTORIES}
        self.again = again
        if not again:
            shutil.rmtree(self.directory, ignore_errors=True)
        skipped = shutil.ignore_patterns("__pycache__")
        for path in COPIED:
            (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / path).is_dir():
                shutil.copytree(ROOT / path, self.directory / path, ignore=skipped, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / path, self.directory / path)
        with (self.directory / "conftest.py").open("a", encoding="utf-8") as conftest:
            conftest.write(QUICK)
        (self.directory / "pyproject.toml").write_text(self._settings(), encoding="utf-8")

    def _settings(self) -> str:
        settings = {
            "source_paths": ["checker/"],
            "only_mutate": [f"checker/{module}.py" for module in self.group.modules],
            "also_copy": [path for path in COPIED if not path.startswith(("checker", "tests"))],
            "pytest_add_cli_args": ["-p", "no:cacheprovider", "-q"],
            "pytest_add_cli_args_test_selection": [
                *(TESTS + test for test in self.group.tests),
                *(f"--deselect={TESTS}{test}" for test in self.group.without),
            ],
            "use_git_change_detection": False,
            "track_dependencies": False,
            "timeout_multiplier": 4.0,
            "timeout_constant": 3.0,
        }
        own = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        return "\n".join([own, "[tool.mutmut]", *lines, ""])

    def mutmut(self, *arguments: str) -> str:
        """Its output, whatever it thinks of the outcome."""
        command = [sys.executable, "-m", "mutmut", *arguments]
        done = subprocess.run(command, cwd=self.directory, env=self.environment, capture_output=True, text=True)
        return done.stdout + done.stderr

    def judge(self, most: int) -> list[Module]:
        """Make all mutants, and run a sample of at most that many per kernel; or of that only the last survivors."""
        said = "" if self.again else self.mutmut("run", "--max-children", "1", "none of them")
        found = {module: self._names(module) for module in self.group.modules}
        if not any(found.values()):
            raise SystemExit(f"{self.directory}: no mutants; mutmut said:\n{said[-3000:]}")
        chosen = {
            module: names if len(names) <= most else Random(module).sample(names, most)
            for module, names in found.items()
        }
        known = self._status() if self.again else {}
        for module, names in chosen.items():
            # What an earlier run drew besides counts too.
            names += [name for name in found[module] if known.get(name, UNKNOWN) != UNKNOWN and name not in names]
        asked = [name for names in chosen.values() for name in names if known.get(name) not in KILLED]
        said = self.mutmut("run", "--max-children", "1", *asked)
        status = self._status()
        if not any(status.get(name) in KILLED for names in chosen.values() for name in names):
            raise SystemExit(f"{self.directory}: nothing was run; mutmut said:\n{said[-3000:]}")
        run = {
            module: [name for name in names if status.get(name, UNKNOWN) != UNKNOWN] for module, names in chosen.items()
        }
        return [self._module(module, found[module], run[module], status) for module in self.group.modules]

    def _status(self) -> dict[str, str]:
        """What became of each mutant."""
        return dict(re.findall(r"^\s*(\S+): ([\w ]+?)\s*$", self.mutmut("results", "--all", "true"), re.MULTILINE))

    def _names(self, module: str) -> list[str]:
        meta = self.directory / "mutants" / "checker" / f"{module}.py.meta"
        return sorted(json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]) if meta.exists() else []

    def _module(self, module: str, made: list[str], chosen: list[str], status: dict[str, str]) -> Module:
        left = sorted(name for name in chosen if status.get(name) not in KILLED)
        survivors = [self._survivor(module, name, status.get(name, "not run")) for name in left]
        return Module(f"checker/{module}.py", len(made), len(chosen), survivors)

    def _survivor(self, module: str, name: str, status: str) -> Survivor:
        diff = [line for line in self.mutmut("show", name).splitlines() if not line.startswith(("---", "+++", "#"))]
        before, after = (" ".join(line[1:].strip() for line in diff if line.startswith(sign)) for sign in "-+")
        function = re.sub(r"^.*\.x_?|__mutmut_\d+$", "", name).replace("ǁ", ".").strip(".")
        return Survivor(f"checker/{module}.py", function, before, after, status)


def write(known: dict[str, Any], output: Path) -> None:
    """The page, from results by path of the kernel."""
    paths = [f"checker/{module}.py" for group in GROUPS.values() for module in group.modules]
    modules = [Module.from_json(path, known[path]) for path in paths if path in known]
    output.write_text(page(modules, HISTORIES, [path for path in paths if path not in known]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", type=Path, required=True, help="where mutmut is installed (pip install --target)")
    parser.add_argument("--most", type=int, default=60, help="mutants per kernel at most; more are drawn from")
    parser.add_argument("--only", default="*", help="groups (a pattern); the page keeps what it says of the others")
    parser.add_argument("--again", action="store_true", help="only those that survived the last time")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "mutants.md")
    options = parser.parse_args()
    results = WORK / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    for name, group in GROUPS.items():
        if fnmatch.fnmatch(name, options.only):
            began = time.monotonic()
            modules = Run(name, group, options.tool.resolve(), options.again).judge(options.most)
            known |= {module.path: module.as_json() for module in modules}
            results.write_text(json.dumps(known, indent=1), encoding="utf-8")
            killed, run = sum(module.killed for module in modules), sum(module.run for module in modules)
            print(f"{name}: {killed} of {run} noticed, {time.monotonic() - began:.0f} s", flush=True)
    write(known, options.output)


if __name__ == "__main__":
    main()
