#!/bin/bash
# Another version of the operator restarts no pod of a platform: the previous release, this one, the previous one again, each
# with its own install.yaml and its own rights; the pods' UIDs stay the same all the way.
#   upgrade.sh DIR      starts a control plane of its own in DIR and stops it; LP_BIN is where lp-operator lies.
# The previous release is built from this repository's history (LP_PREVIOUS, a commit or tag). Ends with 77, which ctest
# counts as skipped, where the clone is too shallow to have it and it cannot be fetched.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh
. test/integration/lib/processes.sh
. test/integration/lib/aggregation.sh
. test/integration/lib/kubelet.sh

command -v kubectl >/dev/null || need_parts kubectl
dir=$1 bin=$(realpath "${LP_BIN:?is where lp-operator lies}")
previous=${LP_PREVIOUS:-6b3690b9da1e99a2645efdea7b6a7cfdc0214ff1}
git cat-file -e "$previous^{commit}" 2>/dev/null || git fetch -q --depth 1 origin "$previous" 2>/dev/null || {
    say "skipped: this clone has no commit $previous, the previous release; fetch it with: git fetch --unshallow"
    exit 77
}
# shellcheck disable=SC2317 # called by the trap
end() {
    local pid
    for pid in $WATCHERS; do kill "$pid" 2>/dev/null || true; done
    stop_process "$dir" operator
    test/integration/control-plane stop "$dir" 2>/dev/null
}

old=$dir-previous
rm -rf "$old" && mkdir -p "$old"
git archive "$previous" | tar -xf - -C "$old"
(cd "$old" && cmake --preset release -DLP_TESTS=OFF >/dev/null && cmake --build --preset release --target lp-operator >build.log 2>&1) ||
    { tail -n 20 "$old/build.log" && die "the previous release does not build"; }

trap end EXIT
KUBECONFIG=$(test/integration/control-plane start "$dir")
export KUBECONFIG
bad=0
fails() { echo "not ok: $*"; bad=1; }

# shellcheck disable=SC2317 # called by wait_for
has_reconciled() {
    curl -fsS --max-time 2 "http://127.0.0.1:$(<"$dir/operator.port")/metrics" |
        grep -qE '^controller_runtime_reconcile_total\{[^}]*result="(success|requeue_after)"[^}]*\} [1-9]'
}

# shellcheck disable=SC2317
pods_are_there() {
    [ "$(kubectl -n learning get pods -l app.kubernetes.io/part-of=smallest -o name | wc -l)" -ge 6 ]
}

pods() {
    kubectl -n learning get pods -l app.kubernetes.io/part-of=smallest -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}' | sort
}

run_version() { # WHAT TREE BIN
    kubectl -n learning-platform-system delete deployment lp-operator --ignore-not-found --wait=true --timeout=60s >/dev/null
    stop_process "$dir" operator
    kubectl apply -f "$2/config/install.yaml" >/dev/null || fails "$1: its install.yaml is refused"
    start_operator_pod "$dir" operator "$3" learning-platform-system || fails "$1: the operator does not become ready"
    kubectl apply -f config/samples/smallest.yaml >/dev/null || fails "$1: smallest.yaml is refused"
    wait_for "$1 to reconcile" 60 has_reconciled || fails "$1: nothing is reconciled"
}

make_node here
kubectl create namespace learning >/dev/null
run_version "the previous release" "$old" "$old/build/release/bin"
wait_for "the pods" 60 pods_are_there || fails "the previous release makes no pods"
before=$(pods)
run_version "this version" . "$bin"
[ "$(pods)" = "$before" ] || fails "the upgrade changed pods: $(diff <(echo "$before") <(pods))"
say "after the upgrade: $(kubectl -n learning get lp smallest -o 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {end}')"
run_version "the previous release again" "$old" "$old/build/release/bin"
[ "$(pods)" = "$before" ] || fails "the downgrade changed pods: $(diff <(echo "$before") <(pods))"
refused=$(denied "$dir/audit.log" system:serviceaccount:learning-platform-system:lp-operator | sort | uniq -c | head)
[ -z "$refused" ] || fails "the operator was refused: $refused"
exit $bad
