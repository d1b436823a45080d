#!/usr/bin/env bash
# Everything that must hold: lint, types, floors, and all tests on SQLite and on PostgreSQL.
# PEYMAN_SKIP=browser,postgres,spark goes without them, and says so. PEYMAN_TEST_JOBS is how many processes test at once:
# one more than there are cores, since many tests wait for processes of their own.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test || exit 2
# Some machines forbid it: then every process compiles all it imports, and pytest rewrites all tests, three times a stage.
export PYTHONDONTWRITEBYTECODE=

skipped() { [[ ",${PEYMAN_SKIP:-}," == *",$1,"* ]]; }
results=() failed=0 options=(-n "${PEYMAN_TEST_JOBS:-$(($(nproc) + 1))}" --dist loadscope -q --durations=15)
without=()
for part in browser spark; do if skipped $part; then without+=("not $part"); fi; done
if [ ${#without[@]} -gt 0 ]; then options+=(-m "$(printf '%s and ' "${without[@]}" | sed 's/ and $//')"); fi

ended() { # ended NAME STATUS SECONDS LOG
    if [ "$2" = 0 ]; then results+=("$1: passed in $3 s"); else
        results+=("$1: FAILED (exit $2) after $3 s")
        failed=1
    fi
    results+=("$(grep -E '^(=+ )?[0-9]+ (passed|failed|error)|^no tests ran' "$4" | tail -n 1)")
    rm -f "$4"
}

stage() { # stage NAME COMMAND…
    local name=$1 begun=$SECONDS log status=0
    shift
    log=$(mktemp)
    echo "==== $name" >&2
    "$@" 2>&1 | tee "$log" || status=$?
    ended "$name" "$status" $((SECONDS - begun)) "$log"
}

# Lint has few processes and many pauses: it runs beside the first tests, and speaks when they are done.
lint_log=$(mktemp)
{ scripts/lint.sh; echo "$? $SECONDS" >"$lint_log.end"; } >"$lint_log" 2>&1 &
stage "tests on SQLite" env -u DATABASE_URL .venv/bin/pytest "${options[@]}"
wait
read -r lint_status lint_seconds <"$lint_log.end" && rm -f "$lint_log.end"
echo "==== lint, types, floors" >&2
cat "$lint_log"
ended "lint, types, floors" "$lint_status" "$lint_seconds" "$lint_log"
if ! skipped postgres; then
    stage "tests on PostgreSQL" scripts/postgres.sh run .venv/bin/pytest "${options[@]}" --database-only
fi

echo
printf '%s\n' "${results[@]}" | sed '/^$/d'
for part in browser postgres spark; do
    if skipped "$part"; then echo "!!!! WITHOUT $part, as PEYMAN_SKIP says: this run does not show that $part works."; fi
done
exit $failed
