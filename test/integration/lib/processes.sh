# Background processes with a pid file and a log each, in one folder. Sourced, never run.
# shellcheck shell=bash

# Ports asked for here are below the range from which the kernel gives out ports by itself.
free_port() {
    local port try
    for try in {1..200}; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
        [[ " ${USED_PORTS:-} " == *" $port "* ]] && continue
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return 0
        fi
    done
    die "found no free port between 20000 and 29999 in $try tries: close some programs."
}

# Starts FILE in a session of its own: DIR/NAME.pid, DIR/NAME.log.
start_process() { # DIR NAME FILE [ARG...]
    local dir=$1 name=$2
    shift 2
    setsid "$@" >>"$dir/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    echo $! >"$dir/$name.pid"
}

# Whether NAME runs, and is what was started here and not a stranger with the same number.
process_runs() { # DIR NAME
    local pid
    { read -r pid <"$1/$2.pid"; } 2>/dev/null || return 1
    grep -qsaF -- "$1/" "/proc/$pid/cmdline"
}

# Whether NAME, started by this very script, has ended.
process_ended() { # DIR NAME
    local pid
    read -r pid <"$1/$2.pid"
    [ ! -d "/proc/$pid" ] || grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"
}

# Asks to end, and ends by force after 5 s.
stop_process() { # DIR NAME
    local pid end=$((SECONDS + 5))
    if process_runs "$1" "$2"; then
        read -r pid <"$1/$2.pid"
        kill "$pid" 2>/dev/null
        while process_runs "$1" "$2"; do
            [ "$SECONDS" -lt "$end" ] || kill -KILL "$pid" 2>/dev/null
            sleep 0.05
        done
    fi
    rm -f "$1/$2.pid"
}

# Waits until CHECK succeeds; fails as soon as the process is gone.
wait_process() { # DIR NAME LIMIT_SECONDS CHECK [ARG...]
    local dir=$1 name=$2 end=$((SECONDS + $3))
    shift 3
    until "$@" >/dev/null 2>&1; do
        if process_ended "$dir" "$name" || [ "$SECONDS" -ge "$end" ]; then
            say "$name did not become ready"
            show_log "$dir/$name.log"
            return 1
        fi
        sleep 0.05
    done
}
