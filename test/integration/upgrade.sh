#!/bin/bash
# Another version of the operator restarts no pod of a platform: the previous release, this one, the previous one again, each
# with its own install.yaml and its own rights; the pods' UIDs stay the same all the way.
#   upgrade.sh DIR      starts a control plane of its own in DIR and stops it; LP_BIN is where lp-operator lies.
# The previous release is built from this repository's history: LP_PREVIOUS (a commit or tag), else the newest tag before this
# commit, else the first commit whose operator can be run as this test does; its program is kept in the cache. Ends with 77, which ctest counts as skipped,
# where the clone has no such commit: it is shallow, or a copy without history.
# shellcheck source-path=SCRIPTDIR disable=SC2317 # conditions are called by wait_for
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/integration/lib/shipped.sh

previous_release() {
    local first
    [ -z "${LP_PREVIOUS:-}" ] || { echo "$LP_PREVIOUS" && return; }
    git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null && return
    first=$(git log --diff-filter=A --format=%H -- test/integration/lib/kubelet.sh 2>/dev/null | tail -n 1)
    [ -n "$first" ] && [ "$first" != "$(git rev-parse HEAD)" ] && echo "$first"
}

previous=$(previous_release) || {
    say "skipped: this clone holds no previous release of the operator; fetch its history with: git fetch --unshallow --tags"
    exit 77
}
git cat-file -e "$previous^{commit}" 2>/dev/null || die "this clone has no commit $previous (LP_PREVIOUS)."
old=$1-previous
rm -rf "$old" && mkdir -p "$old"
git archive "$previous" | tar -xf - -C "$old"
built=$old/build/release/bin/lp-operator
kept=$LP_CACHE/previous/lp-operator-$(git rev-parse "$previous^{commit}")-$(cc -dumpmachine)-$(cc -dumpfullversion)

# With the packages of its own time: hunspell was one of them.
build_previous() {
    say "building the previous release, $previous"
    # shellcheck disable=SC2016 # the list is its own
    (cd "$old" && bash -c '. test/e2e/lib/common.sh && . test/e2e/lib/build.sh && need_packages $BUILD_PACKAGES') ||
        die "the packages that the previous release is built with are not there"
    (cd "$old" && cmake --preset release -DLP_TESTS=OFF >/dev/null && cmake --build --preset release --target lp-operator >build.log 2>&1) ||
        { tail -n 20 "$old/build.log" && die "the previous release does not build"; }
    mkdir -p "$LP_CACHE/previous" && cp "$built" "$kept.$$" && mv "$kept.$$" "$kept"
}

# What was built once is kept, as long as this machine has its libraries.
if [ -x "$kept" ] && ! ldd "$kept" | grep -q 'not found'; then
    install -D "$kept" "$built"
else
    build_previous
fi
start_plane "$1" operator

has_reconciled() {
    curl -fsS --max-time 2 "http://127.0.0.1:$(<"$dir/operator.port")/metrics" |
        grep -qE '^controller_runtime_reconcile_total\{[^}]*result="(success|requeue_after)"[^}]*\} [1-9]'
}

pods_are_there() {
    [ "$(kubectl -n learning get pods -l app.kubernetes.io/part-of=smallest -o name | wc -l)" -ge 6 ]
}

pods() {
    kubectl -n learning get pods -l app.kubernetes.io/part-of=smallest -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}' | sort
}

# What the kubelet of a node would say of them: pods that never ran are no reason to hold an upgrade back.
pods_run() {
    local pod name status
    for pod in $(kubectl -n learning get pods -l app.kubernetes.io/part-of=smallest -o name); do
        name=$(kubectl -n learning get "$pod" -o 'jsonpath={.spec.containers[0].name}')
        status=$(jq -cn --arg name "$name" '{status: {phase: "Running", conditions: [{type: "Ready", status: "True"}], containerStatuses: [
            {name: $name, image: "x", imageID: "", ready: true, restartCount: 0, state: {running: {startedAt: "2026-01-01T00:00:00Z"}}}]}}')
        kubectl -n learning patch "$pod" --subresource=status -p "$status" >/dev/null || return
    done
}

run_version() { # WHAT TREE BIN
    kubectl -n learning-platform-system delete deployment lp-operator --ignore-not-found --wait=true --timeout=60s >/dev/null
    stop_process "$dir" operator
    kubectl apply -f "$2/config/install.yaml" >/dev/null || fails "$1: its install.yaml is refused"
    start_operator_pod "$dir" operator "$3" learning-platform-system || fails "$1: the operator does not become ready"
    kubectl apply -f config/samples/smallest.yaml >/dev/null || fails "$1: smallest.yaml is refused"
    wait_for "$1 to reconcile" 60 has_reconciled || fails "$1: nothing is reconciled"
}

kubectl create namespace learning >/dev/null
run_version "the previous release" "$old" "$old/build/release/bin"
wait_for "the pods" 60 pods_are_there || fails "the previous release makes no pods"
pods_run || fails "the pods cannot be marked as running"
before=$(pods)
run_version "this version" . "$bin"
[ "$(pods)" = "$before" ] || fails "the upgrade changed pods: $(diff <(echo "$before") <(pods))"
say "after the upgrade: $(kubectl -n learning get lp smallest -o 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {end}')"
run_version "the previous release again" "$old" "$old/build/release/bin"
[ "$(pods)" = "$before" ] || fails "the downgrade changed pods: $(diff <(echo "$before") <(pods))"
refused=$(denied "$dir/audit.log" system:serviceaccount:learning-platform-system:lp-operator | sort | uniq -c | sed -n 1,10p)
[ -z "$refused" ] || fails "the operator was refused: $refused"
exit $bad
