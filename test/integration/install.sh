#!/bin/bash
# What users apply, on a real API server: one command from nothing, every sample, the operator's rights to the letter.
#   install.sh DIR      starts a control plane of its own in DIR and stops it
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh

command -v kubectl >/dev/null || need_parts kubectl
dir=$1
trap 'test/integration/control-plane stop "$dir" 2>/dev/null' EXIT
KUBECONFIG=$(test/integration/control-plane start "$dir")
export KUBECONFIG
bad=0
fails() { echo "not ok: $*"; bad=1; }

kubectl apply -f config/all-in-one.yaml >"$dir/applied" 2>"$dir/warnings" || fails "all-in-one.yaml is refused: $(cat "$dir/warnings")"
[ ! -s "$dir/warnings" ] || fails "all-in-one.yaml: $(cat "$dir/warnings")"
await_definition
# kubectl says "configured" of every PodDisruptionBudget, whose selector it always replaces.
kubectl apply -f config/install.yaml | grep -vE ' unchanged$|^poddisruptionbudget' && fails "applying install.yaml over itself changes something"

operator_pods() { [ "$(kubectl -n learning-platform-system get pods -o name | wc -l)" = 2 ]; }
wait_for "two pods of the operator" 30 operator_pods || fails "restricted Pod Security lets no pod of the operator in"

for sample in config/samples/*.yaml config/manager/platform.yaml; do
    kubectl apply --server-side --dry-run=server --validate=strict -f "$sample" >/dev/null || fails "$sample"
done
kubectl -n learning-platform-system get configmap lp-seed -o 'jsonpath={.data.platform\.yaml}' |
    kubectl apply --server-side --dry-run=server --validate=strict -f - >/dev/null || fails "the seed of all-in-one.yaml"

# What `kubectl get lp` shows, and what a platform does not have.
columns_are_shown() {
    kubectl apply -f config/samples/smallest.yaml >/dev/null
    kubectl -n learning patch lp smallest --subresource=status --type=merge -p '{"status": {"phase": "Scaling", "replicas": "9/10",
        "lastScaling": "auth 2 to 4", "conditions": [{"type": "Ready", "status": "True", "reason": "AllAvailable", "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}' >/dev/null
    kubectl -n learning get lp smallest -o wide >"$dir/columns"
    grep -qE '^NAME +READY +PHASE +REPLICAS +SCALING +([A-Z]+ +)*AGE +([A-Z]+ +)*REASON' "$dir/columns" &&
        grep -qE '^smallest +True +Scaling +9/10 +auth 2 to 4 .*AllAvailable' "$dir/columns"
}
columns_are_shown || fails "kubectl get lp -o wide: $(cat "$dir/columns")"

scaling_the_whole_is_refused() {
    ! kubectl -n learning scale lp/smallest --replicas=2 2>"$dir/scale" && grep -q NotFound "$dir/scale" &&
        kubectl -n learning get lp smallest >/dev/null
}
scaling_the_whole_is_refused || fails "kubectl scale lp: $(cat "$dir/scale")"
kubectl -n learning delete lp smallest >/dev/null

# can EXPECTED VERB GROUP/RESOURCE[/SUBRESOURCE] NAMESPACE [NAME]: notes a question about the operator; "-" is the core group.
can() {
    local group=${3%%/*} resource=${3#*/}
    [ "$group" != - ] || group=''
    jq -cn --arg wanted "$1" --arg verb "$2" --arg group "$group" --arg resource "$resource" --arg ns "${4:-}" --arg name "${5:-}" \
        '($resource / "/") as $r | {apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview",
          spec: {user: "system:serviceaccount:learning-platform-system:lp-operator", extra: {wanted: [$wanted]},
            groups: ["system:serviceaccounts", "system:serviceaccounts:learning-platform-system", "system:authenticated"],
            resourceAttributes: {verb: $verb, group: $group, resource: $r[0], subresource: ($r[1] // ""), namespace: $ns, name: $name}}}'
}

ask_all() { # the questions, one JSON object a line; prints those whose answer is another
    kubectl create -f - -o json | jq -rs '(if length == 0 then error("no answer") else . end) | .[]
        | select((.status.allowed == (.spec.extra.wanted == ["yes"])) | not)
        | "not ok: wanted \(.spec.extra.wanted[0]), is allowed=\(.status.allowed): \(.spec.resourceAttributes | tojson)"'
}

own=learning-platform-system
{
    for kind in -/services -/serviceaccounts -/configmaps apps/deployments apps/statefulsets autoscaling/horizontalpodautoscalers \
        policy/poddisruptionbudgets networking.k8s.io/networkpolicies; do
        for verb in get list watch create patch delete; do can yes $verb $kind learning; done
    done
    can yes patch apps/deployments/scale learning
    can yes watch learningplatform.io/learningplatforms ''
    can yes create learningplatform.io/learningplatforms learning
    can yes patch learningplatform.io/learningplatforms/status learning
    can yes create events.k8s.io/events learning
    can yes list -/pods learning
    can yes create -/secrets learning
    can yes update coordination.k8s.io/leases $own lp-operator
    can yes update -/secrets $own lp-metrics-tls
    can yes create authentication.k8s.io/tokenreviews
    can yes create authorization.k8s.io/subjectaccessreviews
    can yes get -/configmaps kube-system extension-apiserver-authentication
    can yes patch apiregistration.k8s.io/apiservices '' v1beta2.custom.metrics.k8s.io
    can yes get apiextensions.k8s.io/customresourcedefinitions '' learningplatforms.learningplatform.io
    can yes get -/namespaces $own $own
    for verb in get list watch patch update delete; do can no $verb -/secrets learning; done
    can no get -/secrets $own other
    can no update coordination.k8s.io/leases kube-system kube-scheduler
    can no patch learningplatform.io/learningplatforms learning
    can no delete learningplatform.io/learningplatforms learning
    can no patch apiregistration.k8s.io/apiservices '' v1beta1.metrics.k8s.io
    can no delete -/pods learning
    can no create -/pods learning
    can no get -/nodes
    can no create rbac.authorization.k8s.io/clusterroles
    can no create rbac.authorization.k8s.io/rolebindings learning
    can no get -/namespaces kube-system kube-system
} >"$dir/questions"
ask_all <"$dir/questions" >"$dir/answers" || fails "the API server does not answer what the operator may do"
[ ! -s "$dir/answers" ] || fails "$(cat "$dir/answers")"
exit $bad
