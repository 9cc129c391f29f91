"""docs/mutants.md: how many mutants of each kernel were noticed; and the survivors, each with a reason."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REASONS = Path(__file__).with_name("mutants.toml")
OPEN = "**not argued**"

HEAD = """# Mutants of the kernels

Written by `make mutants`. Every mutant is one small change to a kernel of the checker; it is *noticed* when a test of
that kernel fails, or no longer ends. **{noticed} of {run} were noticed ({share:.1%}).**
{drawn} Where survivors of
the sample led to new tests, those that were not drawn may fare a little worse.

mutmut makes the mutants. It was chosen over a program of our own, and over cosmic-ray, because it works here as it is:
it forks each mutant from a process that has numpy and the tests loaded, and runs only the tests that call the mutated
function, the fastest first, until one fails. (cosmic-ray begins a new Python for each, and changes files in place; the
beginning alone takes longer here than most mutants live.) It does not mutate decorated functions (properties) and what
stands outside of functions (tables). The mistakes written by hand, in `tests/unit/checker/mistakes.py`, cover some of
that, and the properties.

The tests compare with the referee on {histories} random histories each, not on the thousands of the full suite, and
without the longest of them (all tiny histories).
"""


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed: ``before`` became ``after`` in a function."""

    path: str
    function: str
    before: str
    after: str
    status: str


@dataclass(frozen=True)
class Module:
    """One kernel: how many mutants were made and how many of them were run."""

    path: str
    made: int
    run: int
    survivors: list[Survivor]

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return self.run - len(self.survivors)

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return {"made": self.made, "run": self.run, "survivors": [vars(one) for one in self.survivors]}

    @staticmethod
    def from_json(path: str, found: dict[str, Any]) -> Module:
        """The other way round."""
        return Module(path, found["made"], found["run"], [Survivor(**one) for one in found["survivors"]])


class Reasons:
    """Why survivors are no harm: of single ones, and of all that exchange one piece of text for another."""

    def __init__(self) -> None:
        with REASONS.open("rb") as file:
            found = tomllib.load(file)
        self.single = {(one["path"], one["before"], one["after"]): one["why"] for one in found.get("survivor", [])}
        self.rules = [(one["old"], one["new"], one["why"]) for one in found.get("rule", [])]

    def of(self, one: Survivor) -> str:
        """The reason, or that there is none."""
        rule = (
            why for old, new, why in self.rules if any(_exchanged(one.before, old, text) == one.after for text in new)
        )
        return self.single.get((one.path, one.before, one.after)) or next(rule, OPEN)


def _exchanged(text: str, old: str, new: str) -> str | None:
    """The text with its one piece exchanged."""
    return text.replace(old, new) if text.count(old) == 1 else None


def page(modules: list[Module], histories: str, missing: Sequence[str] = ()) -> str:
    """The page, kernels in order of their names. ``missing``: those that were not run."""
    modules = sorted(modules, key=lambda module: module.path)
    run, killed = sum(module.run for module in modules), sum(module.killed for module in modules)
    made = sum(module.made for module in modules)
    drawn = "That is all there are." if made == run else (
        f"They are a sample of the {made} there are, drawn evenly within each kernel, always the same."
    )  # fmt: skip
    lines = [HEAD.format(noticed=killed, run=run, share=killed / max(1, run), drawn=drawn, histories=histories)]
    lines += ["| kernel | mutants | run | noticed | |", "|---|---:|---:|---:|---:|"]
    for one in modules:
        share = f"{one.killed / one.run:.0%}" if one.run else ""
        lines.append(f"| `{one.path}` | {one.made} | {one.run} | {one.killed} | {share} |")
    if missing:
        lines += ["", f"Not run yet: {', '.join(f'`{path}`' for path in sorted(missing))}."]
    known = Reasons()
    left = [one for module in modules for one in module.survivors]
    argued = sum(known.of(one) != OPEN for one in left)
    lines += [
        "",
        "## Survivors",
        "",
        f"{len(left)} were not noticed; for {argued} of them it is said why that is no harm.",
        "",
    ]
    for module in modules:
        if module.survivors:
            lines += [f"### `{module.path}`", ""]
            lines += [_entry(one, known.of(one)) for one in module.survivors]
            lines.append("")
    return "\n".join(lines)


def _entry(one: Survivor, why: str) -> str:
    return f"- `{one.function}`: `{one.before or '(nothing)'}` → `{one.after or '(nothing)'}`. {why}"
