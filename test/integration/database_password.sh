#!/bin/bash
# The pod of an embedded PostgreSQL as the operator plans it, on a real server with the entry point of lp-postgres: at each
# start the password is the Secret's. As root each start is process 1 of a PID namespace of its own, as in a container, so
# that a killed server leaves the number 1 in postmaster.pid.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -Vr | sed -n 1p)")
[ -x "$bin/initdb" ] || { echo "no PostgreSQL here: apt-get install postgresql"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/lp-password.XXXXXX")
port=$((20000 + $$ % 20000))
server=''
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

as=() wall=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    wall=(unshare --pid --fork --kill-child=KILL)
fi
mkdir "$work/bin" "$work/data" "$work/tmp"
# A container has a /tmp of its own.
sed "s|/tmp/|$work/tmp/|g" "$top/docker/postgres/entrypoint" >"$work/bin/lp-postgres"
chmod +x "$work/bin/lp-postgres"
"$LP_BIN/kubectl-lp" render -f "$top/config/samples/smallest.yaml" -o json |
    jq -r '.items[] | select(.kind == "StatefulSet" and (.metadata.name | endswith("-postgres")))
        | .spec.template.spec.containers[0].command[2]' | sed "s|/tmp/|$work/tmp/|g" >"$work/start"
chmod -R a+rX "$work"
[ -z "${as[*]}" ] || chown postgres:postgres "$work/data" "$work/tmp"

start() { # PASSWORD
    (cd / && exec "${wall[@]}" "${as[@]}" env PATH="$work/bin:$bin:$PATH" PGDATA="$work/data/pgdata" PGPORT=$port POSTGRES_USER=lp \
        POSTGRES_DB=auth POSTGRES_PASSWORD="$1" sh -c "$(cat "$work/start")" >"$work/log" 2>&1) &
    server=$!
    for _ in $(seq 600); do
        "$bin/pg_isready" -q -h 127.0.0.1 -p $port && return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    echo "the server did not start:"; tail -20 "$work/log"
    return 1
}

stop() { # SIGNAL
    local pid=$server
    [ -z "${wall[*]}" ] || pid=$(tr -d ' ' <"/proc/$server/task/$server/children") # of unshare: the server
    kill "-$1" "$pid"
    wait "$server" 2>/dev/null || true
    server=''
}

logs_in() { PGPASSWORD=$1 "$bin/psql" -h 127.0.0.1 -p $port -U lp -d auth -Atc 'select 1' 2>&1; }

postgres_takes_the_password_of_the_secret() {
    local odd="it's \"quoted\" \\ \$x; -- of
two lines"
    start first
    [ "$(logs_in first)" = 1 ]
    stop INT
    start "$odd"
    [ "$(logs_in "$odd")" = 1 ]
    [[ $(logs_in first) == *'password authentication failed'* ]]
    if grep -F 'quoted' "$work/log"; then echo "the log shows the password"; return 1; fi
    stop KILL # as after a node's death
    start third
    [ "$(logs_in third)" = 1 ]
    stop INT
}

postgres_takes_the_password_of_the_secret
