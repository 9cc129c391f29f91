"""What a fresh machine takes over from this one, as shell assignments: where its packages come from, and pip's index.

Nothing of it is kept in the repository. Prints one sentence and exits 4 where no package source is known.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

from nuclei.platforms.apt_sources import parse_os_release
from nuclei.platforms.image_base import NoBase, read_base
from nuclei.platforms.image_build import host_apt_options

OLDEST_DEBIAN = 12  # the first whose python3 is recent enough
# Where pip finds packages; directories of this machine (find-links) mean nothing on another.
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")


def suite_here(default: str) -> str:
    """This machine's own suite when it is a Debian that will do, else ``default``."""
    release = parse_os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    if release.get("ID") == "debian" and int(release.get("VERSION_ID", "0").split(".")[0]) >= OLDEST_DEBIAN:
        return release["VERSION_CODENAME"]
    return default


def pip_settings() -> dict[str, str]:
    """pip's settings that count here: configuration files and, over them, the environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=True
    )
    pairs = dict(line.split("=", 1) for line in listed.stdout.splitlines() if "=" in line)
    found = {}
    for section in ("global", "install", ":env:"):
        for name in (*PIP_SETTINGS, "cert"):
            value = pairs.get(f"{section}.{name}") or pairs.get(f"{section}.default-{name}")
            if value is not None:
                found[name] = str(ast.literal_eval(value))
    return found


def main() -> int:
    try:
        base = read_base()
    except NoBase as error:
        print(error, file=sys.stderr)
        return 4
    settings = pip_settings()
    certificates = settings.pop("cert", "")
    lines = {
        "suite": os.environ.get("FRESH_SUITE")
        or (suite_here(base.suite) if base.distribution == "debian" else base.suite),
        "mirror": base.mirror,
        "components": ",".join(base.components),
        "keyring": base.keyring,
        "certificates": certificates,
        "pip_settings": "".join(f"{name} = {' '.join(value.split())}\n" for name, value in settings.items()),
    }
    for name, value in lines.items():
        print(f"{name}={shlex.quote(value)}")
    print(f"apt_options=({' '.join(shlex.quote(f'--aptopt={option}') for option in host_apt_options())})")
    return 0


sys.exit(main())
