"""Build an image from distribution packages: mmdebstrap writes a root file system, the daemon imports it.

Nothing is left behind when a build fails or is killed: the root file system is a complete file before the daemon
sees it, mmdebstrap dies with us, and a killed build's directory is removed by the next build of that image.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker_daemon import connect
from nuclei.platforms.image_base import Base
from nuclei.platforms.image_recipes import IMAGE_LABEL, REVISION, Recipe

BUILD_SECONDS = 900.0
_IMPORT_SECONDS = 300.0
_PREFIX = "lockquake-image-"
# What apt is told on this machine about reaching its mirror must hold for the build too.
_APT_OPTIONS = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv4")
_REMOVAL_SECONDS = 10.0
_PRCTL_DEATH_SIGNAL = 1
_LIBC = ctypes.CDLL(None)
# As root the build gets its own processes and mounts: when its first process is killed, the kernel ends the others
# and undoes the mounts, which mmdebstrap killed in the middle of an installation would leave (seen).
_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_END_SIGNAL = signal.SIGKILL if os.geteuid() == 0 else signal.SIGTERM

# Documentation goes after the installation, not by dpkg's path-exclude: the JRE's post-install links man pages and
# fails without them.
_SHRINK = (
    'rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/info/* "$1"/usr/share/locale/* '
    '"$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*.log "$1"/etc/apt/apt.conf.d/99mmdebstrap'
)


class BuildFailed(HarnessError):
    """An image could not be built; the message ends with the last lines of the tool that failed."""


def mmdebstrap_command(recipe: Recipe, base: Base, apt_options: list[str], root: bool) -> list[str]:
    """The argv that writes the recipe's root file system as a tar archive to stdout.

    Idea and options: mmdebstrap(1). Without root it unshares a user namespace and needs /etc/subuid and uidmap.
    """
    argv = [*_NAMESPACES] if root else []
    argv += ["mmdebstrap", "--variant=minbase", f"--mode={'root' if root else 'unshare'}"]
    argv += [f"--components={','.join(base.components)}", f"--include={','.join(recipe.packages)}"]
    if base.keyring:
        argv.append(f"--keyring={base.keyring}")
    argv += [f"--aptopt={option}" for option in ['APT::Install-Recommends "false"', *apt_options]]
    # apt of the host does the download, with the configuration mmdebstrap wrote, so that proxies and mirrors hold.
    argv += [
        f'--customize-hook=dir=$(mktemp -d) && cd "$dir" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq '
        f'-o APT::Sandbox::User=root download {package} && dpkg-deb -x {package}_*.deb "$1" && rm -r "$dir"'
        for package in recipe.unpack
    ]
    argv += [f"--customize-hook={line}" for line in (*recipe.setup, _SHRINK)]
    return [*argv, base.suite, "-", base.mirror]


def host_apt_options() -> list[str]:
    """apt's own settings for reaching mirrors on this machine (proxies, certificates), as configuration lines."""
    try:
        done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line.rstrip(";") for line in done.stdout.splitlines() if line.startswith(_APT_OPTIONS)]
    return [line for line in lines if not line.endswith('""')]


def scratch_root() -> Path:
    """Where builds keep their files: on disk (/tmp is memory on new Debians), 1 GB at most while building."""
    return Path(os.environ.get("TMPDIR") or "/var/tmp")


@contextlib.contextmanager
def build_lock(
    recipe: Recipe, say: Callable[[str], None] = lambda _: None, deadline: float = BUILD_SECONDS
) -> Iterator[None]:
    """Hold this machine's lock on building ``recipe``; raises BuildFailed after ``deadline`` seconds of waiting."""
    path = scratch_root() / f"{_PREFIX}{recipe.name}-{os.getuid()}.lock"
    end = time.monotonic() + deadline
    held = _try_lock(path)
    if held is None:
        say(f"{recipe.name}: another process is building it; waiting")
    while held is None:
        if time.monotonic() > end:
            raise BuildFailed(
                f"building image {recipe.name}: another process has held {path} for {deadline:.0f} s; "
                "wait for it or end it, then try again"
            )
        time.sleep(0.2)
        held = _try_lock(path)
    try:
        _remove_abandoned(recipe)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(held)


