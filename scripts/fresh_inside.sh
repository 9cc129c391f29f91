#!/usr/bin/env bash
# The first process of the fresh machine: everything is done as USER, then what is left of it is looked for.
set -uo pipefail
umount -l /old && rmdir /old || exit 1
user=$1
seconds=${FRESH_SECONDS:-1800}
failed=0

say() { printf 'fresh: %s\n' "$*" >&2; }

# As the user, in the checkout, with no Docker daemon to be found.
as_user() {
  timeout --kill-after=10 "$seconds" setpriv --reuid="$user" --regid="$user" --init-groups \
    env HOME="/home/$user" USER="$user" DOCKER_HOST=unix:///nowhere/docker.sock \
    sh -c 'cd ~/lockquake && exec "$@"' sh "$@" </dev/null
}

# step NAME EXPECTED COMMAND…: run and time it.
step() {
  local name=$1 expected=$2 began=$SECONDS code=0
  shift 2
  say "$name …"
  as_user "$@" || code=$?
  if [ "$code" = "$expected" ]; then
    say "$name: ok in $((SECONDS - began)) s"
  else
    say "$name: ended with $code instead of $expected after $((SECONDS - began)) s"
    failed=1
  fi
  look "$name"
}

# Processes of the user, and files in the directories for temporary ones.
look() {
  local entry uid left
  uid=$(id -u "$user")
  for entry in /proc/[0-9]*; do
    if [ "$(stat -c %u "$entry" 2>/dev/null)" = "$uid" ]; then
      say "$1 left process ${entry#/proc/}: $(tr '\0' ' ' <"$entry/cmdline")"
      failed=1
    fi
  done
  left=$(find /tmp /var/tmp /dev/shm -mindepth 1 -maxdepth 1 -name 'lockquake*')
  if [ -n "$left" ]; then
    say "$1 left $(echo $left)"
    failed=1
  fi
}

step "make setup" 0 make setup
step "the first verdict" 1 .venv/bin/lockquake run redis-set-nx-ex-del@redis-single --fault pause-client
say "first verdict $SECONDS s after the Debian packages were there"
for target in ${FRESH_TARGETS:-trial test}; do
  step "make $target" 0 make "$target" PYTEST_ARGS="$PYTEST_ARGS" TRIAL_ARGS="$TRIAL_ARGS"
done
exit "$failed"
