#!/usr/bin/env bash
# Everything that must hold: lint, types, floors, and all tests on SQLite and on PostgreSQL.
# PEYMAN_SKIP=browser,postgres goes without them, and says so.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test || exit 2

skipped() { [[ ",${PEYMAN_SKIP:-}," == *",$1,"* ]]; }
results=() failed=0 options=(-n "${PEYMAN_TEST_JOBS:-2}" --dist loadgroup -q)
if skipped browser; then options+=(-m "not browser"); fi

stage() { # stage NAME COMMAND…
    local name=$1 begun=$SECONDS log status=0
    shift
    log=$(mktemp)
    echo "==== $name" >&2
    "$@" 2>&1 | tee "$log" || status=$?
    if [ "$status" = 0 ]; then results+=("$name: passed in $((SECONDS - begun)) s"); else
        results+=("$name: FAILED (exit $status) after $((SECONDS - begun)) s")
        failed=1
    fi
    results+=("$(grep -E '^(=+ )?[0-9]+ (passed|failed|error)|^no tests ran' "$log" | tail -n 1)")
    rm -f "$log"
}

stage "lint, types, floors" scripts/lint.sh
stage "tests on SQLite" env -u DATABASE_URL .venv/bin/pytest "${options[@]}"
if ! skipped postgres; then
    stage "tests on PostgreSQL" scripts/postgres.sh run .venv/bin/pytest "${options[@]}" --database-only
fi

echo
printf '%s\n' "${results[@]}" | sed '/^$/d'
for part in browser postgres; do
    if skipped "$part"; then echo "!!!! WITHOUT $part, as PEYMAN_SKIP says: this run does not show that $part works."; fi
done
exit $failed
