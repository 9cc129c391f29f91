"""Reading apt's own sources: both formats, and which of the archives is the distribution."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuclei.platforms.apt_sources import (
    AptSource,
    distribution_mirror,
    parse_deb822,
    parse_one_line,
    parse_os_release,
    read_sources,
    resolve_mirror_list,
)

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

DEB822 = f"""\
# comment
Types: deb deb-src
URIs: http://mirror.example/debian
  http://second.example/debian
Suites: bookworm bookworm-updates
# comment inside
Components: main contrib
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_deb822_stanzas() -> None:
    first, second, security = parse_deb822(DEB822)
    assert first == AptSource(
        "http://mirror.example/debian", ("bookworm", "bookworm-updates"), ("main", "contrib"), KEYRING
    )
    assert second.uri == "http://second.example/debian"
    assert (security.suites, security.signed_by) == (("bookworm-security",), "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://m.example/debian trixie main", [AptSource("http://m.example/debian", ("trixie",), ("main",))]),
        (
            f"deb [arch=amd64 signed-by={KEYRING}] https://m.example/debian bookworm main contrib # note",
            [AptSource("https://m.example/debian", ("bookworm",), ("main", "contrib"), KEYRING)],
        ),
        (
            "deb [ signed-by=ABCDEF0123 ] http://m.example/debian sid main",
            [AptSource("http://m.example/debian", ("sid",), ("main",))],
        ),
        ("deb http://flat.example/repo ./", [AptSource("http://flat.example/repo", ("./",), ())]),
        ("deb-src http://m.example/debian trixie main", []),
        ("#deb http://m.example/debian trixie main", []),
        ("deb http://m.example/debian", []),
        ("", []),
    ],
)
def test_one_line(line: str, expected: list[AptSource]) -> None:
    assert parse_one_line(line) == expected


def test_every_file_of_etc_apt_is_read_and_disabled_ones_are_not(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example/debian trixie main\n")
    (parts / "b.sources").write_text("Types: deb\nURIs: http://b.example/debian\nSuites: trixie\nComponents: main\n")
    (parts / "c.list").write_text("deb http://c.example/debian trixie main\n")
    (parts / "d.list.disabled").write_text("deb http://d.example/debian trixie main\n")
    assert [s.uri for s in read_sources(tmp_path)] == [f"http://{x}.example/debian" for x in "abc"]


def test_no_etc_apt_is_no_sources(tmp_path: Path) -> None:
    assert read_sources(tmp_path / "absent") == []


def test_mirror_list_of_cloud_machines(tmp_path: Path) -> None:
    mirrors = tmp_path / "debian.list"
    mirrors.write_text("# mirrors\nhttps://near.example/debian\tpriority:1\nhttps://far.example/debian\n")
    assert resolve_mirror_list(f"mirror+file:{mirrors}") == "https://near.example/debian"
    assert resolve_mirror_list("mirror+file:/absent/list") == "mirror+file:/absent/list"
    assert resolve_mirror_list("http://m.example/debian") == "http://m.example/debian"


def source(uri: str, suite: str = "bookworm", component: str = "main", key: str = "") -> AptSource:
    return AptSource(uri, (suite,), (component,), key)


def test_the_distribution_is_told_from_third_parties() -> None:
    third_party = source("https://apt.vendor.example")
    stable_of_vendor = source("https://vendor.example/linux/debian", component="stable")
    debian = source("http://mirror.example/debian")
    security = source("http://mirror.example/debian-security", "bookworm-security", key=KEYRING)
    everything = [third_party, stable_of_vendor, security, debian]
    assert distribution_mirror(everything, "debian", "bookworm") == debian
    assert distribution_mirror([third_party, stable_of_vendor], "debian", "bookworm") is None
    assert distribution_mirror([source("file:///srv/debian")], "debian", "bookworm") is None


def test_ubuntu_ports_are_known_by_their_keyring() -> None:
    ports = source("http://ports.example/ubuntu-ports", "noble", key="/usr/share/keyrings/ubuntu-archive-keyring.gpg")
    assert distribution_mirror([ports], "ubuntu", "noble") == ports


def test_os_release() -> None:
    release = parse_os_release("# c\nID=ubuntu\nVERSION_ID=\"24.04\"\nNAME='Ubuntu'\n\n")
    assert release == {"ID": "ubuntu", "VERSION_ID": "24.04", "NAME": "Ubuntu"}
