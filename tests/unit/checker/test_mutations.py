"""Mistakes seeded into the checkers are noticed by the suite: each by the test that is named beside it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.checker.mistakes import MISTAKES, Mistake

ROOT = Path(__file__).resolve().parents[3]
TESTS = "tests.unit.checker."
HISTORIES = "300"
"""Random histories per comparison: enough for mistakes as coarse as these."""

NOTICED = (Exception, pytest.fail.Exception)


class Mutating(MetaPathFinder, Loader):
    """Loads one module of the checker with one piece of its text replaced."""

    def __init__(self, mistake: Mistake) -> None:
        self.module, self.mistake = "checker." + mistake.module.replace("/", "."), mistake

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
        assert self.mistake.old in source, f"{self.module} no longer holds {self.mistake.old!r}: renew this mistake"
        exec(compile(source.replace(self.mistake.old, self.mistake.new), self.module, "exec"), module.__dict__)


def _reloaded() -> list[str]:
    """The modules that are loaded anew with a mistake: the checkers, and the tests that hold on to their names."""
    return [
        name
        for name in sys.modules
        if name.split(".")[0] == "checker" or (name.startswith(TESTS) and name not in {__name__, Mistake.__module__})
    ]


@contextmanager
def loaded(mistake: Mistake | None) -> Iterator[None]:
    """A world in which the checker has one mistake; everything is as before afterwards."""
    kept = {name: sys.modules.pop(name) for name in _reloaded()}
    finder = [Mutating(mistake)] if mistake is not None else []
    sys.meta_path[:0] = finder
    try:
        yield
    finally:
        del sys.meta_path[: len(finder)]
        for name in _reloaded():
            del sys.modules[name]
        sys.modules.update(kept)


def run(test: str) -> None:
    """Run one test of the suite, ``file:function[argument]``, with the checker that can be imported now."""
    found = re.fullmatch(r"(?P<file>[\w.]+):(?P<function>\w+)(\[(?P<argument>.+)\])?", test)
    assert found is not None, test
    function = getattr(importlib.import_module(TESTS + found["file"]), found["function"])
    argument = found["argument"]
    function(*([] if argument is None else [int(argument) if argument.isdigit() else argument]))


@pytest.fixture(autouse=True)
def few_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKQUAKE_REFEREE_HISTORIES", HISTORIES)
    monkeypatch.delenv("LOCKQUAKE_UPDATE", raising=False)


def test_there_is_none_in_the_checker_as_it_is() -> None:
    """With nothing replaced, the tests that are to notice mistakes notice nothing."""
    with loaded(None):
        for test in sorted({mistake.noticed_by for mistake in MISTAKES.values()}):
            run(test)


@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_noticed(name: str) -> None:
    mistake = MISTAKES[name]
    module = importlib.import_module(TESTS + mistake.noticed_by.split(":")[0])
    assert hasattr(module, mistake.noticed_by.split(":")[1].split("[")[0])
    with loaded(mistake):
        importlib.import_module("checker." + mistake.module.replace("/", "."))
        with pytest.raises(NOTICED):
            run(mistake.noticed_by)


def test_a_mistake_leaves_no_trace() -> None:
    before = sys.modules.get("checker.verdict")
    with loaded(next(iter(MISTAKES.values()))):
        assert "checker.verdict" not in sys.modules
    assert sys.modules.get("checker.verdict") is before
