# Messages, progress and waits for the test scripts. Sourced, never run.
# shellcheck shell=bash

# shellcheck source=../../../docker/lib/messages.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../../docker/lib/messages.sh" # say, die

# The last lines of a log, indented, for a step that failed.
show_log() { # FILE
    [ -s "$1" ] || return 0
    printf '  the last lines of %s:\n' "$1" >&2
    tail -n 15 "$1" | sed 's/^/  | /' >&2
}

end_group() { # PID
    kill -- "-$1" 2>/dev/null
    sleep 2
    kill -KILL -- "-$1" 2>/dev/null
    return 0
}

# run_step TEXT LIMIT_SECONDS COMMAND [ARG...]
# Runs a command (a function too) with its output in a log file. Says when it starts, every 30 s
# that it still runs, and how long it took. Ends with the command's status, 124 past the limit.
# The command is its own process group, so that nothing of it is left behind.
run_step() {
    local text=$1 limit=$2 start=$SECONDS next=30 log status=0 traps
    shift 2
    log=${text//[^A-Za-z0-9._-]/-}
    log=$LP_CACHE/log/${log:0:120}.log
    mkdir -p "${log%/*}"
    say "$text ..."
    set -m
    ("$@") >"$log" 2>&1 </dev/null &
    local pid=$!
    set +m
    traps=$(trap -p INT TERM)
    trap 'kill -- -'"$pid"' 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        if [ $((SECONDS - start)) -ge "$limit" ]; then
            end_group "$pid"
            status=124
            break
        fi
        if [ $((SECONDS - start)) -ge "$next" ]; then
            say "$text ... $((SECONDS - start)) s"
            next=$((next + 30))
        fi
        sleep 0.2
    done
    [ "$status" = 124 ] || { wait "$pid" || status=$?; }
    trap - INT TERM
    eval "$traps"
    case $status in
    0) say "$text: done in $((SECONDS - start)) s" ;;
    124) say "$text: gave up after $limit s" && show_log "$log" ;;
    *) say "$text: failed after $((SECONDS - start)) s" && show_log "$log" ;;
    esac
    return "$status"
}

# Runs two commands, each one word, at once; fails where one of them does, when both have ended.
side_by_side() { # COMMAND COMMAND
    local first second traps status=0
    "$1" &
    first=$!
    "$2" &
    second=$!
    traps=$(trap -p INT TERM)
    trap 'kill '"$first $second"' 2>/dev/null; exit 130' INT TERM
    wait "$first" || status=1
    wait "$second" || status=1
    trap - INT TERM
    eval "$traps"
    return $status
}

# wait_for TEXT LIMIT_SECONDS COMMAND [ARG...]
# Asks until the command succeeds. Says what it waits for if that is not at once.
wait_for() {
    local text=$1 limit=$2 start=$SECONDS told='' next=15
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $((SECONDS - start)) -ge "$limit" ]; then
            say "waited $limit s for $text in vain"
            return 1
        fi
        [ -n "$told" ] || { say "waiting for $text (at most $limit s)" && told=1; }
        if [ $((SECONDS - start)) -ge "$next" ]; then
            say "waiting for $text ... $((SECONDS - start)) s"
            next=$((next + 15))
        fi
        sleep 0.2
    done
    [ -z "$told" ] || say "$text: there after $((SECONDS - start)) s"
}

# Until the API server serves LearningPlatforms. "kubectl wait" alone ends with an error where a definition has no conditions yet.
await_definition() {
    wait_for "the definition of LearningPlatforms" 30 kubectl wait --for=condition=Established --timeout=5s \
        crd/learningplatforms.learningplatform.io
}
