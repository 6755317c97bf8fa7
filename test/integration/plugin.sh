#!/bin/bash
# kubectl-lp as a cluster's administrator has it: beside a real kubectl, in a real bash, on a real API server.
#   plugin.sh DIR       starts a control plane of its own in DIR and stops it; LP_BIN is where kubectl-lp lies
# shellcheck source-path=SCRIPTDIR disable=SC2317 # conditions are called by wait_for
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/integration/lib/shipped.sh

start_plane "$1" operator
mkdir -p "$dir/path"
ln -sf "$bin/kubectl-lp" "$PWD/cli/kubectl_complete-lp" "$dir/path/"
PATH=$dir/path:$PATH

kubectl apply -f crds/ >/dev/null
await_definition
kubectl create namespace learning >/dev/null
kubectl apply -f - >/dev/null <<'YAML'
apiVersion: learningplatform.io/v1alpha1
kind: LearningPlatform
metadata: {name: english, namespace: learning}
spec: {}
YAML
kubectl -n learning patch lp english --subresource=status --type=merge \
    -p '{"status": {"phase": "Ready", "services": [{"name": "gateway", "ready": 1, "desired": 1}, {"name": "exams", "ready": 1, "desired": 1}]}}' >/dev/null

# Keys, and what bash must show for them.
completes() {
    test/integration/lib/type_in_bash.py "source <(kubectl-lp completion bash)" "$1" "$2" || fails "completion in bash of $1"
}
completes 'kubectl-lp wh\t' 'kubectl-lp why '
completes 'kubectl-lp why -n learning eng\t' 'learning english '
completes 'kubectl-lp why -n lear\t' '-n learning '
completes 'kubectl-lp why -n learning english \t\t' 'exams +gateway'
completes 'kubectl-lp record --names\t' '--namespace '
completes 'kubectl-lp load --shape fl\t' '--shape flat '
completes 'kubectl-lp render -f charts/learning-pl\t' 'charts/learning-platform/'

# kubectl itself asks kubectl_complete-lp (KUBECTL_PLUGINS of every kubectl since 1.26).
[ "$(kubectl __complete lp why -n learning eng 2>/dev/null)" = "$(printf 'english\tReady\n:4')" ] ||
    fails "kubectl __complete lp: $(kubectl __complete lp why -n learning eng 2>&1)"
kubectl lp help why | grep -q '^kubectl lp why:' || fails "kubectl lp help why"

kubectl lp help -o man >"$dir/kubectl-lp.1"
if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 "$dir/kubectl-lp.1" >"$dir/man" 2>"$dir/man.warnings" || fails "groff takes no man page of ours"
    [ ! -s "$dir/man.warnings" ] || fails "the man page: $(head -3 "$dir/man.warnings")"
    grep -q 'kubectl lp simulate' "$dir/man" || fails "the man page has no simulate"
else
    echo "no groff here: the man page is not rendered"
fi

exit "$bad"
