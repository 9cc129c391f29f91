"""Where the programs of servers besides Redis and ZooKeeper are found, and what is fetched of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nuclei.platforms.process import program_fetch, programs, servers
from nuclei.platforms.process.debian_packages import FetchFailed
from nuclei.platforms.process.programs import PROGRAMS, Found, Program, find

TINY = Program(
    image="tiny", title="Tiny", programs=("tiny",), places=("usr/bin",), package="tiny", oldest=(1, 2), further=r"tiny-"
)


def program(directory: Path, name: str, said: str = "") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{said}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def says(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    return subprocess.run(argv, env=dict(environment), capture_output=True, text=True, check=True).stdout


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty PATH and an empty cache."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return directory


def test_a_program_on_path_wins(bare: Path, tmp_path: Path) -> None:
    program(tmp_path / "cache/lockquake/tiny-9.9/system/usr/bin", "tiny", "tiny 9.9")
    program(bare, "tiny", "tiny version: 1.10.0-rc.1")
    assert find(TINY, says) == Found(bare, "1.10.0")


def test_an_old_one_is_passed_over_for_the_newest_that_was_fetched(bare: Path, tmp_path: Path) -> None:
    program(bare, "tiny", "tiny 1.1")
    for version in ("1.9", "1.10", ".fetching-2"):
        program(tmp_path / f"cache/lockquake/tiny-{version}/system/usr/bin", "tiny", f"tiny {version}")
    found = find(TINY, says)
    made = tmp_path / "cache/lockquake/tiny-1.10"
    assert found == Found(made / "system/usr/bin", "1.10", made / "lib")
    assert found.environment() == {"PATH": f"{made}/system/usr/bin:{bare}", "LD_LIBRARY_PATH": f"{made}/lib"}


def test_what_is_missing_is_said_with_what_was_seen(bare: Path) -> None:
    assert find(TINY, says) == "no Tiny 1.2 or later: no tiny here"
    program(bare, "tiny", "tiny 1.1")
    assert find(TINY, says) == f"no Tiny 1.2 or later: {bare}/tiny is 1.1"


def test_programs_are_taken_together_or_not_at_all(bare: Path, tmp_path: Path) -> None:
    """A wrapper on PATH may lead into the directory that has them all."""
    several = replace(PROGRAMS["postgres"], places=())
    real = tmp_path / "lib/postgresql/15/bin"
    for name in several.programs:
        program(real, name, "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    (bare / "postgres").symlink_to(real / "postgres")
    assert find(several, says) == Found(real, "15.18")
    (real / "psql").unlink()
    assert "postgres, initdb, pg_basebackup and psql" in str(find(several, says))


def test_one_that_refuses_root_says_so_where_nobody_cannot_be(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROGRAMS["postgres"].programs:
        program(bare, name, "postgres (PostgreSQL) 15.18")
    program(bare, "bash")
    monkeypatch.setattr(servers.unprivileged, "why_not", lambda: "there is no setpriv; run as an ordinary user")
    servers.forget()
    assert servers.why_not("postgres") == (
        "PostgreSQL refuses to run as root, and there is no setpriv; run as an ordinary user"
    )
    servers.forget()


needs_debian = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("apt-get", "dpkg-deb", "cc", "ldd")),
    reason="a Debian with a C compiler is needed: apt-get, dpkg-deb, cc, ldd",
)


def package(archive: Path, name: str, tree: Path, depends: str = "") -> None:
    control = f"Package: {name}\nVersion: 1:1.4.2-1\nArchitecture: all\nMaintainer: T <t@example.org>\n{depends}"
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (tree / "DEBIAN/control").write_text(f"{control}Description: made by a test\n", encoding="utf-8")
    subprocess.run(
        ["dpkg-deb", "-b", str(tree), str(archive / f"{name}_1.4.2_all.deb")], check=True, capture_output=True
    )


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that copies from a directory, with a program whose library is in a package two steps away."""
    root = tmp_path / "archive"
    root.mkdir()
    tree = tmp_path / "tree"
    library, binary = tree / "libfar1/usr/lib/far", tree / "tiny-core/usr/bin"
    for place in (library, binary):
        place.mkdir(parents=True)
    (tmp_path / "far.c").write_text("int far(void) { return 0; }\n", encoding="utf-8")
    (tmp_path / "tiny.c").write_text("int far(void); int main(void) { return far(); }\n", encoding="utf-8")
    shared = library / "libfar-lockquake.so.1"
    flags = ["-shared", "-fPIC", "-Wl,-soname,libfar-lockquake.so.1"]
    subprocess.run(["cc", *flags, "-o", str(shared), str(tmp_path / "far.c")], check=True)
    subprocess.run(["cc", "-o", str(binary / "tiny"), str(tmp_path / "tiny.c"), str(shared)], check=True)
    package(root, "libfar1", tree / "libfar1")
    package(root, "libnear1", tree / "libnear1", "Depends: libfar1\n")
    package(root, "tiny-core", tree / "tiny-core", "Depends: libnear1 (>= 1), libc6\n")
    package(root, "tiny", tree / "tiny", "Depends: tiny-core\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own = tmp_path / "own-bin"
    own.mkdir()
    script = (
        f'while [ "$1" != download ]; do shift; done; shift\nfor p in "$@"; do cp {root}/"$p"_*.deb . || exit 1; done'
    )
    (own / "apt-get").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (own / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{own}:/usr/local/bin:/usr/bin:/bin")
    return root


@needs_debian
def test_libraries_that_the_machine_lacks_are_brought_as_well(archive: Path, tmp_path: Path) -> None:
    made = program_fetch.fetch(TINY, lambda text: None)
    assert made == tmp_path / "cache/lockquake/tiny-1.4.2"
    assert [path.name for path in (made / "lib").iterdir()] == ["libfar-lockquake.so.1"]
    found = Found(programs.below(TINY, made / "system")[0], "1.4.2", made / "lib")
    subprocess.run([str(found.directory / "tiny")], env=found.environment(), check=True)


@needs_debian
def test_a_library_that_nobody_brings_is_named(archive: Path, tmp_path: Path) -> None:
    package(archive, "libfar1", tmp_path / "nothing")
    with pytest.raises(FetchFailed, match=r"Tiny needs libfar-lockquake\.so\.1, which none of its packages brings"):
        program_fetch.fetch(TINY, lambda text: None)
    assert list((tmp_path / "cache/lockquake").iterdir()) == []


@needs_debian
def test_a_version_that_is_too_old_is_not_kept(archive: Path) -> None:
    newer = replace(TINY, oldest=(1, 5))
    with pytest.raises(FetchFailed, match=r"have Tiny 1\.4\.2; 1\.5 is needed"):
        program_fetch.fetch(newer, lambda text: None)
