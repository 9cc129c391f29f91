"""Locks by name, and a user's own lock by file or module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from nuclei import registry
from nuclei.locks.base import Attempt, LockContext, Refused, Surroundings
from nuclei.locks.loading import LoadError, load
from nuclei.platforms.spawner import environment

OWN = Path(__file__).with_name("own.py")


@pytest.mark.parametrize("name", registry.own_locks())
def test_every_lock_lies_in_the_module_of_its_name(name: str) -> None:
    code = f"import sys; from nuclei.locks.loading import load; load({name!r}); print('nuclei.registry' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], env=environment(), text=True) == "False\n"
    assert load(name) is registry.lock(name)


def test_an_unknown_name_hints_at_the_nearest() -> None:
    with pytest.raises(registry.UnknownName, match="did you mean redis-setnx"):
        load("redis-setn")
    with pytest.raises(registry.UnknownName):
        load("base")
    with pytest.raises(registry.UnknownName):
        load("../evil")


def test_a_class_in_a_file_is_a_lock() -> None:
    entry = load(f"{OWN}:MyLock")
    assert (entry.name, entry.summary, entry.defaults) == (f"{OWN}:MyLock", "Mine.", {"ttl": 3.0})
    lock = entry.make(LockContext("k", "c1", Surroundings(cluster="c", endpoints={}, nodes={}), Random(1)))
    with pytest.raises(Refused):
        lock.try_acquire(Attempt("c1-1", "o"))
    assert entry.spec({"ttl": 3.0}).lease_ns == 3_000_000_000
    assert entry.spec({}).lapses is False
    assert load(f"{OWN}:MyLock").make is entry.make


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{OWN}:Half", "the class lacks close, release"),
        (f"{OWN}:number", "own.py:number is of type int, no class derived from lockquake.lock.Lock"),
        (f"{OWN}:Attempt", "own.py:Attempt is a class that is not derived from lockquake.lock.Lock"),
        (f"{OWN}:MyLokc", "own.py has no class MyLokc; it has MyLock, Half$"),
        (f"{OWN.with_name('own_part.py')}:MyLock", "has no class MyLock, nor any other that is derived from"),
        ("./nowhere.py:MyLock", "there is no file"),
        ("no.such.module:MyLock", "importing no.such.module failed with ModuleNotFoundError"),
    ],
)
def test_what_is_no_lock_is_said_in_one_sentence(name: str, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        load(name)


def test_the_example_of_the_manual_is_a_lock(tmp_path: Path) -> None:
    manual = Path(__file__).parents[3] / "docs" / "own-lock.md"
    example = manual.read_text().partition("```python\n# mylock.py\n")[2].partition("```")[0]
    (tmp_path / "mylock.py").write_text(example)
    entry = load(f"{tmp_path}/mylock.py:MyLock")
    assert entry.defaults == {"ttl": 2.0}
    assert entry.spec(entry.defaults).lease_ns == 2_000_000_000
