#!/usr/bin/env bash
# Make .venv ready: `setup.sh run` for the shop, `setup.sh test` for the tests as well. Ready already: done in no time.
#
# Installs exactly what the lock files name, by hash. As root with apt it also installs what the system lacks: for `run`
# only the venv module, for `test` PostgreSQL, Chromium and a headless Java (Spark's) too. Elsewhere it names what is
# missing and exits 2, unless PEYMAN_SKIP=browser,postgres,spark says to go without.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?run or test}

stop() {
    echo "peyman: $*" >&2
    exit 2
}

skipped() { [[ ",${PEYMAN_SKIP:-}," == *",$1,"* ]]; }

install_packages() { # install_packages WHAT PACKAGE…
    local what=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 1; fi
    echo "peyman: installing $what ($*)" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null >&2 && apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

has_postgres() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_chromium() { [ -n "${PEYMAN_TEST_CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null; }

has_java() { # 17 or newer
    local java=java version
    if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; fi
    version=$("$java" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -n 1) || return 1
    [ -n "$version" ] && [ "$version" -ge 17 ]
}

find_python() {
    local name
    for name in ${PYTHON:-python3.11 python3 python3.12 python3.13}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}

# One at a time in one checkout.
if command -v flock >/dev/null; then
    exec 9>.venv.lock
    flock 9
fi

if [ "$kind" = test ]; then
    lacking=()
    if ! skipped postgres && ! has_postgres; then lacking+=(postgresql); fi
    if ! skipped browser && ! has_chromium; then lacking+=(chromium); fi
    if ! skipped spark && ! has_java; then lacking+=(openjdk-17-jre-headless); fi
    if [ ${#lacking[@]} -gt 0 ]; then
        install_packages "what the tests need" "${lacking[@]}" ||
            stop "missing: ${lacking[*]}. Install it, or go without: PEYMAN_SKIP=browser,postgres,spark make test"
    fi
fi

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python) || stop "Python 3.11 or newer is missing."
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_packages "Python's venv module" "python$version-venv" || install_packages "Python's venv module" python3-venv ||
            stop "Python's venv module is missing (Debian: apt install python3-venv)."
    fi
    rm -rf .venv
    "$python" -m venv .venv
fi

lock=requirements.lock
if [ "$kind" = test ]; then lock=requirements-dev.lock; fi
print=$(cat "$lock" pyproject.toml | cksum)
if [ "$(cat ".venv/.ready-$kind" 2>/dev/null)" != "$print" ]; then
    echo "peyman: installing what $lock names (once)" >&2
    pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input --quiet)
    "${pip[@]}" install --require-hashes --no-deps -r "$lock" </dev/null >&2
    # The package itself, from here; what builds it is in the lock as well.
    "${pip[@]}" install --no-build-isolation --no-deps --editable . </dev/null >&2
    echo "$print" >".venv/.ready-$kind"
fi
