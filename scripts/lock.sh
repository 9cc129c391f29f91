#!/usr/bin/env bash
# Write requirements.lock anew: run-time, development and build dependencies with hashes, for every supported Python;
# and requirements-source.lock: what has no wheel, to be built with the setuptools of the former.
# Needs uv on PATH. No index address is written, so that every place installs from the index it is set up for.
set -euo pipefail
cd "$(dirname "$0")/.."
no_wheel=redlock-py

compile() {
  echo '# Written by `make lock` from pyproject.toml; do not edit.'
  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-annotate --no-header -q "$@"
}

printf 'hatchling>=1.27\neditables>=0.5\nsetuptools>=75\n' |
  compile pyproject.toml - --group dev --extra libraries --no-emit-package "$no_wheel" "$@" >requirements.lock.tmp
grep -o "$no_wheel>=[0-9.]*" pyproject.toml | compile - --no-deps >requirements-source.lock.tmp
mv requirements.lock.tmp requirements.lock
mv requirements-source.lock.tmp requirements-source.lock
