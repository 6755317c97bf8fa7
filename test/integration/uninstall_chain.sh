#!/bin/bash
# Removal in any order with METRICS_API=Chain: the APIServices that another adapter had are its again, to the byte of their
# spec and with its own entries in managedFields only; they never lead to our Service when that is gone, and namespaces go
# within 60 s. Before, the other adapter is asked through us, by its Service's name. With the real garbage collector and
# namespace controller, and the operator with the rights that are shipped.
#   uninstall_chain.sh DIR [ORDER...]   starts a control plane of its own in DIR and stops it; LP_BIN is where lp-operator lies,
#                                       LP_KNOWN_NAME what makes its resolver know a name (test/fake/preload/known_name.c)
# shellcheck source-path=SCRIPTDIR disable=SC2317 # conditions are called by wait_for
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/integration/lib/shipped.sh
. test/integration/lib/uninstall.sh
. test/integration/lib/certificates.sh
start_plane "$1" operator
shift
end_all() {
    stop_process "$dir" other
    end_plane
}
trap end_all EXIT

# The other adapter, installed as its chart would: by a client that sends whole objects. Its Service has the port that it listens on,
# as there is no kube-proxy between.
port=$(free_port)
new_certificate "$dir/pki/other" "$dir/pki/ca" /CN=other 'subjectAltName = DNS:other-adapter.monitoring.svc' >>"$dir/openssl.log" 2>&1
start_process "$dir" other python3 test/integration/lib/other_adapter.py "$port" "$dir/pki/other.crt" "$dir/pki/other.key"
kubectl create namespace monitoring >/dev/null
service_to_host monitoring other-adapter "$port" >/dev/null
kubectl -n monitoring patch service other-adapter --type=json -p "[{\"op\": \"replace\", \"path\": \"/spec/ports/0/port\", \"value\": $port}]" >/dev/null

