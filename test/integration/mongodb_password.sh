#!/bin/bash
# The start script of an embedded MongoDB's pod as the operator plans it, under sh, with programs in the place of mongod, mongosh
# and the image's entry point that write down how they are called: what is run, in which order, and what a failure ends.
# What the real programs make of it is not shown here: no image of MongoDB is to be had where this runs.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/lp-mongodb.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/data"
"$LP_BIN/kubectl-lp" render -f "$top/config/samples/smallest.yaml" -o json |
    jq -r '.items[] | select(.kind == "StatefulSet" and (.metadata.name | endswith("-mongodb")))
        | .spec.template.spec.containers[0].command[2]' |
    sed -e "s|/data/db|$work/data|g" -e "s|/tmp/password.log|$work/password.log|g" >"$work/start"
sh -n "$work/start"

cat >"$work/bin/mongod" <<'FAKE'
#!/bin/sh
echo "mongod $*" >>"$CALLS"
case " $* " in
*" --shutdown "*) rm "$CALLS.up" ;; # fails where none is up
*" --fork "*)
    [ "${FAIL:-}" != mongod ] || { echo 'why it did not start' >"$LOG"; exit 48; }
    : >"$LOG"
    : >"$CALLS.up" ;;
esac
FAKE
cat >"$work/bin/mongosh" <<'FAKE'
#!/bin/sh
[ -e "$CALLS.up" ] || { echo "mongosh without a server" >>"$CALLS"; exit 1; }
for last; do :; done
case "$*" in *"$MONGO_INITDB_ROOT_PASSWORD"*) echo "the password is among the arguments" >>"$CALLS" ;; esac
case "$last" in *process.env.MONGO_INITDB_ROOT_USERNAME*process.env.MONGO_INITDB_ROOT_PASSWORD*updateUser*createUser*) what=sets ;; *) what=else ;; esac
echo "mongosh $2 $what" >>"$CALLS"
[ "${FAIL:-}" != mongosh ]
FAKE
cat >"$work/bin/docker-entrypoint.sh" <<'FAKE'
#!/bin/sh
[ ! -e "$CALLS.up" ] || echo "the open server still runs" >>"$CALLS"
echo "entrypoint $*" >>"$CALLS"
FAKE
chmod +x "$work/bin"/*

bad=0
expect() { # WHAT STATUS CALLS [FAIL]
    local status=0 calls
    rm -f "$work/calls" "$work/calls.up"
    env PATH="$work/bin:$PATH" CALLS="$work/calls" LOG="$work/password.log" FAIL="${4:-}" MONGO_INITDB_ROOT_USERNAME=lp \
        MONGO_INITDB_ROOT_PASSWORD=never-on-a-command-line sh -c "$(cat "$work/start")" 2>"$work/err" || status=$?
    calls=$(cat "$work/calls")
    [ "$status" = "$2" ] || { echo "$1: ended with $status, not $2: $(cat "$work/err")"; bad=1; }
    [ "$calls" = "$3" ] || { echo "$1: called"; echo "$calls"; echo "instead of"; echo "$3"; bad=1; }
}

open="mongod --noauth --dbpath $work/data --bind_ip 127.0.0.1 --port 27018 --fork --logpath $work/password.log"
ask="mongosh mongodb://127.0.0.1:27018/admin sets"
close="mongod --dbpath $work/data --shutdown"
expect 'an empty volume is the entry point'\''s to fill' 0 'entrypoint mongod'
touch "$work/data/WiredTiger"
expect 'a volume with data gets the password of the Secret first' 0 "$open
$ask
$close
entrypoint mongod"
expect 'a password that cannot be set ends the start, and the open server' 1 "$open
$ask
$close" mongosh
grep -q 'the password of the Secret could not be set' "$work/err" || { echo "no word on the password: $(cat "$work/err")"; bad=1; }
expect 'a server that does not start says why' 1 "$open" mongod
grep -q 'why it did not start' "$work/err" || { echo "the log of mongod is not shown: $(cat "$work/err")"; bad=1; }
exit $bad
