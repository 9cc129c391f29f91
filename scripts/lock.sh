#!/usr/bin/env bash
# Write requirements.lock anew: run-time, development and build dependencies with hashes, for every supported Python.
# Needs uv on PATH. No index address is written, so that every place installs from the index it is set up for.
set -euo pipefail
cd "$(dirname "$0")/.."
{
  echo '# Written by `make lock` from pyproject.toml; do not edit.'
  printf 'hatchling>=1.27\neditables>=0.5\n' | uv pip compile pyproject.toml - --group dev --universal \
    --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q "$@"
} >requirements.lock.tmp
mv requirements.lock.tmp requirements.lock