install=$dir/install.yaml
sed "s|{name: METRICS_API, value: \"Own\"}.*|{name: METRICS_API, value: \"Chain\"}\\
        - {name: LD_PRELOAD, value: \"${LP_KNOWN_NAME:?}\"}\\
        - {name: ASAN_OPTIONS, value: \"verify_asan_link_order=0\"}\\
        - {name: KNOWN_NAME, value: \"other-adapter.monitoring.svc=$(host_address)\"}|" config/install.yaml >"$install"
grep -q 'METRICS_API, value: "Chain"' "$install"

other_api_services() {
    local version
    for version in v1beta2 v1beta1; do
        cat <<YAML
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: $version.custom.metrics.k8s.io, labels: {app: other-adapter}}
spec:
  group: custom.metrics.k8s.io
  version: $version
  caBundle: $(base64 -w0 "$dir/pki/ca.crt")
  groupPriorityMinimum: 90
  versionPriority: 70
  service: {namespace: monitoring, name: other-adapter, port: $port}
YAML
    done
}

# Spec, annotations, owners and who owns fields of both, but for the times of writes.
state_of_both() {
    kubectl get apiservices v1beta2.custom.metrics.k8s.io v1beta1.custom.metrics.k8s.io --show-managed-fields -o json | jq -S '.items[]
        | {spec, labels: .metadata.labels, annotations: .metadata.annotations, owners: .metadata.ownerReferences,
           fields: [.metadata.managedFields[] | select(.subresource != "status") | del(.time)] | sort_by(.manager + .operation)}'
}

of_other() {
    [ "$(kubectl get apiservices v1beta2.custom.metrics.k8s.io v1beta1.custom.metrics.k8s.io -o 'jsonpath={.items[*].spec.service.namespace}')" = \
        'monitoring monitoring' ]
}

of_us() {
    [ "$(kubectl get apiservices v1beta2.custom.metrics.k8s.io v1beta1.custom.metrics.k8s.io -o 'jsonpath={.items[*].spec.service.namespace}')" = \
        "$system $system" ]
}

# By the garbage collector: the other adapter's next apply makes them anew.
of_nobody() {
    [ -z "$(kubectl get apiservices v1beta2.custom.metrics.k8s.io v1beta1.custom.metrics.k8s.io --ignore-not-found -o name)" ]
}

as_before() {
    state_of_both >"$dir/after.json" && cmp -s "$dir/before.json" "$dir/after.json"
}

is_available() {
    kubectl wait --for=condition=Available apiservice/v1beta2.custom.metrics.k8s.io apiservice/v1beta1.custom.metrics.k8s.io --timeout=1s
}

asks_the_other() {
    kubectl get --raw '/apis/custom.metrics.k8s.io/v1beta2/namespaces/learning/pods/*/requests' | grep '"value": "77"' >/dev/null
}

install_chained() {
    other_api_services | kubectl apply ${by_server:+--server-side} -f - >/dev/null
    wait_for "the other adapter" 60 is_available || fails "the other adapter is not Available"
    state_of_both >"$dir/before.json"
    install_operator "$install"
    wait_for "the chain" 60 of_us || fails "the APIServices do not lead to us"
    wait_for "the other adapter's metric through us" 60 asks_the_other || fails "the other adapter is not asked"
}

restored() {
    wait_for "the other adapter's APIServices" 60 as_before || {
        fails "the other adapter's APIServices are not as they were"
        diff "$dir/before.json" "$dir/after.json" || true
    }
}

nothing_is_left() {
    all_goes "$install"
    restored
    stranger_goes
    other_api_services | kubectl delete --wait=true --timeout=60s -f - >/dev/null
    stop_process "$dir" operator
}

platform_first() {
    install_chained
    install_platform
    kubectl -n learning delete lp smallest --wait=true --timeout=60s >/dev/null || fails "the platform is not deleted after 60 s"
    wait_for "the children to go" 60 no_children || fails "children are left"
    of_us || fails "the metrics API went with a platform"
    nothing_is_left
}

operator_first() {
    by_server=yes install_chained
    kubectl -n "$system" delete deployment lp-operator --wait=true --timeout=60s >/dev/null
    restored
    nothing_is_left
}

namespace_first() {
    install_chained
    namespace_goes $system
    restored
    nothing_is_left
}

definition_first() {
    install_chained
    kubectl delete crd $crd --wait=true --timeout=60s >/dev/null || fails "the definition is not deleted after 60 s"
    restored
    nothing_is_left
}

all_at_once() {
    install_chained
    install_platform
    kubectl delete -f "$install" --wait=true --timeout=60s >/dev/null || fails "install.yaml is not deleted after 60 s"
    nothing_is_left
}

# As helm uninstall goes, which leaves the definition and the namespace.
as_helm_does() {
    install_chained
    helm_uninstalls
    restored
    nothing_is_left
}

# As docs/install.md says to be certain.
as_documented() {
    install_chained
    kubectl -n "$system" scale deploy/lp-operator --replicas=0 >/dev/null
    kubectl wait --for=jsonpath='{.spec.service.namespace}'=monitoring apiservice/v1beta1.custom.metrics.k8s.io \
        apiservice/v1beta2.custom.metrics.k8s.io --timeout=60s >/dev/null || fails "scaled to 0 the APIServices still lead to us"
    kubectl delete -f "$install" --wait=true --timeout=60s >/dev/null || fails "install.yaml is not deleted after 60 s"
    nothing_is_left
}

# With nobody left to restore the garbage collector takes what leads to us when our rights go; its owner makes it again.
taken_by_collector() {
    wait_for "the APIServices to go" 60 of_nobody || fails "the APIServices are still there: $(state_of_both)"
    other_api_services | kubectl apply -f - >/dev/null
    wait_for "the other adapter" 60 is_available || fails "the other adapter is not Available again"
    all_goes "$install"
    stranger_goes
    other_api_services | kubectl delete --wait=true --timeout=60s -f - >/dev/null
}

killed_then_all() {
    install_chained
    kill_operator
    kubectl delete -f "$install" --wait=true --timeout=60s >/dev/null || fails "install.yaml is not deleted after 60 s"
    taken_by_collector
}

# The one case that needs an administrator, with the command of docs/install.md.
killed_then_namespace() {
    install_chained
    kill_operator
    kubectl delete namespace "$system" --wait=false >/dev/null
    of_us || fails "the APIServices do not lead to us any more: docs/install.md says otherwise"
    kubectl delete clusterrolebinding lp-operator-metrics-learning-platform-system >/dev/null
    kubectl wait --for=delete "namespace/$system" --timeout=60s >/dev/null || fails "namespace $system is still there after 60 s"
    taken_by_collector
}

[ $# -gt 0 ] || set -- platform_first operator_first namespace_first definition_first all_at_once as_helm_does as_documented killed_then_all killed_then_namespace
for order; do $order; done
exit $bad
