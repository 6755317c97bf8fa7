# A list of checks with one line each and a JUnit file at the end. Sourced after common.sh, never run.
# shellcheck shell=bash

declare -a junit_cases
checks_passed=0 checks_failed=0

xml_escape() {
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g' | tr -d '\000-\010\013\014\016-\037'
}

# check SENTENCE COMMAND...: the command's status decides; its output is shown where it failed.
# The command runs in a subshell, so that a die() in it ends the check and not the run.
check() {
    local sentence=$1 start=$SECONDS output status
    shift
    # Not as `|| status=$?`: whatever stands before an || goes on after a command that failed, set -e or not.
    set +e
    output=$(set -euo pipefail; "$@" 2>&1)
    status=$?
    set -e
    if [ "$status" = 0 ]; then
        checks_passed=$((checks_passed + 1))
        printf 'ok      %4d s  %s\n' $((SECONDS - start)) "$sentence"
        junit_cases+=("<testcase name=\"$(xml_escape <<<"$sentence")\" time=\"$((SECONDS - start))\"/>")
        return 0
    fi
    checks_failed=$((checks_failed + 1))
    printf 'not ok  %4d s  %s\n' $((SECONDS - start)) "$sentence"
    # shellcheck disable=SC2001 # every line is indented
    sed 's/^/        /' <<<"$output" | tail -n 25
    junit_cases+=("<testcase name=\"$(xml_escape <<<"$sentence")\" time=\"$((SECONDS - start))\"><failure>$(xml_escape <<<"$output")</failure></testcase>")
    return 0
}

# Writes the JUnit file, prints the count; fails where a check failed.
checks_end() { # JUNIT_FILE
    [ -z "$1" ] || printf '<testsuite name="e2e" tests="%d" failures="%d">\n%s\n</testsuite>\n' \
        $((checks_passed + checks_failed)) "$checks_failed" "$(printf '%s\n' "${junit_cases[@]}")" >"$1"
    printf 'e2e: %d passed, %d failed\n' "$checks_passed" "$checks_failed"
    [ "$checks_failed" = 0 ]
}

# equals WHAT WANTED GOT
equals() {
    [ "$2" = "$3" ] || { echo "$1: wanted '$2', got '$3'" && return 1; }
}

contains() { # TEXT PART
    case $1 in
    *"$2"*) ;;
    *) echo "'$2' is not in: $1" && return 1 ;;
    esac
}
