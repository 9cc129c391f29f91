"""What is asked of mmdebstrap and of a registry, and that a failed or killed build leaves nothing behind."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import select
import subprocess
from pathlib import Path

import pytest

from nuclei.platforms import image_build
from nuclei.platforms.image_base import Base
from nuclei.platforms.image_build import BuildFailed, build, build_lock, mmdebstrap_command
from nuclei.platforms.image_pull import registry_of, split_reference
from nuclei.platforms.image_recipes import RECIPES, REVISION, given_reference

BASE = Base("debian", "trixie", "http://m.example/debian", ("main",), "/k.gpg")


def test_the_revision_is_raised_with_the_recipes() -> None:
    """Images are found by their tag: a changed recipe under an old number would never be built. A new one may come."""
    known = {
        (1, "redis"): "45d152ea6fcd150f",
        (1, "zookeeper"): "351eca67e036a36f",
        (1, "toxiproxy"): "80b3b8b9fa59c999",
        (1, "memcached"): "bd21d65dc8d6d4d9",
        (1, "postgres"): "5fec1ebb81290071",
        (1, "etcd"): "2b43eb66f15990a5",
    }
    for name, recipe in RECIPES.items():
        seen = repr((recipe.packages, recipe.unpack, recipe.setup)) + image_build._SHRINK
        digest = hashlib.sha256(seen.encode()).hexdigest()[:16]
        assert (name, digest) == (name, known[REVISION, name]), "raise REVISION and pin the new digests"


def test_the_command_names_suite_mirror_packages_and_keyring() -> None:
    argv = mmdebstrap_command(RECIPES["redis"], BASE, ['Acquire::http::Proxy "http://p.example"'], root=True)
    assert argv[argv.index("mmdebstrap") + 1] == "--variant=minbase"
    assert argv[-3:] == ["trixie", "-", "http://m.example/debian"]
    assert "--include=redis-server,redis-sentinel,redis-tools,iptables" in argv
    assert "--keyring=/k.gpg" in argv
    assert "--mode=root" in argv
    assert '--aptopt=Acquire::http::Proxy "http://p.example"' in argv
    assert "--mode=unshare" in mmdebstrap_command(RECIPES["redis"], BASE, [], root=False)


def test_the_hooks_are_valid_shell() -> None:
    for recipe in RECIPES.values():
        for argument in mmdebstrap_command(recipe, BASE, [], root=True):
            if argument.startswith("--customize-hook="):
                subprocess.run(["sh", "-n", "-c", argument.partition("=")[2]], check=True)


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "registry"),
    [
        ("redis", "redis", "latest", "docker.io"),
        ("redis:8.0.3", "redis", "8.0.3", "docker.io"),
        ("team/redis:8", "team/redis", "8", "docker.io"),
        ("registry.example:5000/redis", "registry.example:5000/redis", "latest", "registry.example:5000"),
        ("registry.example/a/b:1", "registry.example/a/b", "1", "registry.example"),
        ("localhost/redis:1", "localhost/redis", "1", "localhost"),
        ("redis@sha256:ab", "redis", "sha256:ab", "docker.io"),
    ],
)
def test_references(reference: str, repository: str, tag: str, registry: str) -> None:
    assert split_reference(reference) == (repository, tag)
    assert registry_of(reference) == registry


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["redis"]
    monkeypatch.delenv("LOCKQUAKE_IMAGE_REDIS", raising=False)
    assert given_reference(recipe) == ""
    monkeypatch.setenv("LOCKQUAKE_IMAGE_REDIS", "env/redis:1")
    assert given_reference(recipe, {"zookeeper": "x"}) == "env/redis:1"
    assert given_reference(recipe, {"redis": "option/redis:1"}) == "option/redis:1"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def program(path: Path, lines: str) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def test_a_failed_build_says_the_last_lines_and_leaves_nothing(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = scratch / "bin"
    tools.mkdir()
    program(tools / "mmdebstrap", 'echo "E: no such suite" >&2; echo partial; exit 7')
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    said: list[str] = []
    with pytest.raises(BuildFailed, match=r"ended with code 7.*\n.*E: no such suite"):
        build(RECIPES["redis"], BASE, said.append)
    assert [p.name for p in scratch.iterdir()] == ["bin"]
    assert "building from debian trixie" in said[0]


def test_a_build_that_does_not_end_is_ended(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, lifeline = scratch / "bin", scratch / "lifeline"
    tools.mkdir()
    os.mkfifo(lifeline)
    # It holds the pipe as long as it lives, in whatever namespace of process ids.
    program(tools / "mmdebstrap", f"exec 3<>{lifeline}; echo alive >&3; exec sleep 600")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(image_build, "BUILD_SECONDS", 1.5)
    reader = os.open(lifeline, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(BuildFailed, match="did not end within its time"):
            build(RECIPES["redis"], BASE, lambda _: None)
        assert os.read(reader, 64) == b"alive\n"
        assert select.select([reader], [], [], 10)[0], "it still runs"
        assert os.read(reader, 64) == b"", "the pipe's other end is closed"
    finally:
        os.close(reader)
    assert sorted(p.name for p in scratch.iterdir()) == ["bin", "lifeline"]


def test_what_a_killed_build_left_goes_with_the_next(scratch: Path) -> None:
    abandoned = scratch / "lockquake-image-redis-abc.d"
    (abandoned / "tree").mkdir(parents=True)
    other = scratch / "lockquake-image-zookeeper-abc.d"
    other.mkdir()
    with build_lock(RECIPES["redis"]):
        assert not abandoned.exists()
        assert other.exists()


def _hold(ready: object, release: object) -> None:
    with build_lock(RECIPES["redis"]):
        ready.set()  # type: ignore[attr-defined]
        release.wait(20)  # type: ignore[attr-defined]


def test_two_processes_never_build_the_same_image_at_once(scratch: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(ready, release))
    holder.start()
    try:
        assert ready.wait(20)
        with pytest.raises(BuildFailed, match="another process has held"), build_lock(RECIPES["redis"], deadline=0.3):
            pass
        with build_lock(RECIPES["zookeeper"], deadline=0.3):
            pass
    finally:
        release.set()
        holder.join(20)
    assert holder.exitcode == 0
    with build_lock(RECIPES["redis"], deadline=0.3):
        pass