def _try_lock(path: Path) -> int | None:
    """The descriptor of the locked file, or None while another process has it.

    The holder removes the file before it lets go, so a lock counts only on the file that still has the name.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _remove_abandoned(recipe: Recipe) -> None:
    """Remove what killed builds of this image left; called with the lock held, so nobody uses it."""
    for left in scratch_root().glob(f"{_PREFIX}{recipe.name}-*.d"):
        if left.stat().st_uid == os.getuid() and not _mounted_below(left):
            shutil.rmtree(left, ignore_errors=True)


def _mounted_below(directory: Path) -> bool:
    """Whether something is mounted there: removing it would reach into another file system."""
    with contextlib.suppress(OSError):
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        return any(line.split()[1].startswith(f"{directory}/") for line in mounts.splitlines())
    return True


def build(recipe: Recipe, base: Base, say: Callable[[str], None]) -> str:
    """Build and import the image (the caller holds :func:`build_lock`); returns its reference. Raises BuildFailed."""
    began = time.monotonic()
    say(f"{recipe.name}: building from {base.distribution} {base.suite} packages of {base.mirror}")
    with _scratch_directory(recipe) as scratch:
        archive = scratch / "rootfs.tar"
        _bootstrap(recipe, base, archive, say)
        size = archive.stat().st_size / 1e6
        reference = _import(recipe, base, archive)
    say(f"{recipe.name}: built {reference}, {size:.0f} MB, in {time.monotonic() - began:.0f} s")
    return reference


def _die_with_parent() -> None:
    _LIBC.prctl(_PRCTL_DEATH_SIGNAL, _END_SIGNAL)


@contextlib.contextmanager
def _scratch_directory(recipe: Recipe) -> Iterator[Path]:
    """A directory for one build, removed at the end; a process that is just ending may still write into it."""
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{recipe.name}-", suffix=".d", dir=scratch_root()))
    try:
        # The user namespace of an unprivileged build must be able to enter.
        path.chmod(0o755)
        yield path
    finally:
        end = time.monotonic() + _REMOVAL_SECONDS
        while path.exists() and time.monotonic() < end:
            shutil.rmtree(path, ignore_errors=True)
            time.sleep(0.05)


def _bootstrap(recipe: Recipe, base: Base, archive: Path, say: Callable[[str], None]) -> None:
    argv = mmdebstrap_command(recipe, base, host_apt_options(), os.geteuid() == 0)
    log = archive.with_suffix(".log")
    environment = {**os.environ, "TMPDIR": str(archive.parent), "LC_ALL": "C"}
    with archive.open("wb") as out, log.open("wb") as err:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, preexec_fn=_die_with_parent
        )
        code = _wait(child, log, lambda step: say(f"{recipe.name}: {step}"))
    if code != 0:
        seen = "did not end within its time" if code is None else f"ended with code {code}"
        last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-50:])
        user_ids = "" if os.geteuid() == 0 else ", that /etc/subuid and /etc/subgid have an entry for your user"
        raise BuildFailed(
            f"building image {recipe.name}: mmdebstrap {seen}; check that the mirror {base.mirror} serves "
            f"{base.suite}{user_ids} and that {archive.parent.parent} has 1 GB free. Its last lines:\n{last}"
        )


def _wait(child: subprocess.Popen[bytes], log: Path, say: Callable[[str], None]) -> int | None:
    """The child's exit code, or None when it had to be ended at the deadline; tells its steps while it works."""
    end = time.monotonic() + BUILD_SECONDS
    told = 0
    try:
        while time.monotonic() < end:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(timeout=0.5)
            steps = [s[3:] for s in log.read_text(errors="replace").splitlines() if s.startswith("I: ")]
            for step in steps[told:]:
                if step.startswith(("downloading", "installing", "creating tarball")):
                    say(step.rstrip("."))
            told = len(steps)
        return None
    finally:
        if child.poll() is None:
            # Without root mmdebstrap has namespaces of its own and cleans up on SIGTERM; only a stuck one is killed.
            child.send_signal(_END_SIGNAL)
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _import(recipe: Recipe, base: Base, archive: Path) -> str:
    from docker.errors import APIError
    from requests.exceptions import RequestException

    changes = [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8",
        f"LABEL {IMAGE_LABEL}={recipe.name} lockquake.image.base={base.distribution}-{base.suite} "
        f"lockquake.image.revision={REVISION}",
    ]
    client = connect(timeout=_IMPORT_SECONDS)
    try:
        with archive.open("rb") as file:
            answer = client.api.import_image(file, recipe.repository, base.tag, changes=changes)
    except (APIError, RequestException) as error:
        raise BuildFailed(f"building image {recipe.name}: the Docker daemon did not import it: {error}") from error
    finally:
        client.close()
    if "error" in str(answer):
        raise BuildFailed(f"building image {recipe.name}: the Docker daemon did not import it: {answer}")
    return f"{recipe.repository}:{base.tag}"
