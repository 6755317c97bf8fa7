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

found() { # JQ: a finding of `kubectl lp check -o json` that is so
    jq -e "any(.checks[]; $1)" "$dir/check.json" >/dev/null || { fails "$1 in:" && jq -c '.checks[]' "$dir/check.json"; }
}
check() { # STATUS OPTION...: asks, and leaves the answer in check.json
    local wanted=$1 status=0
    shift
    kubectl lp check -o json "$@" >"$dir/check.json" 2>"$dir/check.err" || status=$?
    [ "$status" = "$wanted" ] || fails "kubectl lp check $*: status $status: $(cat "$dir/check.err")"
}

# Before the installation: what is missing is told, with what to do, and then it is not missing any more.
check 1 --pre
found '.check == "api-server" and .result == "ok"'
found '.check == "storage" and .result == "warn" and (.message | test("no StorageClass"))'
found '.check == "metrics-server" and .result == "fail" and (.remedy | test("install metrics-server"))'
found '.check == "definition" and .result == "ok" and .message == "not there yet"'
found '.check == "install-rights" and .result == "ok"'
check 1 --pre --as=ann
found '.check == "install-rights" and .result == "fail" and (.message | test("create customresourcedefinitions.apiextensions.k8s.io"))'
found '.check == "storage" and .result == "unknown" and (.message | test("storageclasses"))'
kubectl apply -f - >/dev/null <<'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: example.org/none
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService # without a service: the API server itself answers, and calls it available
metadata: {name: v1beta1.metrics.k8s.io}
spec: {group: metrics.k8s.io, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100}
YAML
no_failure_before() { kubectl lp check --pre >/dev/null; }
wait_for "nothing to fail before the installation" 30 no_failure_before || fails "kubectl lp check --pre: $(kubectl lp check --pre)"
kubectl lp check --request-timeout 2s -s https://127.0.0.1:1 >/dev/null 2>&1 && fails "an API server that is not there is none"
[ "$(kubectl lp check -s https://127.0.0.1:1 >/dev/null 2>&1; echo $?)" = 2 ] || fails "status 2 of an error"

kubectl apply -f config/install.yaml >/dev/null
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
completes 'kubectl-lp why -n learning-\t' '-n learning-platform-system '
completes 'kubectl-lp why -n learning english \t\t' 'exams +gateway'
completes 'kubectl-lp record --names\t' '--namespace '
completes 'kubectl-lp load --shape fl\t' '--shape flat '
completes 'kubectl-lp render -f charts/learning-pl\t' 'charts/learning-platform/'

# Who may see platforms and no HPAs is told which right is missing, and all the rest.
kubectl -n learning create rolebinding ben --clusterrole=learning-platform-viewer --user=ben >/dev/null
kubectl lp status -n learning --as=ben >"$dir/status" || fails "kubectl lp status of who may see platforms alone"
grep -qE '^  gateway +1/1' "$dir/status" && grep -q 'not known: .*cannot get resource "horizontalpodautoscalers"' "$dir/status" ||
    fails "kubectl lp status: $(cat "$dir/status")"
kubectl lp why -n learning --as=ben | grep -q 'the HPA cannot be read: .*horizontalpodautoscalers' || fails "kubectl lp why names no missing right"

# kubectl itself asks kubectl_complete-lp (KUBECTL_PLUGINS of every kubectl since 1.26).
[ "$(kubectl __complete lp why -n learning eng 2>/dev/null)" = "$(printf 'english\tReady\n:4')" ] ||
    fails "kubectl __complete lp: $(kubectl __complete lp why -n learning eng 2>&1)"
kubectl lp help why | grep -q '^kubectl lp why:' || fails "kubectl lp help why"

kubectl lp help -o man >"$dir/kubectl-lp.1"
if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 "$dir/kubectl-lp.1" >"$dir/man" 2>"$dir/man.warnings" || fails "groff takes no man page of ours"
    [ ! -s "$dir/man.warnings" ] || fails "the man page: $(head -3 "$dir/man.warnings")"
    grep -qx 'SYNOPSIS' <(sed 's|.\x08||g; s|\x1b\[[0-9;]*m||g' "$dir/man") || fails "the man page has no SYNOPSIS"
    grep -q 'kubectl lp simulate' "$dir/man" || fails "the man page has no simulate"
else
    echo "no groff here: the man page is not rendered"
fi

# After it: an operator with the shipped rights.
kubectl -n learning delete lp english >/dev/null
check 1
found '.check == "leader" and .result == "fail"'
start_operator_pod "$dir" operator "$bin" learning-platform-system || fails "the operator does not start"
metrics_api_is_ours() { kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2; }
wait_for "the metrics API" 60 metrics_api_is_ours || fails "no metrics API"
check 1 # nobody is behind the pod's address here, so that its probes cannot be asked
found '.check == "definition" and .result == "ok"'
found '.check == "leader" and .result == "ok" and (.message | test("leads in learning-platform-system"))'
found '.check == "operator-rights" and .result == "ok" and (.message | test("has its [0-9]+ rights"))'
found '.check == "metrics-api" and .result == "ok" and (.message | test("v1beta2.*learning-platform-system/lp-metrics"))'
found '.check == "certificate" and .result == "ok"'
found '.check == "your-rights" and .result == "ok" and (.message | test("lp diff"))'
found '.check == "watches" and .result == "fail"'
jq -e '[.checks[] | select(.result == "fail") | .check] | unique == ["watches"]' "$dir/check.json" >/dev/null ||
    fails "more fails than the probes: $(jq -c '.checks[] | select(.result == "fail")' "$dir/check.json")"

# A right that the operator lost is named; who may see one namespace alone is told all that can be seen from there.
kubectl get clusterrole lp-operator-learning-platform-system -o json >"$dir/role"
jq '.rules |= map(select(.resources != ["poddisruptionbudgets"]))' "$dir/role" | kubectl replace -f - >/dev/null
check 1
found '.check == "operator-rights" and .result == "fail" and (.message | test("patch poddisruptionbudgets.policy"))'
jq 'del(.metadata.resourceVersion)' "$dir/role" | kubectl replace -f - >/dev/null
kubectl -n learning create rolebinding ann --clusterrole=learning-platform-viewer --user=ann >/dev/null
check 0 --as=ann -n learning
found '.check == "operator" and .result == "unknown" and (.message | test("cannot list resource"))'
found '.check == "your-rights" and .result == "warn" and (.message | test("kubectl lp diff.*patch learningplatforms"))'

[ "$(kubectl lp version -o json | jq -r '.operators[0].version, .definition.version' | sort -u)" = "$(kubectl lp --version | cut -d' ' -f2)" ] ||
    fails "kubectl lp version: $(kubectl lp version)"
kubectl patch crd learningplatforms.learningplatform.io --type=json \
    -p '[{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/schedules"}]' >/dev/null
kubectl lp version | grep -q 'definition  older, differs first in spec.schedules' || fails "an older definition: $(kubectl lp version)"

exit "$bad"
