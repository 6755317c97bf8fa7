#!/bin/bash
# The pod of an embedded PostgreSQL as the operator plans it, on a real server with the entry point of lp-postgres: at each
# start the password is the Secret's. As root each start is process 1 of a PID namespace of its own, as in a container, so
# that a killed server leaves the number 1 in postmaster.pid. And the role of the jobs of AI feedback is no superuser.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -Vr | sed -n 1p)")
[ -x "$bin/initdb" ] || { echo "no PostgreSQL here: apt-get install postgresql"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/lp-password.XXXXXX")
die() {
    echo "database_password: $*" >&2
    exit 1
}
. "$top/test/integration/lib/processes.sh"
port=$(free_port)
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
printf '{apiVersion: learningplatform.io/v1alpha1, kind: LearningPlatform, metadata: {name: english, namespace: learning}, spec: {services: {aiWorker: {enabled: true}}}}' >"$work/platform.yaml"
"$LP_BIN/kubectl-lp" render -f "$work/platform.yaml" -o json >"$work/children.json"
for set in postgres ai-jobs; do
    jq -r --arg name "english-$set" '.items[] | select(.kind == "StatefulSet" and .metadata.name == $name)
        | .spec.template.spec.containers[0].command[2]' "$work/children.json" | sed "s|/tmp/|$work/tmp/|g" >"$work/$set"
done
set=postgres user=lp database=auth # those that are started next
chmod -R a+rX "$work"
[ -z "${as[*]}" ] || chown postgres:postgres "$work/data" "$work/tmp"

start() { # PASSWORD
    (cd / && exec "${wall[@]}" "${as[@]}" env PATH="$work/bin:$bin:$PATH" PGDATA="$work/data/$set" PGPORT=$port POSTGRES_USER=$user \
        POSTGRES_DB=$database POSTGRES_PASSWORD="$1" sh -c "$(cat "$work/$set")" >"$work/log" 2>&1) &
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

sql() { PGPASSWORD=$1 "$bin/psql" -h 127.0.0.1 -p $port -U "$user" -d "$database" -Atc "$2" 2>&1; }
logs_in() { sql "$1" 'select 1'; }

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

# It makes its tables in its own database, and gets at nothing else; a start that was cut short begins anew.
the_role_of_the_jobs_is_no_superuser() {
    set=ai-jobs user=jobs database=jobs
    mkdir -p "$work/data/ai-jobs.new/half" && chown -R "$(stat -c %U:%G "$work/data")" "$work/data/ai-jobs.new"
    start first
    [ "$(sql first "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls from pg_roles where rolname = 'jobs'")" = f ]
    [ "$(sql first 'create table t (n int); insert into t values (1) returning n' | sed -n 2p)" = 1 ]
    [[ $(sql first 'select * from pg_authid') == *'permission denied for table pg_authid'* ]]
    [[ $(sql first "copy t from program 'echo 2'") == *'to or from an external program'* ]]
    [[ $(sql wrong 'select 1') == *'password authentication failed'* ]]
    [[ $(user=postgres sql first 'select 1') == *'password authentication failed'* ]] # it has none
    stop INT
    start second
    [ "$(sql second 'select n from t')" = 1 ]
    [[ $(sql first 'select 1') == *'password authentication failed'* ]]
    stop INT
}

postgres_takes_the_password_of_the_secret
the_role_of_the_jobs_is_no_superuser
