"""Locks of installed packages: found by name without importing anybody else's; broken ones said in a sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_packages import install, lockquake, python

from lockquake.plan import build
from nuclei import registry
from nuclei.locks.loading import LoadError, load

BROKEN = {
    "half": (
        "theirs:Half",
        "the lock 'half' of theirs 1.2 cannot be used: theirs:Half: the class lacks close, release",
    ),
    "number": ("theirs:number", "theirs 1.2 cannot be used: theirs:number is of type int, no class derived from"),
    "gone": ("theirs:Gone", "theirs 1.2 cannot be loaded: importing theirs:Gone failed with AttributeError"),
    "nowhere": ("not_there:Lock", "importing not_there:Lock failed with ModuleNotFoundError"),
    "a b": ("theirs:Ours", "theirs 1.2 offers a lock called 'a b'; a name has letters"),
    "redis-setnx": ("theirs:Ours", "theirs 1.2 offers a lock called 'redis-setnx', but that is Lockquake's own"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on the path, for distributions."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_packages_lock_is_one_by_its_name(site: Path) -> None:
    install(site, "theirs", {"their-lock": "theirs:Ours"})
    entry = load("their-lock")
    assert (entry.name, entry.summary, entry.defaults) == ("their-lock", "Their lock.", {"ttl": 3.0})
    assert (entry.clusters, entry.libraries) == (("redis-single",), ("theirs",))
    assert entry.spec(entry.defaults).lease_ns == 3_000_000_000
    plan = build("their-lock@redis-single", settings=["lock.ttl=1s"])
    assert (plan.lock, plan.lock_settings["ttl"]) == ("their-lock", 1.0)
    assert [claim.verdict for claim in registry.locks()["their-lock"].claims] == ["kept"]


def test_asking_for_one_lock_imports_no_other_package(site: Path) -> None:
    install(site, "theirs", {"their-lock": "theirs:Ours"})
    install(site, "others", {"other-lock": "others:Ours"})
    load("their-lock")
    load("redis-setnx")
    with pytest.raises(registry.UnknownName, match="did you mean other-lock"):
        load("other-lokc")
    assert "theirs" in sys.modules
    assert "others" not in sys.modules


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "redis-setnx"])
def test_what_cannot_be_used_names_its_distribution(site: Path, name: str) -> None:
    value, words = BROKEN[name]
    install(site, "theirs", {name: value})
    with pytest.raises(LoadError) as caught:
        load(name)
    assert words in str(caught.value)


def test_broken_ones_do_not_break_the_rest(site: Path) -> None:
    install(site, "theirs", {name: value for name, (value, _) in BROKEN.items()})
    install(site, "sound", {"sound-lock": "sound:Ours"})
    install(site, "leaves", {"leaver": "leaves:Lock"}, code="raise SystemExit('not on this machine')")
    assert set(registry.locks()) == {*registry.own_locks(), "sound-lock"}
    assert registry.locks()["redis-setnx"] is load("redis-setnx")
    said = registry.unusable_locks()
    assert len(said) == len(BROKEN) + 1
    assert [sentence for sentence in said if "SystemExit: not on this machine" in sentence]
    for _, words in BROKEN.values():
        assert [sentence for sentence in said if words in sentence], words


def test_two_packages_cannot_offer_the_same_name(site: Path) -> None:
    install(site, "theirs", {"lock": "theirs:Ours"})
    install(site, "others", {"lock": "others:Ours"})
    with pytest.raises(LoadError, match=r"(theirs|others) 1.2 and (theirs|others) 1.2 both offer a lock called 'lock'"):
        load("lock")


def test_the_command_line_lists_them_and_says_what_is_wrong(tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"their-lock": "theirs:Ours", "half": "theirs:Half"})
    done = lockquake(tmp_path, "list", "locks", "--json")
    assert done.returncode == 0, done.stderr
    shown = {lock["name"]: lock for lock in json.loads(done.stdout)["locks"]}
    assert shown["their-lock"]["clusters"] == ["redis-single"]
    assert "redis-setnx" in shown
    assert done.stderr.startswith("lockquake: the lock 'half' of theirs 1.2 cannot be used")
    assert len(done.stderr.splitlines()) == 1


def test_running_one_that_is_broken_is_a_bad_argument(tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"half": "theirs:Half"})
    done = lockquake(tmp_path, "run", "half@redis-single")
    assert done.returncode == 64
    assert done.stderr.splitlines() == [
        "lockquake: the lock 'half' of theirs 1.2 cannot be used: theirs:Half: the class lacks close, release; define "
        "them (see docs/own-lock.md)"
    ]


def test_what_needs_none_of_them_imports_none(tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"their-lock": "theirs:Ours"})
    (tmp_path / "test_mine.py").write_text("def test_it(lockquake): lockquake.keeps('their-lock@redis-single')\n")
    seen = tmp_path / "imported"
    collecting = ["--collect-only", "-q", "-p", "no:cacheprovider"]
    done = python(tmp_path, "-m", "pytest", *collecting, cwd=tmp_path, IMPORTED=str(seen))
    assert "1 test collected" in done.stdout, done.stdout + done.stderr
    assert lockquake(tmp_path, "run", "redis-setnx@nowhere", IMPORTED=str(seen)).returncode == 64
    assert not seen.exists()
    lockquake(tmp_path, "list", "locks", IMPORTED=str(seen))
    assert seen.exists()
