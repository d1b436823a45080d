#!/usr/bin/env bash
# A PostgreSQL of our own in a folder: never the system's cluster, no TCP port, reached by a socket in the folder.
#
#   scripts/postgres.sh run COMMAND…    start one in a temporary folder, run COMMAND with DATABASE_URL set, remove it
#   scripts/postgres.sh start DIR       start one in DIR (made if need be) and print its DATABASE_URL
#   scripts/postgres.sh stop DIR        stop it; its data stays
#
# As root it runs as the user postgres. Tests throw their data away, so nothing is synced;
# PEYMAN_DURABLE=1 makes it sync as a shop's database must.
set -euo pipefail

programs=$(command -v initdb >/dev/null && dirname "$(readlink -f "$(command -v initdb)")" ||
    ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$programs" ]; then
    echo "postgres.sh: PostgreSQL's server programs (initdb, pg_ctl) are missing." >&2
    exit 2
fi

owner() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start() {
    local dir=$1 speed=""
    mkdir -p "$dir"
    chmod 700 "$dir"
    if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        owner "$programs/initdb" --pgdata="$dir/data" --username=peyman --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
            --no-sync >"/dev/null" 2>&1 || { echo "postgres.sh: initdb failed in $dir" >&2; exit 2; }
    fi
    if [ "${PEYMAN_DURABLE:-}" != 1 ]; then speed="-c fsync=off -c synchronous_commit=off -c full_page_writes=off"; fi
    # A socket's path may have 107 characters; a folder too deep for that is refused by the server itself.
    owner "$programs/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --wait --timeout=60 --silent start \
        --options="-c listen_addresses= -c unix_socket_directories='$dir' -c max_connections=200 $speed" </dev/null >&2 ||
        { owner tail -n 20 "$dir/log" >&2; exit 2; }
    echo "postgres://peyman@${dir//\//%2F}/postgres"
}

stop() {
    owner "$programs/pg_ctl" --pgdata="$1/data" --mode="${2:-fast}" --wait --silent stop >/dev/null 2>&1 || true
}

case "${1:-}" in
start) cd / && start "$(realpath -m "$2")" ;;
stop) cd / && stop "$(realpath -m "$2")" ;;
run)
    shift
    here=$PWD
    dir=$(mktemp -d "${TMPDIR:-/tmp}/peyman-pg-XXXXXX")
    trap 'cd /; stop "$dir" immediate; rm -rf "$dir"' EXIT
    trap 'exit 130' INT TERM HUP
    cd /
    url=$(start "$dir")
    cd "$here"
    DATABASE_URL=$url "$@"
    ;;
*)
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
