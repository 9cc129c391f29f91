#!/usr/bin/env bash
# The environment in .venv: made once, and again when the lock file or the project's metadata change.
# As root missing system packages are installed; otherwise they are named with the one command that brings them.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Two set-ups at a time in one checkout wait for each other.
exec 9<requirements.lock
flock -w 900 9 || fail "another set-up of this checkout has held requirements.lock for 15 min; end it and try again"

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# The first Python that is recent enough; one that can make environments is preferred.
find_python() {
  local name fallback=
  for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    if command -v "$name" >/dev/null && recent "$name"; then
      if can_make_venv "$name"; then command -v "$name"; return; fi
      fallback=${fallback:-$(command -v "$name")}
    fi
  done
  printf '%s' "$fallback"
}

# python3-venv serves the distribution's own python3; any other version has a package of its own.
venv_packages() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if [ "$version" = "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" ]; then
    echo python3-venv
  else
    echo "python$version-venv"
  fi
}

install_packages() {
  local command="apt-get update && apt-get install -y --no-install-recommends $*"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "missing system packages: $*; as root: $command"
  fi
  say "installing $*"
  local log
  log=$(mktemp)
  if ! { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update &&
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 50 "$log" >&2
    rm -f "$log"
    fail "apt-get did not install $*; see above, then run: $command"
  fi
  rm -f "$log"
}

checksum() { { sha256sum requirements.lock requirements-source.lock pyproject.toml scripts/setup.sh; pwd; } | sha256sum | cut -d' ' -f1; }

stamp=.venv/lockquake-setup
want=$(checksum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && .venv/bin/python -c '' 2>/dev/null; then
  exit 0
fi

python=$(find_python)
if [ -z "$python" ] && [ -n "${PYTHON:-}" ]; then
  fail "PYTHON=$PYTHON is no Python 3.11 or later; name another, or leave it out to have one looked for"
fi
if [ -z "$python" ]; then
  install_packages python3 python3-venv
  python=$(find_python)
  [ -n "$python" ] || fail "Python 3.11 or later is needed, the newest here is $(python3 --version 2>&1);" \
    "install one and name it: make PYTHON=/path/to/python3.12 TARGET"
fi
can_make_venv "$python" || install_packages $(venv_packages "$python")

say "environment .venv with $("$python" --version)"
rm -f "$stamp"
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
pip() { .venv/bin/python -m pip --disable-pip-version-check -q "$@" </dev/null; }
say "installing what requirements.lock names (once)"
pip install --require-hashes --only-binary :all: -r requirements.lock
pip install --require-hashes --no-deps --no-build-isolation -r requirements-source.lock
pip install --no-deps --no-build-isolation -e .
printf '%s\n' "$want" >"$stamp"
say "done"
