"""ZooKeeper's jars come through apt and dpkg as a user; the archive is a directory with packages made here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from nuclei.platforms.process import debian_packages, zookeeper_jars
from nuclei.platforms.process.debian_packages import FetchFailed, depends
from nuclei.platforms.process.zookeeper_fetch import class_path, fetch

pytestmark = pytest.mark.skipif(
    shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None, reason="a Debian is needed: apt-get, dpkg-deb"
)


def jar(path: Path, class_path: str = "") -> None:
    """A jar as Maven writes it: the manifest's lines are cut at 72 bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = f"Class-Path: {class_path}"
    cut = [line[:72], *(" " + line[at : at + 71] for at in range(72, len(line), 71))]
    with zipfile.ZipFile(path, "w") as archive:
        if class_path:
            archive.writestr("META-INF/MANIFEST.MF", "\r\n".join(["Manifest-Version: 1.0", *cut, "X: y", ""]))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package archive, apt's only source; apt has no lists of it yet, and the cache directory is empty."""
    root = tmp_path / "archive"
    root.mkdir()
    state = tmp_path / "apt"
    (state / "state/lists/partial").mkdir(parents=True)
    (state / "sources.list").write_text(f"deb [trusted=yes] file:{root} ./\n", encoding="utf-8")
    settings = {
        "Dir::State": state / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferencesparts": "-",
    }
    (state / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()), "utf-8")
    monkeypatch.setenv("APT_CONFIG", str(state / "apt.conf"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(zookeeper_jars, "DEBIAN_JARS", tmp_path / "none")
    monkeypatch.delenv(zookeeper_jars.ROOT_VARIABLE, raising=False)
    return root


def publish(archive: Path, name: str, tree: Path, fields: str = "") -> None:
    """Add a package with the files of ``tree`` to the archive."""
    control = f"Package: {name}\nVersion: 1:1-1\nArchitecture: all\nMaintainer: T <t@example.org>\n{fields}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(f"{control}Description: made by a test\n", encoding="utf-8")
    package = archive / f"{name}.deb"
    argv = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(package)]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    digest, size = hashlib.sha256(package.read_bytes()).hexdigest(), package.stat().st_size
    with (archive / "Packages").open("a", encoding="utf-8") as index:
        index.write(f"{control}Filename: ./{package.name}\nSize: {size}\nSHA256: {digest}\nDescription: made\n\n")


def publish_zookeeper(archive: Path, scratch: Path, version: str) -> None:
    """The packages as Debian cuts them: ZooKeeper's own jars, and the libraries."""
    named = " ".join(f"/usr/share/java/{name}.jar" for name in ("commons", "jline", "slf4j-api", "zookeeper-jute"))
    own, libraries = scratch / "own/usr/share/java", scratch / "libraries/usr/share/java"
    jar(own / "zookeeper.jar", named)
    (own / f"zookeeper-{version}.jar").symlink_to("zookeeper.jar")
    jar(own / "zookeeper-jute.jar")
    jar(own / "zookeeper-it.jar")
    jar(libraries / "commons.jar", "/usr/share/java/deeper.jar")
    for name in ("deeper", "slf4j-api", "slf4j-simple", "slf4j-nop"):
        jar(libraries / f"{name}.jar")
    publish(archive, "libraries", scratch / "libraries")
    publish(archive, "libzookeeper-java", scratch / "own", "Depends: libraries (>= 1:1) | no-such-package\n")


def test_the_jars_land_in_the_cache_as_a_release(archive: Path, tmp_path: Path) -> None:
    publish_zookeeper(archive, tmp_path / "made", "3.8.0")
    root = fetch(lambda text: None)
    assert root == tmp_path / "cache/lockquake/zookeeper-3.8.0"
    wanted = {"zookeeper-3.8.0", "zookeeper-jute", "commons", "deeper", "slf4j-api", "slf4j-simple"}
    assert {path.name for path in (root / "lib").iterdir()} == {f"{name}.jar" for name in wanted}
    found = zookeeper_jars.find()
    assert isinstance(found, zookeeper_jars.Jars)
    assert (found.root, found.version) == (root, "3.8.0")
    assert [path.name for path in root.parent.iterdir()] == ["zookeeper-3.8.0"], "what it worked with is left"


def test_a_second_fetch_leaves_what_is_there(archive: Path, tmp_path: Path) -> None:
    publish_zookeeper(archive, tmp_path / "made", "3.9.3")
    before = {path: path.stat().st_ino for path in fetch(lambda text: None).glob("lib/*")}
    assert {path: path.stat().st_ino for path in fetch(lambda text: None).glob("lib/*")} == before


def test_only_abandoned_scratch_is_swept(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_zookeeper(archive, tmp_path / "made", "3.8.0")
    other = tmp_path / "cache/lockquake/.fetching-of-another"
    other.mkdir(parents=True)
    fetch(lambda text: None)
    assert other.exists()
    monkeypatch.setattr(debian_packages, "_ABANDONED_SECONDS", -1.0)
    fetch(lambda text: None)
    assert not other.exists()


def test_a_version_that_is_too_old_is_not_kept(archive: Path, tmp_path: Path) -> None:
    publish_zookeeper(archive, tmp_path / "made", "3.4.13")
    with pytest.raises(FetchFailed, match=r"have ZooKeeper 3\.4\.13, 3\.8 or later is needed; .*LOCKQUAKE_ZOOKEEPER"):
        fetch(lambda text: None)
    assert list((tmp_path / "cache/lockquake").iterdir()) == []


def test_sources_without_the_package_are_one_sentence(archive: Path, tmp_path: Path) -> None:
    (archive / "Packages").touch()
    with pytest.raises(FetchFailed) as refused:
        fetch(lambda text: None)
    assert "Unable to locate package libzookeeper-java" in str(refused.value)
    assert "LOCKQUAKE_ZOOKEEPER" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cache_that_cannot_be_written_is_one_sentence(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", encoding="utf-8")
    with pytest.raises(FetchFailed, match=r"cannot be kept in .*; name another cache directory with XDG_CACHE_HOME"):
        fetch(lambda text: None)


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchFailed, match=r"apt-get and dpkg-deb, which is not here; unpack a release"):
        fetch(lambda text: None)


def test_packages_that_lack_the_logger_are_refused(tmp_path: Path) -> None:
    for name in ("zookeeper", "zookeeper-jute"):
        jar(tmp_path / f"{name}.jar", "zookeeper-jute.jar")
    with pytest.raises(FetchFailed, match=r"lack slf4j-api\.jar, slf4j-simple\.jar"):
        class_path(tmp_path)


def test_the_depends_field_is_read_as_dpkg_writes_it() -> None:
    assert depends("a (>= 1:2~), b-c.d+1 | e, f\n") == ["a", "b-c.d+1", "f"]
    assert depends("") == []
