# What the tests share that run operators for pods of the shipped install files: a control plane of their own in a folder,
# its end, and the count of failures. Sourced in the project's folder, never run; sets dir, bin, bad and KUBECONFIG.
# shellcheck shell=bash disable=SC2034 # bad and bin are the scripts'
. test/e2e/lib/common.sh
. test/integration/lib/processes.sh
. test/integration/lib/aggregation.sh
. test/integration/lib/kubelet.sh

# shellcheck disable=SC2317 # called by the trap
end_plane() {
    local pid
    for pid in $WATCHERS; do kill "$pid" 2>/dev/null || true; done
    for pid in $OPERATORS; do stop_process "$dir" "$pid"; done
    test/integration/control-plane stop "$dir" 2>/dev/null
}

# The control plane in DIR; at the script's end it is stopped, and before it the operators of these names.
start_plane() { # DIR OPERATOR...
    dir=$1
    shift
    OPERATORS=$* bad=0
    bin=$(realpath "${LP_BIN:?is where lp-operator lies}")
    command -v kubectl >/dev/null || need_parts kubectl
    trap end_plane EXIT
    KUBECONFIG=$(test/integration/control-plane start "$dir")
    export KUBECONFIG
    make_node here
}

fails() {
    echo "not ok: $*"
    bad=1
}
