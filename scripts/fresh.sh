#!/usr/bin/env bash
# Proves that a checkout works on a fresh machine without Docker: a minimal Debian root file system, an unprivileged
# user, HEAD of this repository, `make trial` and `make test` in it, and nothing left afterwards.
#   FRESH_PACKAGES  further Debian packages: default-jre-headless (then ZooKeeper is fetched), gcc …
#   FRESH_TARGETS   what is made there (default: trial test), each within FRESH_SECONDS (default: 1800)
#   FRESH_SUITE     the Debian suite (default: this machine's)
#   PYTEST_ARGS, TRIAL_ARGS  as everywhere
# Exit: 0 all well, 1 something failed there, 4 it cannot be tried here.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'fresh: %s\n' "$*" >&2; }
cannot() { say "$*"; exit 4; }

[ "$(id -u)" = 0 ] || cannot "a root file system is made as root: sudo make fresh"
for program in mmdebstrap unshare setpriv pivot_root git; do
  command -v "$program" >/dev/null ||
    cannot "$program is missing; as root: apt-get update && apt-get install -y --no-install-recommends mmdebstrap git"
done
settings=$(PYTHONPATH=. .venv/bin/python scripts/fresh_host.py) || exit $?
eval "$settings"

# One that was killed cannot clean up after itself: the next run does. Everything below dies with us.
place=${TMPDIR:-/var/tmp}
for left in "$place"/lockquake-fresh-*; do
  [ -d "$left" ] || continue
  owner=${left##*lockquake-fresh-} && owner=${owner%%-*}
  [ -d "/proc/$owner" ] || rm -rf --one-file-system "$left"
done
root=$(mktemp -d "$place/lockquake-fresh-$$-XXXXXX")
child=
# Mounts are made in a namespace of their own, which ends with its first process: there is nothing to unmount.
clean_up() {
  trap '' INT TERM
  if [ -n "$child" ]; then kill -KILL "$child" 2>/dev/null && wait "$child" 2>/dev/null; fi || true
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# In its own process and mount namespaces, ended with us; in the background, because a trap waits for the foreground.
apart() {
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc "$@" </dev/null &
  child=$!
  local code=0
  wait "$child" || code=$?
  child=
  return "$code"
}

packages=python3,python3-venv,make,git,ca-certificates${FRESH_PACKAGES:+,${FRESH_PACKAGES// /,}}
say "making a root file system: $suite with $packages"
began=$SECONDS
apart timeout 900 mmdebstrap -q --variant=minbase --mode=root --format=directory --components="$components" \
  ${keyring:+"--keyring=$keyring"} "${apt_options[@]}" --aptopt='APT::Install-Recommends "false"' \
  --include="$packages" "$suite" "$root" "$mirror" || { say "mmdebstrap failed; see above"; exit 1; }
say "made in $((SECONDS - began)) s, $(du -sm "$root" | cut -f1) MB"

user=tester
chroot "$root" useradd --create-home --shell /bin/bash "$user"
mkdir "$root/home/$user/lockquake"
git archive HEAD | tar -x -C "$root/home/$user/lockquake"
chroot "$root" chown -R "$user:" "/home/$user"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/hosts "$root/etc/hosts"
if [ -n "$certificates" ]; then
  cp -L "$certificates" "$root/etc/ssl/certs/of-the-host.crt"
  pip_settings+="cert = /etc/ssl/certs/of-the-host.crt"$'\n'
fi
printf '[global]\n%s' "$pip_settings" >"$root/etc/pip.conf"

install -m 755 scripts/fresh_inside.sh "$root/fresh"
code=0
export PYTEST_ARGS TRIAL_ARGS FRESH_TARGETS FRESH_SECONDS
apart scripts/fresh_enter.sh "$root" "$user" || code=$?
[ "$code" = 0 ] || { say "failed there (code $code); see above"; exit 1; }
