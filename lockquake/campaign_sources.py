"""What a lock's code does, as a digest: a measurement counts for the code it was made with.

Comments, docstrings, layout and claims say nothing about what a lock does, so they do not count.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path

from nuclei.locks.loading import load

PACKAGE = "nuclei.locks."
SAYINGS = "nuclei.locks.claims"
NOT_OF_A_LOCK = frozenset({SAYINGS, "nuclei.locks.base"})
"""Claims, and the contract: that is Lockquake's own, and changes with its version."""


@cache
def lock_digest(name: str) -> str:
    """Of a lock's file and of the files of ``nuclei/locks`` that it is built on. Raises UnknownName, LoadError."""
    entry = load(name)
    seen: dict[str, str] = {}
    waiting = [entry.make.__module__, entry.spec.__module__]
    while waiting:
        module = waiting.pop()
        file = getattr(sys.modules.get(module), "__file__", None)
        if module in seen or module in NOT_OF_A_LOCK or file is None:
            continue
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        seen[module] = what_it_does(tree)
        waiting += [found for found in _imported(tree) if found.startswith(PACKAGE)]
    return hashlib.sha256("".join(f"{name}:{seen[name]};" for name in sorted(seen)).encode()).hexdigest()


def what_it_does(tree: ast.Module) -> str:
    """A digest of a module that stays the same when only words, layout or claims change."""
    return hashlib.sha256(ast.dump(_Silenced().visit(tree)).encode()).hexdigest()


def _imported(tree: ast.Module) -> list[str]:
    found = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return found + [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]


class _Silenced(ast.NodeTransformer):
    """Leaves out docstrings, ``claims=``, scenarios, and what is imported for them."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == SAYINGS else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        made = node.value.func if isinstance(node.value, ast.Call) else None
        return None if isinstance(made, ast.Name) and made.id == "Scenario" else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "claims"]
        return self.generic_visit(node)
