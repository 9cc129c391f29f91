"""Which Debian mirror this machine's apt already uses, read from apt's own sources.

Both formats of sources.list(5) are read: deb822 (``*.sources``) and one-line (``*.list``). Nothing is fetched here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)$")


@dataclass(frozen=True)
class AptSource:
    """One archive apt installs binary packages from. ``signed_by``: path of its keyring, or empty."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def parse_one_line(text: str) -> list[AptSource]:
    """The enabled ``deb`` lines of a ``*.list`` file; source packages, comments and malformed lines are left out."""
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match is None:
            continue
        options = dict(re.findall(r"([\w-]+)=(\S+)", match["options"] or ""))
        components = tuple(match["components"].split())
        found.append(AptSource(match["uri"], (match["suite"],), components, _keyring(options.get("signed-by", ""))))
    return found


def parse_deb822(text: str) -> list[AptSource]:
    """The enabled binary stanzas of a ``*.sources`` file, one :class:`AptSource` for each URI."""
    found = []
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        suites, components = tuple(stanza.get("suites", "").split()), tuple(stanza.get("components", "").split())
        keyring = _keyring(stanza.get("signed-by", ""))
        found += [AptSource(uri, suites, components, keyring) for uri in stanza.get("uris", "").split()]
    return found


def _keyring(value: str) -> str:
    """The keyring's path; empty where the key itself stands in the file (it cannot be handed on as a path)."""
    first = value.replace(",", " ").split()
    return first[0] if first and first[0].startswith("/") else ""


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """The stanzas of a deb822 file as lower-case field → value; continuation lines are joined with newlines."""
    stanza: dict[str, str] = {}
    field = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza, field = {}, ""
        elif line[0].isspace() and field:
            stanza[field] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            field = name.strip().lower()
            stanza[field] = value.strip()


def read_sources(etc_apt: Path = Path("/etc/apt")) -> list[AptSource]:
    """Every enabled binary source of this machine, in apt's order; unreadable files are left out."""
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    found: list[AptSource] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if file.suffix == ".list":
            found += parse_one_line(text)
        elif file.suffix == ".sources":
            found += parse_deb822(text)
    return [AptSource(resolve_mirror_list(s.uri), s.suites, s.components, s.signed_by) for s in found]


def resolve_mirror_list(uri: str) -> str:
    """The first mirror of a ``mirror+file:`` list (Debian's cloud machines use one); any other URI unchanged."""
    if not uri.startswith("mirror+file:"):
        return uri
    try:
        lines = Path(uri.removeprefix("mirror+file:")).read_text(encoding="utf-8").splitlines()
    except OSError:
        return uri
    mirrors = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    return mirrors[0] if mirrors else uri


def distribution_mirror(sources: Iterable[AptSource], distribution: str, codename: str) -> AptSource | None:
    """The source that carries the distribution itself (``debian``, ``ubuntu``), or None.

    Third-party archives also call their suite ``bookworm`` and their component ``main``, so the candidates are ranked:
    a path that ends in the distribution's name, a keyring that names it, the host's own suite.
    """

    def rank(source: AptSource) -> tuple[bool, bool, bool]:
        path_says = source.uri.rstrip("/").rsplit("/", 1)[-1] == distribution
        keyring_says = f"{distribution}-archive" in source.signed_by
        return path_says, keyring_says, codename in source.suites

    usable = [s for s in sources if s.uri.startswith(("http://", "https://")) and "main" in s.components]
    named = [s for s in usable if any(rank(s)[:2])]
    return max(named, key=rank, default=None)


def parse_os_release(text: str) -> Mapping[str, str]:
    """The fields of os-release(5), unquoted."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}
