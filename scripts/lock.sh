#!/usr/bin/env bash
# Resolve pyproject.toml anew: requirements.lock (what runs, and what builds it) and requirements-dev.lock (tests as well).
# The files name versions and hashes only, no address. PEYMAN_PIP_COMPILE names a pip-compile to use instead of a fresh one.
set -euo pipefail
cd "$(dirname "$0")/.."

compile=${PEYMAN_PIP_COMPILE:-}
if [ -z "$compile" ]; then
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/pip" install --quiet pip-tools
    compile=$tools/bin/pip-compile
fi
plain="--quiet --generate-hashes --no-header --no-annotate --strip-extras --allow-unsafe
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --all-build-deps"
# shellcheck disable=SC2086
"$compile" $plain "$@" --output-file=requirements.lock pyproject.toml
# shellcheck disable=SC2086
"$compile" $plain "$@" --extra=dev --extra=datafusion --extra=spark --constraint=requirements.lock --output-file=requirements-dev.lock pyproject.toml
if grep -nE '://' requirements.lock requirements-dev.lock; then
    echo "lock.sh: a lock file names an address." >&2
    exit 1
fi
