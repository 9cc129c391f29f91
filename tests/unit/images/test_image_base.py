"""Where built images take their packages from, on each kind of machine."""

from __future__ import annotations

import pytest

from nuclei.platforms.apt_sources import AptSource
from nuclei.platforms.image_base import Base, NoBase, choose_base

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian 12"}
NOBLE = {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble"}
JAMMY = NOBLE | {"VERSION_ID": "22.04", "VERSION_CODENAME": "jammy", "PRETTY_NAME": "Ubuntu 22.04"}
FEDORA = {"ID": "fedora", "VERSION_ID": "42", "PRETTY_NAME": "Fedora 42"}
DEBIAN = AptSource("http://m.example/debian", ("bookworm",), ("main",), "/k/debian-archive-keyring.gpg")
UBUNTU = AptSource("http://m.example/ubuntu", ("noble",), ("main", "universe"), "/k/ubuntu-archive-keyring.gpg")


def test_any_debian_builds_the_same_suite_from_its_own_mirror() -> None:
    base = choose_base(BOOKWORM, [DEBIAN], "", "")
    assert base == Base("debian", "trixie", DEBIAN.uri, ("main",), DEBIAN.signed_by)
    assert base.tag.startswith("debian-trixie-")
    assert choose_base(BOOKWORM, [DEBIAN], "", "/k/newer.gpg").keyring == "/k/newer.gpg"


def test_recent_ubuntu_builds_its_own_suite() -> None:
    base = choose_base(NOBLE, [UBUNTU], "", "")
    assert (base.distribution, base.suite, base.components) == ("ubuntu", "noble", ("main", "universe"))
    assert base.tag.startswith("ubuntu-noble-")


@pytest.mark.parametrize(("release", "sources"), [(JAMMY, [UBUNTU]), (FEDORA, []), ({}, []), (NOBLE, [])])
def test_elsewhere_one_sentence_names_the_remedy(release: dict[str, str], sources: list[AptSource]) -> None:
    with pytest.raises(NoBase, match="LOCKQUAKE_DEBIAN_MIRROR=URL") as caught:
        choose_base(release, sources, "", "")
    assert release.get("PRETTY_NAME", "") in str(caught.value)


@pytest.mark.parametrize("release", [JAMMY, FEDORA, NOBLE, BOOKWORM])
def test_a_mirror_named_by_the_user_wins(release: dict[str, str]) -> None:
    assert choose_base(release, [UBUNTU], "http://mine.example/debian", "/k").mirror == "http://mine.example/debian"
