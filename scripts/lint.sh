#!/usr/bin/env bash
# What can be said of the code without running it. All of it is said before it fails.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
check() {
    echo "== $*" >&2
    "$@" || failed=1
}
export PEYMAN_SANDBOX=1
check .venv/bin/ruff check --quiet .
check .venv/bin/ruff format --check --quiet .
check .venv/bin/mypy
check .venv/bin/lint-imports --no-logo
exit $failed
