# Messages of the image scripts and of the test scripts. Sourced, never run.
# shellcheck shell=bash

say() { # everything but a script's result goes to stderr
    printf '%(%H:%M:%S)T  %s\n' -1 "$*" >&2
}

die() { # one sentence that says what is wrong and what to do
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

need() { # COMMAND=PACKAGE...
    local pair
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null ||
            die "${pair%%=*} is missing: apt-get install ${pair#*=}"
    done
}
