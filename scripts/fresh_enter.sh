#!/usr/bin/env bash
# `fresh_enter.sh ROOT USER`, in mount and process namespaces of its own: makes ROOT the root, as on another machine
# (a mere chroot may make no user namespace), with devices and /proc, then runs /fresh there.
set -euo pipefail
root=$1 user=$2

mount --bind "$root" "$root"
cd "$root"
mount -t tmpfs -o mode=755,size=1m tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm
mount -t tmpfs -o mode=1777,size=256m tmpfs dev/shm
ln -s /proc/self/fd dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "dev/${number#*:}"; done
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys || true # only a help to some programs

mkdir old
pivot_root . old
exec chroot . /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 \
  http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" \
  PYTEST_ARGS="${PYTEST_ARGS:-}" TRIAL_ARGS="${TRIAL_ARGS:-}" \
  FRESH_TARGETS="${FRESH_TARGETS:-}" FRESH_SECONDS="${FRESH_SECONDS:-}" /fresh "$user"
